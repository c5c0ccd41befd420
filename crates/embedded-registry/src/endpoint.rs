//! From a request to its endpoint. One file for each family of the distribution specification.

mod blob;
mod completeness;
mod manifest;
mod referrer;
mod tag;
mod upload;

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;

use crate::access::Access;
use crate::answer::{Answer, Refusal};
use crate::call::{Call, RequestBody};
use crate::name;
use crate::place::Place;
use crate::server::Shared;

impl Shared {
    /// The right answer to a request.
    pub(crate) async fn answer(&self, head: &Parts, body: &mut RequestBody) -> Answer {
        // Clients may escape the colon of a digest. Nothing else of an API path ever needs escaping.
        let path = head.uri.path().replace("%3A", ":").replace("%3a", ":");
        if let Access::Token(access) = &self.settings.access
            && path == access.realm_path
        {
            return self.tokens.answer(access, head);
        }
        self.answer_api(head, Place::of(&path), body).await.unwrap_or_else(|refusal| refusal)
    }

    async fn answer_api(
        &self,
        head: &Parts,
        place: Place<'_>,
        body: &mut RequestBody,
    ) -> Result<Answer, Answer> {
        if let Some(repository) = place.repository()
            && !name::is_repository(repository)
        {
            return Err(Refusal::NameInvalid.of(repository));
        }
        let caller = self.admit(head, place)?;
        let call = Call { shared: self, head, caller };
        match place {
            Place::Manifest { repository, reference } => call.manifest(repository, reference, body).await,
            Place::Uploads { repository } => call.start_upload(repository),
            Place::Upload { repository, id } => call.upload(repository, id, body).await,
            Place::Blob { repository, digest } => call.blob(repository, digest),
            Place::Elsewhere => Err(Refusal::NoSuchEndpoint.into()),
            _ if !matches!(head.method, Method::GET | Method::HEAD) => Err(Refusal::Unsupported.into()),
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
