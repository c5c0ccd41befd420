//! Requests of the check before a run: which server answers, whether it takes the login, what a token grants,
//! and where a blob is served from. They change nothing at the registry, except that some registries create a repository at
//! the first upload.

use std::time::SystemTime;

use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use oci::{Digest, RepositoryName};

use crate::auth::access_claim;
use crate::auth::challenge::challenges;
use crate::auth::scope::Scopes;
use crate::client::{Answered, Call, unexpected};
use crate::face::Face;
use crate::http::failure::in_time;
use crate::http::refusal::refusal;
use crate::{Access, Error, Offer, OptionalEndpoint, RedactedUrl, Registry, Repository, Withdrawn};

/// The answer of a registry's host to `/v2/` without a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// The status of the answer.
    pub status: StatusCode,
    /// The kind of server that the answer looks like.
    pub face: Face,
    /// Whether it wants a login.
    pub wants_login: WantsLogin,
    /// The server's clock, if it sends the time.
    pub date: Option<SystemTime>,
}

/// Whether `/v2/` is answered with a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WantsLogin {
    /// It is answered with a challenge.
    Yes,
    /// Anonymous requests are allowed.
    No,
}

/// A token server's grant for a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The registry wants no tokens: only an attempt shows the rights.
    NoToken,
    /// The token does not state its rights: only an attempt shows them.
    Opaque,
    /// The token states its rights.
    Told {
        /// The requested actions that it lacks, such as `push`. Empty if it has all.
        missing: Vec<String>,
    },
}

/// Where a blob is served from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobPlace {
    /// The registry serves it itself.
    Registry,
    /// The registry redirects reads to this host (and port), which serves it.
    Storage(String),
    /// It does not exist.
    Nowhere,
}

/// How it was tested that a repository may be pushed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushTrial {
    /// An upload session was opened and cancelled.
    Cancelled,
    /// We sent a request for an upload session that does not exist, which needs the right to push:
    /// this login could not have cancelled a real session.
    Asked,
    /// An upload session was opened, but the registry did not cancel it: it stays until the registry cleans up.
    Kept,
}

/// An upload session that no registry has opened.
const NO_UPLOAD: &str = "blobs/uploads/00000000-0000-4000-8000-000000000000";

impl Registry {
    /// Tests whether a repository may be pushed to, and leaves nothing there.
    ///
    /// # Errors
    /// It may not, with the registry's own text; or no answer came.
    pub async fn try_push(&self, name: &RepositoryName) -> Result<PushTrial, Error> {
        let whole = self.repository(name, Access::PullPushDelete);
        let may_cancel = match whole.grant().await {
            Ok(Grant::NoToken | Grant::Opaque) => true,
            Ok(Grant::Told { missing }) => missing.is_empty(),
            // A token server may refuse a request for more than it grants.
            Err(_) => false,
        };
        if !may_cancel {
            return self.repository(name, Access::PullPush).ask_about_no_upload().await;
        }
        let session = whole.start_upload().await?;
        Ok(match session.withdraw().await {
            Ok(Withdrawn::Gone) => PushTrial::Cancelled,
            Ok(Withdrawn::Unclear) | Err(_) => PushTrial::Kept,
        })
    }

    /// Requests `/v2/` without a login.
    pub async fn ping(&self) -> Result<Ping, Error> {
        let connection = self.connection().await?;
        let url = connection.root();
        let request = self.traffic_meter().send(connection.client.get(url.clone()));
        let response = in_time((&Method::GET, &url), self.patience().answer, request).await?;
        if is_not_now(response.status()) {
            return Err(refusal(&Method::GET, response).await);
        }
        Ok(Ping::of(response.status(), response.headers()))
    }

    /// Logs in as for any request, and requests only `/v2/`.
    ///
    /// # Errors
    /// The token server or the registry refuses the login, or the credential source fails.
    pub async fn try_login(&self) -> Result<(), Error> {
        let call = Call::new(Method::GET, self.connection().await?.root(), Scopes::default());
        let response = self.send(&call).await?;
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(unexpected(&call, response).await),
            status if is_not_now(status) => Err(unexpected(&call, response).await),
            // Some registries answer 404 here and still serve images.
            _ => Ok(()),
        }
    }
}

impl Repository {
    /// Whether the registry knows this repository, with or without tags in it. Some create it at the first upload.
    pub async fn is_known(&self) -> Result<bool, Error> {
        match self.tags().next().await {
            Ok(_) => Ok(true),
            Err(error) if error.offer(OptionalEndpoint::TargetTags) == Offer::NothingHere => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gets a token for the intended access, and returns what it lacks: registries give a login without the
    /// right to push a token without it, and refuse only the push.
    pub async fn grant(&self) -> Result<Grant, Error> {
        let need = self.scopes();
        let Some(header) = self.registry().authorization(&need).await? else { return Ok(Grant::NoToken) };
        let Some(token) = header.as_bytes().strip_prefix(b"Bearer ") else { return Ok(Grant::NoToken) };
        let granted = std::str::from_utf8(token).ok().and_then(access_claim::granted);
        Ok(granted.map_or(Grant::Opaque, |granted| Grant::Told { missing: need.missing_in(&granted) }))
    }

    async fn ask_about_no_upload(&self) -> Result<PushTrial, Error> {
        let call = self.call(Method::PATCH, NO_UPLOAD).await?;
        let call = call.header(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let response = self.registry().send(&call).await?;
        if response.status().is_success() {
            return Ok(PushTrial::Asked);
        }
        let refused = unexpected(&call, response).await;
        // The refusal concerns only this session: distribution answers 400 BLOB_UPLOAD_INVALID, others 404.
        let is_session =
            matches!(refused.status().map(|status| status.as_u16()), Some(400 | 404 | 409 | 416));
        let is_name = refused.has_code("NAME_UNKNOWN") || refused.has_code("NAME_INVALID");
        if is_session && !is_name { Ok(PushTrial::Asked) } else { Err(refused) }
    }

    /// Follows a blob's redirects to the host that serves it, without reading it. Uses GET, because many registries answer HEAD
    /// themselves, and redirect only reads.
    ///
    /// # Errors
    /// An error that names another host than the registry's concerns the storage to which the registry redirects.
    pub async fn locate_blob(&self, digest: &Digest) -> Result<BlobPlace, Error> {
        if !self.has_blob(digest).await? {
            return Ok(BlobPlace::Nowhere);
        }
        let call = self.call(Method::GET, &format!("blobs/{digest}")).await?;
        let response = self.registry().send(&call).await?;
        match response.status() {
            StatusCode::OK if Answered::of(&response).is_of_registry() => Ok(BlobPlace::Registry),
            StatusCode::OK => {
                Ok(BlobPlace::Storage(RedactedUrl::from(response.url()).host().unwrap_or_default()))
            }
            StatusCode::NOT_FOUND => Ok(BlobPlace::Nowhere),
            _ => Err(unexpected(&call, response).await),
        }
    }
}

/// Whether the answer only says that the server cannot answer now.
fn is_not_now(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

impl Ping {
    fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        let wants_login = if challenges(headers).is_empty() { WantsLogin::No } else { WantsLogin::Yes };
        let date = headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        Self { status, face: Face::of(status, headers), wants_login, date }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ping(status: u16, headers: &[(&'static str, &str)]) -> Ping {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        Ping::of(StatusCode::from_u16(status).unwrap(), &headers.collect())
    }

    #[test]
    fn faces_of_registries_and_others() {
        let version = ("docker-distribution-api-version", "registry/2.0");
        let challenge = ("www-authenticate", "Bearer realm=\"https://r.io/token\",service=\"r\"");
        let page = ("content-type", "text/html; charset=utf-8");
        for (status, headers, face) in [
            (200, vec![version, page], Face::Registry),
            (401, vec![challenge], Face::Registry),
            (401, vec![("www-authenticate", "Basic realm=\"r\""), page], Face::Registry),
            (200, vec![("content-type", "application/json")], Face::Registry),
            (200, vec![page], Face::WebPage),
            (404, vec![page], Face::WebPage),
            (404, vec![], Face::Unclear),
            (302, vec![("location", "/login")], Face::Unclear),
        ] {
            assert_eq!(ping(status, &headers).face, face, "{status} {headers:?}");
        }
        assert_eq!(ping(401, &[challenge]).wants_login, WantsLogin::Yes);
        assert_eq!(ping(200, &[version]).wants_login, WantsLogin::No);
    }

    #[test]
    fn the_servers_clock_is_read_where_it_tells_the_time() {
        let date = |text: &str| ping(200, &[("date", text)]).date;
        assert_eq!(
            date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(784_111_777))
        );
        assert_eq!((date("soon"), ping(200, &[]).date), (None, None));
    }
}
