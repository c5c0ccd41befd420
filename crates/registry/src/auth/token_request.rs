//! Asks a token server: by GET, or by the POST of RFC 6749 where there is a refresh token or GET is refused.
//! Spec: distribution, "Token Authentication" and its `OAuth2` form.
//!
//! A refresh token is used where one is given to us, but never asked for (`offline_token=true`): it would
//! outlive the run, and a login that is good for a token now is good for the next one, too.

use std::time::Instant;

use http::Method;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use url::form_urlencoded::Serializer;

use super::credential::Credentials;
use super::realm::Realm;
use super::scope::Scopes;
use super::token::{self, Token};
use crate::error::{NotFollowed, Problem};
use crate::http::body::{foreign_encoding, read_to_limit};
use crate::http::destination::LeavingTls;
use crate::http::failure::in_time;
use crate::http::origin::is_same_origin;
use crate::http::redirect;
use crate::http::refusal::refusal;
use crate::http::stall::FIRST_BYTE_TIMEOUT;
use crate::http::traffic::TrafficMeter;
use crate::{Error, RedactedUrl};

/// The most that is read of a token server's answer: tokens with many scopes have some kilobytes.
const MOST_BYTES: u64 = 1 << 20;
/// Token servers behind a proxy may send us to another path of theirs.
const MOST_HOPS: usize = 3;
/// How we introduce ourselves to `OAuth2` servers.
const CLIENT_ID: &str = "image-syncer";

/// What is given for a token.
#[derive(Clone, Debug)]
pub(crate) enum Grant {
    /// Nothing.
    Nothing,
    /// User and password in a GET's header.
    Basic(Credentials),
    /// User and password in a POST's form.
    Password(Credentials),
    /// A refresh token in a POST's form.
    Refresh(SecretString),
}

/// Where to ask, and for what.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(super) client: &'a reqwest::Client,
    pub(super) meter: &'a TrafficMeter,
    pub(super) realm: &'a Realm,
    pub(super) service: Option<&'a str>,
    pub(super) scopes: &'a Scopes,
}

impl Grant {
    pub(super) fn method(&self) -> Method {
        match self {
            Self::Nothing | Self::Basic(_) => Method::GET,
            Self::Password(_) | Self::Refresh(_) => Method::POST,
        }
    }
}

impl Question<'_> {
    /// Asks once. Gives the token, and the refresh token if one came along.
    pub(super) async fn ask(self, grant: &Grant) -> Result<(Token, Option<SecretString>), Error> {
        let method = grant.method();
        let asked = Instant::now();
        let mut url = if method == Method::GET { self.url(grant) } else { self.realm.url.clone() };
        for _ in 0..MOST_HOPS {
            let response = self.send(&method, &url, grant).await?;
            if response.status().is_success() {
                if let Some(encoding) = foreign_encoding(response.headers()) {
                    return Err(problem(&method, &url, Problem::Encoding(encoding)));
                }
                let body = read_to_limit(&method, response, MOST_BYTES).await?;
                return token::read(&body, self.scopes, asked).map_err(|what| problem(&method, &url, what));
            }
            let Some(to) = redirect::target(
                (&method, &url),
                (response.status(), response.headers()),
                LeavingTls::Refused,
            )?
            else {
                return Err(refusal(&method, response).await);
            };
            if !is_same_origin(&url, &to) {
                let (to, why) = (RedactedUrl::from(&to), NotFollowed::OtherServer);
                return Err(problem(&method, &url, Problem::Redirect { to, why }));
            }
            url = to;
        }
        let (to, why) = (RedactedUrl::from(&url), NotFollowed::TooMany);
        Err(problem(&method, &url, Problem::Redirect { to, why }))
    }

    async fn send(self, method: &Method, url: &Url, grant: &Grant) -> Result<reqwest::Response, Error> {
        let mut request = self.client.request(method.clone(), url.clone());
        if let Grant::Basic(credentials) = grant
            && let Some(header) = credentials.password_header()
        {
            request = request.header(http::header::AUTHORIZATION, header);
        }
        if *method == Method::POST {
            let kind = http::HeaderValue::from_static("application/x-www-form-urlencoded");
            request = request.header(http::header::CONTENT_TYPE, kind).body(self.form(grant));
        }
        in_time((method, url), FIRST_BYTE_TIMEOUT, self.meter.send(request)).await
    }

    /// The realm with the question in its query.
    fn url(self, grant: &Grant) -> Url {
        let mut url = self.realm.url.clone();
        let mut query = url.query_pairs_mut();
        if let Some(service) = self.service {
            query.append_pair("service", service);
        }
        for scope in self.scopes.texts() {
            query.append_pair("scope", &scope);
        }
        if let Grant::Basic(credentials) = grant {
            query.append_pair("account", credentials.user());
        }
        drop(query);
        // A question without a word ends in `?`.
        if url.query() == Some("") {
            url.set_query(None);
        }
        url
    }

    fn form(self, grant: &Grant) -> String {
        let mut form = Serializer::new(String::new());
        match grant {
            Grant::Refresh(token) => {
                form.append_pair("grant_type", "refresh_token");
                form.append_pair("refresh_token", token.expose_secret());
            }
            Grant::Password(credentials) => {
                form.append_pair("grant_type", "password");
                form.append_pair("username", credentials.user());
                form.append_pair("password", credentials.password().expose_secret());
            }
            Grant::Nothing | Grant::Basic(_) => {}
        }
        form.append_pair("service", self.service.unwrap_or_default());
        form.append_pair("client_id", CLIENT_ID);
        if self.scopes.count() > 0 {
            form.append_pair("scope", &self.scopes.to_string());
        }
        form.finish()
    }
}

fn problem(method: &Method, url: &Url, problem: Problem) -> Error {
    Error::Protocol { method: method.clone(), url: RedactedUrl::from(url), problem }
}
