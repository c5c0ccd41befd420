//! Sends requests to Harbor's API and reads its answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use registry::{
    Credentials, NotFollowed, Offer, OptionalEndpoint, Problem, RedactedUrl, Refusal, keeps_login,
    read_to_limit,
};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
};
use reqwest::{Client, Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::Error;

/// How long a whole answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The most that is read of one answer: a hundred artifacts with labels and scan results are far smaller.
const LARGEST_ANSWER: u64 = 32 << 20;
/// Redirects on one host, as from a name without a slash to one with it.
const MOST_HOPS: usize = 3;
/// Without it Harbor takes a project's name of digits for its id.
const NAME_NOT_ID: &str = "x-is-resource-name";

/// One Harbor as one user sees it. Cheap to clone.
#[derive(Clone)]
pub struct Harbor(Arc<Shared>);

struct Shared {
    client: Client,
    base: Url,
    login: Option<HeaderValue>,
    version: ApiVersion,
}

/// Which API a Harbor speaks.
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
    /// `path` begins below the API's root and is sent as it is: names in it are encoded already.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), query: Vec::new(), body: None }
    }

    pub(super) fn post(path: impl Into<String>, body: &serde_json::Value) -> Self {
        Self { method: Method::POST, body: Some(body.to_string()), ..Self::get(path) }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

/// An answer that says yes.
pub(super) struct Answer {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if self.is_web_page() {
            return Err(Error::WebPage { url: RedactedUrl::from(&self.url) });
        }
        serde_json::from_slice(&self.body).map_err(|error| self.broken(Problem::Json(error.to_string())))
    }

    pub(super) fn broken(&self, problem: Problem) -> Error {
        protocol(&Method::GET, &self.url, problem)
    }

    fn is_web_page(&self) -> bool {
        let media_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
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
    /// Finds out which API answers at `base` (`scheme://host:port/`), and whether it accepts the login.
    ///
    /// `client` neither follows redirects nor keeps cookies, as [`registry::Registry::http`] gives it. The
    /// login is sent to this host alone, and not before the host has proved to be a Harbor.
    ///
    /// # Errors
    /// [`Error::NotHarbor`]; [`Error::TokenOnly`], before anything is asked; [`Error::LoginIgnored`] with API v2.0, which answers a wrong password by
    /// showing public projects alone.
    pub async fn connect(client: Client, base: &Url, login: Option<&Credentials>) -> Result<Self, Error> {
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

    /// Which API it speaks.
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
            // A 2.0 whose `/api/version` is kept away by what stands in front of it.
            if info.harbor_version.starts_with("v2.") { ApiVersion::Two } else { ApiVersion::One }
        }))
    }

    /// An answer, if there is one; what says that there is nothing here is none.
    async fn probed(&self, call: &Call) -> Result<Option<Answer>, Error> {
        match self.ask(call, &[StatusCode::OK]).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Error::Api(registry::Error::Protocol { .. })) => Ok(None),
            Err(error) if error.refusal().is_some_and(is_no_offer) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks for a value.
    pub(super) async fn value<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        self.ask(call, &[StatusCode::OK]).await?.json()
    }

    /// Sends a request; a status that is not hoped for is an error.
    pub(super) async fn ask(&self, call: &Call, hoped: &[StatusCode]) -> Result<Answer, Error> {
        let response = self.send(call).await?;
        if !hoped.contains(&response.status()) {
            let refusal = Refusal::read(&call.method, response).await;
            return Err(registry::Error::Refused(Box::new(refusal)).into());
        }
        let (url, headers) = (response.url().clone(), response.headers().clone());
        let body = read_to_limit(&call.method, response, LARGEST_ANSWER).await?;
        Ok(Answer { url, headers, body })
    }

    async fn send(&self, call: &Call) -> Result<Response, Error> {
        let mut url = self.url(call);
        for _ in 0..MOST_HOPS {
            let response = self
                .request(call, &url)
                .send()
                .await
                .map_err(|error| registry::Error::transport(&call.method, &url, error))?;
            let Some(next) = redirected(&call.method, &url, &response)? else { return Ok(response) };
            url = next;
        }
        let problem = Problem::Redirect { to: RedactedUrl::from(&url), why: NotFollowed::TooMany };
        Err(protocol(&call.method, &url, problem))
    }

    fn request(&self, call: &Call, url: &Url) -> reqwest::RequestBuilder {
        let mut request = self
            .0
            .client
            .request(call.method.clone(), url.clone())
            .timeout(ANSWER_TIMEOUT)
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "identity")
            .header(NAME_NOT_ID, "true");
        if let Some(login) = &self.0.login {
            request = request.header(AUTHORIZATION, login);
        }
        match &call.body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.clone()),
            None => request,
        }
    }

    fn url(&self, call: &Call) -> Url {
        let root = match self.0.version {
            ApiVersion::One => "/api",
            ApiVersion::Two => "/api/v2.0",
        };
        let mut url = self.0.base.clone();
        // Leaves percent signs alone, so that a name stays encoded twice.
        url.set_path(&format!("{root}/{}", call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        url
    }
}

/// Whether there may be no such API, for all that this says.
fn is_no_offer(refusal: &Refusal) -> bool {
    refusal.offer(OptionalEndpoint::Api) != Offer::Unclear
}

/// Where a read is to go on: the same host alone, and never from TLS to plain HTTP.
fn redirected(method: &Method, url: &Url, response: &Response) -> Result<Option<Url>, Error> {
    if !response.status().is_redirection() {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let Some(next) = location.and_then(|location| url.join(location).ok()) else {
        return Err(protocol(method, url, Problem::Header("location")));
    };
    match why_not(method, url, &next) {
        None => Ok(Some(next)),
        Some(why) => Err(protocol(method, url, Problem::Redirect { to: RedactedUrl::from(&next), why })),
    }
}

fn why_not(method: &Method, url: &Url, next: &Url) -> Option<NotFollowed> {
    if *method != Method::GET {
        Some(NotFollowed::OtherRequest)
    } else if keeps_login(url, next) {
        None
    } else {
        Some(if next.scheme() == "http" { NotFollowed::LeavesTls } else { NotFollowed::OtherServer })
    }
}

fn protocol(method: &Method, url: &Url, problem: Problem) -> Error {
    registry::Error::Protocol { method: method.clone(), url: RedactedUrl::from(url), problem }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(from: &str, to: &str) -> bool {
        why_not(&Method::GET, &from.parse().unwrap(), &to.parse().unwrap()).is_some()
    }

    #[test]
    fn redirects_stay_on_the_host() {
        assert!(!refused("https://h/api/a", "https://h/api/b"));
        assert!(!refused("http://h/api/a", "https://h/api/a"));
        assert!(refused("https://h/api/a", "http://h/api/a"));
        assert!(refused("https://h/api/a", "https://h:444/api/a"));
        assert!(refused("https://h/api/a", "https://login.h/api/a"));
        assert!(
            why_not(&Method::POST, &"https://h/".parse().unwrap(), &"https://h/".parse().unwrap()).is_some()
        );
    }

    #[test]
    fn a_name_stays_encoded_twice() {
        let shared = Shared {
            client: Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap(),
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
