//! Fetches one bearer token. Spec: distribution, "Token Authentication".

use std::time::{Duration, Instant};

use http::{HeaderValue, Method};
use serde::Deserialize;

use super::credential::{Credentials, sensitive};
use super::realm::Realm;
use super::scope::Scopes;
use crate::error::Problem;
use crate::http::body::read_to_limit;
use crate::http::failure::{stalled, transport_error};
use crate::http::refusal::refusal;
use crate::http::stall::FIRST_BYTE_TIMEOUT;
use crate::{Error, RedactedUrl};

/// The most that is read of a token server's answer: tokens with many scopes have some kilobytes.
const MOST_BYTES: u64 = 1 << 20;
/// What the specification says a token lives for when the answer doesn't.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);

/// A bearer token with its time.
pub(crate) struct Token {
    pub(crate) header: HeaderValue,
    renew_at: Instant,
}

impl Token {
    /// Whether it may be used for a new request.
    pub(crate) fn is_fresh(&self) -> bool {
        Instant::now() < self.renew_at
    }
}

#[derive(Deserialize)]
struct Answer {
    token: Option<secrecy::SecretString>,
    access_token: Option<secrecy::SecretString>,
    expires_in: Option<f64>,
}

/// Asks `realm` for a token; anonymously without credentials.
pub(crate) async fn fetch(
    client: &reqwest::Client,
    realm: &Realm,
    service: Option<&str>,
    scopes: &Scopes,
    credentials: Option<&Credentials>,
) -> Result<Token, Error> {
    let mut url = realm.url.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = service {
            query.append_pair("service", service);
        }
        for scope in scopes.texts() {
            query.append_pair("scope", &scope);
        }
        if let Some(credentials) = credentials {
            query.append_pair("account", credentials.user());
        }
    }
    let mut request = client.get(url.clone());
    if let Some(credentials) = credentials {
        request = request.header(http::header::AUTHORIZATION, credentials.basic_header());
    }
    let asked = Instant::now();
    let response = tokio::time::timeout(FIRST_BYTE_TIMEOUT, request.send())
        .await
        .map_err(|_| stalled(&Method::GET, &url))?
        .map_err(|error| transport_error(&Method::GET, &url, error))?;
    if !response.status().is_success() {
        return Err(refusal(&Method::GET, response).await);
    }
    let body = read_to_limit(&Method::GET, response, MOST_BYTES).await?;
    read(&body, asked).map_err(|problem| Error::Protocol {
        method: Method::GET,
        url: RedactedUrl::from(&url),
        problem,
    })
}

fn read(body: &[u8], asked: Instant) -> Result<Token, Problem> {
    use secrecy::ExposeSecret as _;

    // The parser's message could quote the token.
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| Problem::Json("no token document".to_owned()))?;
    let mut tokens = [answer.token, answer.access_token].into_iter().flatten();
    let token = tokens.find(|token| !token.expose_secret().is_empty());
    let token = token.ok_or_else(|| Problem::Json("neither `token` nor `access_token`".to_owned()))?;
    let lifetime = answer
        .expires_in
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|lifetime| !lifetime.is_zero())
        .unwrap_or(DEFAULT_LIFETIME);
    Ok(Token {
        header: sensitive(&format!("Bearer {}", token.expose_secret())),
        renew_at: asked + renewal(lifetime),
    })
}

/// When to fetch the next one: with a fifth of the life, but no more than 30 s, left. Counted by our
/// own clock from before we asked, so that a server's wrong clock does no harm.
fn renewal(lifetime: Duration) -> Duration {
    lifetime.saturating_sub((lifetime / 5).min(Duration::from_secs(30)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c72_both_names_and_a_default_lifetime() {
        let header = |body: &str| read(body.as_bytes(), Instant::now()).map(|token| token.header);
        assert_eq!(header(r#"{"token":"a","expires_in":300}"#).unwrap(), "Bearer a");
        assert_eq!(header(r#"{"access_token":"b"}"#).unwrap(), "Bearer b");
        assert_eq!(header(r#"{"token":"","access_token":"b"}"#).unwrap(), "Bearer b");
        assert!(matches!(header("{}"), Err(Problem::Json(_))));
        assert!(matches!(header("<html>"), Err(Problem::Json(_))));
        assert_eq!(renewal(DEFAULT_LIFETIME), Duration::from_secs(48));
        assert_eq!(renewal(Duration::from_secs(1800)), Duration::from_secs(1770));
    }
}
