//! Asks a token server: by GET, or by the POST of RFC 6749 if there is a refresh token or GET is refused.
//! Spec: distribution, "Token Authentication" and its `OAuth2` form.
//!
//! A refresh token is used if the server gives one, but never requested (`offline_token=true`): it would
//! outlive the run, and a login that is good for a token now is good for the next one, too.

use std::time::{Duration, Instant};

use http::Method;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use url::form_urlencoded::Serializer;

use super::credential::Credentials;
use super::realm::Realm;
use super::scope::Scopes;
use super::token::{self, Token};
use crate::error::Problem;
use crate::http::body::{foreign_encoding, read_to_limit};
use crate::http::failure::in_time;
use crate::http::redirect::Rule;
use crate::http::refusal::refusal;
use crate::http::traffic::TrafficMeter;
use crate::http::walk::Walk;
use crate::proven::Proven;
use crate::{Error, RedactedUrl};

/// The most that is read of a token server's answer: tokens with many scopes have some kilobytes.
const MOST_BYTES: u64 = 1 << 20;
/// Our client name at `OAuth2` servers.
const CLIENT_ID: &str = "image-syncer";

/// The credentials that are offered for a token.
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

/// The token server and the scopes to request.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(super) client: &'a reqwest::Client,
    pub(super) meter: &'a TrafficMeter,
    /// The longest wait for an answer.
    pub(super) patience: Duration,
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
    /// Sends one request. Returns the token, and the refresh token if the answer has one.
    pub(super) async fn ask(self, grant: &Grant) -> Result<(Token, Option<SecretString>), Error> {
        let method = grant.method();
        let asked = Instant::now();
        let url = if method == Method::GET { self.url(grant) } else { self.realm.url.clone() };
        let mut walk = Walk::begin(Rule::TokenServer, &method, url);
        loop {
            let response = self.send(&method, walk.url(), grant).await?;
            if response.status().is_success() {
                return self.read(&method, response, asked).await;
            }
            if !walk.goes_on((response.status(), response.headers()))? {
                return Err(refusal(&method, response).await);
            }
        }
    }

    async fn read(
        self,
        method: &Method,
        response: reqwest::Response,
        asked: Instant,
    ) -> Result<(Token, Option<SecretString>), Error> {
        let url = response.url().clone();
        // Only a registry names a token server.
        let proven = Proven::AsRegistry;
        let wrong = |problem| Error::Protocol {
            method: method.clone(),
            url: RedactedUrl::from(&url),
            problem,
            proven,
        };
        if let Some(encoding) = foreign_encoding(response.headers()) {
            return Err(wrong(Problem::Encoding(encoding)));
        }
        let body = read_to_limit(method, response, MOST_BYTES).await?;
        token::read(&body, self.scopes, asked).map_err(wrong)
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
        in_time((method, url), self.patience, self.meter.send(request)).await
    }

    /// The realm with the request's parameters in its query.
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
        // Without parameters, the query is empty and the URL ends in `?`.
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
