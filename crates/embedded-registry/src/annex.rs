//! A second port of a registry, to which it redirects uploads: another origin, which asks for no login.

use std::sync::Arc;

use http::request::Parts;

use crate::answer::Answer;
use crate::body::RequestBody;
use crate::call::{Call, unescaped_path};
use crate::gate::Caller;
use crate::place::Place;
use crate::server::Shared;
use crate::service::{Desk, Service};

pub(crate) struct Annex(Arc<Shared>);

impl Annex {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

impl Service for Annex {
    fn desk(&self) -> &Desk {
        &self.0.desk
    }

    async fn answer(&self, head: &Parts, body: &mut RequestBody) -> Answer {
        let path = unescaped_path(head);
        let call = Call { shared: &self.0, head, caller: Caller::Annex };
        self.0.answer_api(call, Place::of(&path), body).await.unwrap_or_else(|refusal| refusal)
    }

    fn unauthorized(&self, head: &Parts) -> Answer {
        self.0.challenge(head)
    }

    fn complete(&self, answer: Answer) -> Answer {
        self.0.complete(answer)
    }
}
