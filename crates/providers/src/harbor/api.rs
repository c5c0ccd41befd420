//! Sends requests to Harbor's API and reads its answers.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use registry::{
    Credentials, Follow, HostAnswer, HostClient, HostRequest, Offer, OptionalEndpoint, Problem, RedactedUrl,
    Refusal,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::Error;

/// The most bytes of one answer: a hundred artifacts with labels and scan results are far smaller.
const LARGEST_ANSWER: u64 = 32 << 20;
/// Without it Harbor takes a project name that consists of digits for an id.
const NAME_NOT_ID: HeaderName = HeaderName::from_static("x-is-resource-name");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// One Harbor with one login. Cheap to clone.
#[derive(Clone)]
pub struct Harbor(Arc<Shared>);

struct Shared {
    client: HostClient,
    base: Url,
    login: Option<HeaderValue>,
    version: ApiVersion,
}

/// The API version of a Harbor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiVersion {
    /// Harbor 1.x: `/api`.
    One,
    /// Harbor 2.0 and later: `/api/v2.0`.
    Two,
}

/// A request before it has its login.
pub(super) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<String>,
}

impl Call {
    /// `path` is relative to the API's root and sent as it is: names in it are encoded already.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), query: Vec::new(), body: None }
    }

    pub(super) fn post(path: impl Into<String>, body: &serde_json::Value) -> Self {
        Self { method: Method::POST, body: Some(body.to_string()), ..Self::get(path) }
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

/// A successful answer.
pub(super) struct Answer(HostAnswer);

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if self.is_web_page() {
            return Err(Error::WebPage { url: RedactedUrl::from(&self.0.url) });
        }
        serde_json::from_slice(self.body()).map_err(|error| self.broken(Problem::Json(error.to_string())))
    }

    pub(super) fn broken(&self, problem: Problem) -> Error {
        self.0.broken(problem).into()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    pub(super) fn body(&self) -> &Bytes {
        &self.0.body
    }

    fn is_web_page(&self) -> bool {
        let media_type = self.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        media_type.is_some_and(|media_type| media_type.trim_start().starts_with("text/html"))
    }
}

#[derive(Deserialize)]
struct VersionAnswer {
    version: String,
}

#[derive(Deserialize)]
struct FirstSystemInfo {
    harbor_version: String,
}

impl Harbor {
    /// Finds out which API version `base` (`scheme://host:port/`) serves, and whether it accepts the login.
    ///
    /// `client` and `base` are those of [`registry::Registry::host_client`]. The login is sent to this host only, and
    /// only after the host has proved to be a Harbor.
    ///
    /// # Errors
    /// [`Error::NotHarbor`]; [`Error::TokenOnly`], before any request; [`Error::LoginIgnored`] with API v2.0, which does not refuse a wrong
    /// password, but
    /// then shows only public projects.
    pub async fn connect(client: HostClient, base: &Url, login: Option<&Credentials>) -> Result<Self, Error> {
        let header = login.map(Credentials::password_header);
        if header == Some(None) {
            return Err(Error::TokenOnly { url: RedactedUrl::from(base) });
        }
        let anonymous = |version| Shared { client: client.clone(), base: base.clone(), login: None, version };
        let mut shared = anonymous(ApiVersion::Two);
        shared.version = match Self(Arc::new(anonymous(ApiVersion::One))).probe().await? {
            Some(version) => version,
            None => return Err(Error::NotHarbor { url: RedactedUrl::from(base) }),
        };
        shared.login = header.flatten();
        let harbor = Self(Arc::new(shared));
        if let (Some(login), ApiVersion::Two) = (login, harbor.version())
            && !harbor.system_info().await?.knows_us
        {
            let (url, user) = (RedactedUrl::from(base), login.user().to_owned());
            return Err(Error::LoginIgnored { url, user });
        }
        Ok(harbor)
    }

    /// The API version.
    pub fn version(&self) -> ApiVersion {
        self.0.version
    }

    async fn probe(&self) -> Result<Option<ApiVersion>, Error> {
        let said = self.probed(&Call::get("version")).await?;
        if let Some(answer) = said.and_then(|answer| answer.json::<VersionAnswer>().ok()) {
            return Ok(answer.version.starts_with("v2").then_some(ApiVersion::Two));
        }
        let said = self.probed(&Call::get("systeminfo")).await?;
        let first = said.and_then(|answer| answer.json::<FirstSystemInfo>().ok());
        Ok(first.map(|info| {
            // A 2.0 behind a proxy that blocks `/api/version`.
            if info.harbor_version.starts_with("v2.") { ApiVersion::Two } else { ApiVersion::One }
        }))
    }

    /// An answer, if there is one; `None` for an answer that says that there is no such API.
    async fn probed(&self, call: &Call) -> Result<Option<Answer>, Error> {
        match self.ask(call, &[StatusCode::OK]).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Error::Api(registry::Error::Protocol { .. })) => Ok(None),
            Err(error) if error.refusal().is_some_and(is_no_offer) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Requests a value.
    pub(super) async fn value<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        self.ask(call, &[StatusCode::OK]).await?.json()
    }

    /// Sends a request; a status that is not in `hoped` is an error.
    pub(super) async fn ask(&self, call: &Call, hoped: &[StatusCode]) -> Result<Answer, Error> {
        let answer = self.0.client.ask(&self.request(call)).await?;
        if hoped.contains(&answer.status) {
            Ok(Answer(answer))
        } else {
            Err(registry::Error::Refused(Box::new(answer.refusal())).into())
        }
    }

    fn request(&self, call: &Call) -> HostRequest {
        let mut request = HostRequest::new(call.method.clone(), self.url(call))
            .follow(Follow::SameHost)
            .up_to(LARGEST_ANSWER)
            .header(ACCEPT, JSON)
            .header(NAME_NOT_ID, HeaderValue::from_static("true"));
        if let Some(login) = &self.0.login {
            request = request.header(AUTHORIZATION, login.clone());
        }
        match &call.body {
            Some(body) => request.header(CONTENT_TYPE, JSON).body(body.clone()),
            None => request,
        }
    }

    fn url(&self, call: &Call) -> Url {
        let root = match self.0.version {
            ApiVersion::One => "/api",
            ApiVersion::Two => "/api/v2.0",
        };
        let mut url = self.0.base.clone();
        // Keeps percent signs, so that a name stays encoded twice.
        url.set_path(&format!("{root}/{}", call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        url
    }
}

/// Whether a refusal may mean that there is no such API.
fn is_no_offer(refusal: &Refusal) -> bool {
    refusal.offer(OptionalEndpoint::Api) != Offer::Unclear
}

#[cfg(test)]
mod tests {
    use registry::Transport;

    use super::*;

    #[test]
    fn a_name_stays_encoded_twice() {
        let shared = Shared {
            client: Transport::new("image-syncer/test", &[]).unwrap().host_client().unwrap(),
            base: "https://h:8443/".parse().unwrap(),
            login: None,
            version: ApiVersion::Two,
        };
        let call = Call::get("projects/library/repositories/a%252Fb/artifacts").query("q", "tags=*");
        let url = Harbor(Arc::new(shared)).url(&call);
        let expected = "https://h:8443/api/v2.0/projects/library/repositories/a%252Fb/artifacts?q=tags%3D*";
        assert_eq!(url.as_str(), expected);
    }
}
