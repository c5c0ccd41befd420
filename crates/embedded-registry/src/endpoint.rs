//! Routes a request to its endpoint. One file for each family of the distribution specification.

mod api;
mod blob;
mod link;
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
use crate::builder::limit::NewRepositories;
use crate::builder::referrer::Referrers;
use crate::call::{Call, unescaped_path};
use crate::gate::Caller;
use crate::name;
use crate::place::Place;
use crate::server::Shared;

/// The path to which GHCR-like registries redirect requests for referrers.
const WEBSITE: &str = "/website";

impl Shared {
    /// The correct answer to a request.
    pub(crate) async fn right_answer(&self, head: &Parts, body: &mut RequestBody) -> Answer {
        let path = unescaped_path(head);
        if let Access::Token(access) = &self.settings.access
            && path == access.realm_path
        {
            return self.tokens.answer(access, head, body).await;
        }
        let place = Place::of(&path);
        if let Some(answer) = self.before_all(head, &path).or_else(|| self.api(head, &path)) {
            return answer;
        }
        let answer = match self.admit_name(head, place) {
            Ok(caller) => self.answer_api(Call { shared: self, head, caller }, place, body).await,
            Err(refusal) => Err(refusal),
        };
        answer.unwrap_or_else(|refusal| refusal)
    }

    /// The checks before the registry's own: limits of requests and logins, and the website beside it.
    fn before_all(&self, head: &Parts, path: &str) -> Option<Answer> {
        let limits = &self.settings.limits;
        let login = head.headers.get(http::header::AUTHORIZATION).map_or(0, http::HeaderValue::len);
        if limits.longest_login.is_some_and(|longest| login > longest) {
            return Some(Answer::html(StatusCode::BAD_REQUEST, "Request Header Or Cookie Too Large"));
        }
        if let Some(wait) = self.quotas.take_request() {
            let seconds = wait.as_millis().div_ceil(1000).to_string();
            return Some(Answer::from(Refusal::TooManyRequests).header("retry-after", seconds));
        }
        let has_website = self.settings.referrers.kind == Referrers::Website && path == WEBSITE;
        has_website.then(|| Answer::html(StatusCode::OK, "Packages"))
    }

    fn admit_name(&self, head: &Parts, place: Place<'_>) -> Result<Caller, Answer> {
        match place.repository() {
            Some(repository) if !name::is_repository(repository) => Err(Refusal::NameInvalid.of(repository)),
            _ => self.admit(head, place),
        }
    }

    /// The answer to a caller that was admitted.
    pub(crate) async fn answer_api(
        &self,
        call: Call<'_>,
        place: Place<'_>,
        body: &mut RequestBody,
    ) -> Result<Answer, Answer> {
        if let Some(repository) = place.repository()
            && !matches!(call.head.method, Method::GET | Method::HEAD)
            && self.settings.limits.new_repositories == NewRepositories::Refused
            && self.store.ask(repository, |_| ()).is_none()
        {
            return Err(Refusal::NameUnknown.of(json!({"name": repository})));
        }
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

/// The answer to a successful push.
fn created(location: String, digest: &str) -> Answer {
    Answer::new(StatusCode::CREATED).header("location", location).header("docker-content-digest", digest)
}
