//! From a request to its endpoint. One file for each family of the distribution specification.

mod blob;
mod completeness;
mod manifest;
mod mount;
mod referrer;
mod tag;
mod upload;

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;

use crate::access::Access;
use crate::answer::{Answer, Refusal};
use crate::body::RequestBody;
use crate::call::{Call, unescaped_path};
use crate::gate::Caller;
use crate::name;
use crate::place::Place;
use crate::server::Shared;

impl Shared {
    /// The right answer to a request.
    pub(crate) async fn right_answer(&self, head: &Parts, body: &mut RequestBody) -> Answer {
        let path = unescaped_path(head);
        if let Access::Token(access) = &self.settings.access
            && path == access.realm_path
        {
            return self.tokens.answer(access, head);
        }
        let place = Place::of(&path);
        let answer = match self.admit_name(head, place) {
            Ok(caller) => self.answer_api(Call { shared: self, head, caller }, place, body).await,
            Err(refusal) => Err(refusal),
        };
        answer.unwrap_or_else(|refusal| refusal)
    }

    fn admit_name(&self, head: &Parts, place: Place<'_>) -> Result<Caller, Answer> {
        match place.repository() {
            Some(repository) if !name::is_repository(repository) => Err(Refusal::NameInvalid.of(repository)),
            _ => self.admit(head, place),
        }
    }

    /// The answer to somebody who may ask.
    pub(crate) async fn answer_api(
        &self,
        call: Call<'_>,
        place: Place<'_>,
        body: &mut RequestBody,
    ) -> Result<Answer, Answer> {
        match place {
            Place::Manifest { repository, reference } => call.manifest(repository, reference, body).await,
            Place::Uploads { repository } => call.start_upload(repository, body).await,
            Place::Upload { repository, id } => call.upload(repository, id, body).await,
            Place::Blob { repository, digest } => call.blob(repository, digest),
            Place::Elsewhere => Err(Refusal::NoSuchEndpoint.into()),
            _ if !matches!(call.head.method, Method::GET | Method::HEAD) => Err(Refusal::Unsupported.into()),
            Place::Root => Ok(Answer::json(&json!({}))),
            Place::Catalog => call.catalog(),
            Place::Tags { repository } => call.tags(repository),
            Place::Referrers { repository, digest } => call.referrers(repository, digest),
        }
    }
}

/// The answer to what was put into a repository.
fn created(location: String, digest: &str) -> Answer {
    Answer::new(StatusCode::CREATED).header("location", location).header("docker-content-digest", digest)
}
