//! One bearer token, and how a token server's answer becomes one. Spec: distribution, "Token Authentication".

use std::time::{Duration, Instant};

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::access_claim::granted;
use super::credential::sensitive;
use super::scope::Scopes;
use crate::error::Problem;

/// A token's lifetime by the specification when the answer does not state one.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
/// The longest header that a token for several repositories may make: Quay and Azure refuse long ones, and
/// 8 KiB is all that nginx takes. openshift/oc#761, regclient#797.
const LONGEST_SHARED_HEADER: usize = 6 << 10;
/// A token that was fetched after a refusal and is refused within this time is not replaced again.
const YOUNG: Duration = Duration::from_secs(10);

/// A bearer token with its lifetime.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) header: HeaderValue,
    /// The scopes that it was requested for.
    pub(crate) asked: Scopes,
    /// The scopes that it states; opaque tokens state none.
    granted: Option<Scopes>,
    fetched: Instant,
    renew_at: Instant,
}

/// Why a token was fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// There was none, or it had expired.
    #[default]
    Usual,
    /// The registry refused the previous one.
    Refusal,
}

impl Token {
    /// Whether it is young enough for a new request.
    pub(crate) fn is_fresh(&self) -> bool {
        Instant::now() < self.renew_at
    }

    pub(crate) fn is_opaque(&self) -> bool {
        self.granted.is_none()
    }

    /// Whether it serves a request, as far as its claims show.
    pub(crate) fn serves(&self, need: &Scopes) -> bool {
        let is_short = self.header.len() <= LONGEST_SHARED_HEADER || self.asked == *need;
        is_short && self.granted.as_ref().unwrap_or(&self.asked).covers(need)
    }

    /// Whether another token may allow the request for which this one was refused.
    ///
    /// A missing right stays missing for a while. But tokens end early, and after a project was deleted and created
    /// again, Harbor wants a token that is younger than the project.
    pub(crate) fn is_worth_replacing(&self, occasion: Occasion, lacks_scope: bool) -> bool {
        let is_young = self.fetched.elapsed() < YOUNG;
        !(is_young && (lacks_scope || occasion == Occasion::Refusal))
    }
}

#[derive(Deserialize)]
struct Answer {
    token: Option<SecretString>,
    access_token: Option<SecretString>,
    refresh_token: Option<SecretString>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<f64>,
}

/// A number, or one in quotation marks; `None` for anything else.
fn seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::Number(number) => number.as_f64(),
        serde_json::Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// A token server's answer: the token, and the refresh token for the next one.
pub(crate) fn read(
    body: &[u8],
    scopes: &Scopes,
    asked: Instant,
) -> Result<(Token, Option<SecretString>), Problem> {
    // The parser's message could quote the token.
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| Problem::unreadable(body, &"no token document"))?;
    let is_there = |token: &SecretString| !token.expose_secret().is_empty();
    let token = [answer.token, answer.access_token].into_iter().flatten().find(is_there);
    let token = token.ok_or_else(|| Problem::Json("neither `token` nor `access_token`".to_owned()))?;
    let lifetime = answer
        .expires_in
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|lifetime| !lifetime.is_zero())
        .unwrap_or(DEFAULT_LIFETIME);
    let token = Token {
        header: sensitive(&format!("Bearer {}", token.expose_secret())),
        asked: scopes.clone(),
        granted: granted(token.expose_secret()),
        fetched: asked,
        renew_at: asked.checked_add(renewal(lifetime)).unwrap_or(asked + DEFAULT_LIFETIME),
    };
    Ok((token, answer.refresh_token.filter(is_there)))
}

/// When to fetch the next token: with a fifth of the lifetime, but at most 30 s, left. Counted by our
/// own clock from before the request, so that a server's wrong clock does no harm.
fn renewal(lifetime: Duration) -> Duration {
    lifetime.saturating_sub((lifetime / 5).min(Duration::from_secs(30)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(body: &str, asked: &str) -> Token {
        read(body.as_bytes(), &Scopes::parse(asked), Instant::now()).unwrap().0
    }

    #[test]
    fn c72_both_names_and_a_default_lifetime() {
        let header = |body: &str| {
            read(body.as_bytes(), &Scopes::default(), Instant::now()).map(|(token, _)| token.header)
        };
        assert_eq!(header(r#"{"token":"a","expires_in":300}"#).unwrap(), "Bearer a");
        assert_eq!(header(r#"{"access_token":"b"}"#).unwrap(), "Bearer b");
        assert_eq!(header(r#"{"token":"","access_token":"b"}"#).unwrap(), "Bearer b");
        assert!(matches!(header("{}"), Err(Problem::Json(_))));
        assert!(matches!(header("<html>"), Err(Problem::WebPage(None))));
        assert_eq!(renewal(DEFAULT_LIFETIME), Duration::from_secs(48));
        assert_eq!(renewal(Duration::from_secs(1800)), Duration::from_secs(1770));
    }

    #[test]
    fn c72_only_our_own_clock_counts() {
        let lifetime = |body: &str| {
            let token = token(body, "");
            (token.renew_at - token.fetched).as_secs()
        };
        assert_eq!(lifetime(r#"{"token":"a","expires_in":300,"issued_at":"1970-01-01T00:00:00Z"}"#), 270);
        assert_eq!(lifetime(r#"{"token":"a","expires_in":300,"issued_at":"2999-01-01T00:00:00Z"}"#), 270);
        for odd in ["0", "-5", "1e300", "null"] {
            assert_eq!(lifetime(&format!(r#"{{"token":"a","expires_in":{odd}}}"#)), 48, "{odd}");
        }
        assert!(token(r#"{"token":"a","expires_in":1e18}"#, "").is_fresh());
    }

    #[test]
    fn p10_a_lifetime_in_quotation_marks_is_one() {
        let lifetime = |body: &str| {
            let token = token(body, "");
            (token.renew_at - token.fetched).as_secs()
        };
        assert_eq!(lifetime(r#"{"token":"a","expires_in":"300"}"#), 270);
        for odd in [r#""soon""#, "[]", "{}", "true", r#""""#, r#""inf""#, r#""NaN""#] {
            assert_eq!(lifetime(&format!(r#"{{"token":"a","expires_in":{odd}}}"#)), 48, "{odd}");
        }
    }

    #[test]
    fn c75_a_token_serves_what_it_grants_or_else_what_was_asked() {
        let (small, both) =
            (Scopes::parse("repository:a:pull"), Scopes::parse("repository:a:pull repository:b:pull"));
        let opaque = token(r#"{"token":"opaque"}"#, &both.to_string());
        assert!(opaque.is_opaque() && opaque.serves(&small) && opaque.serves(&both));
        // {"access":[{"type":"repository","name":"a","actions":["pull"]}]}
        let claims = "eyJhY2Nlc3MiOlt7InR5cGUiOiJyZXBvc2l0b3J5IiwibmFtZSI6ImEiLCJhY3Rpb25zIjpbInB1bGwiXX1dfQ";
        let less = token(&format!(r#"{{"token":"h.{claims}.s"}}"#), &both.to_string());
        assert!(!less.is_opaque() && less.serves(&small) && !less.serves(&both));
    }

    #[test]
    fn c76_long_tokens_are_for_one_need_only() {
        let body = format!(r#"{{"token":"{}"}}"#, "x".repeat(LONGEST_SHARED_HEADER));
        let long = token(&body, "repository:a:pull repository:b:pull");
        assert!(!long.serves(&Scopes::parse("repository:a:pull")));
        assert!(long.serves(&long.asked));
    }

    #[test]
    fn c75_a_refused_token_is_replaced_once_until_it_is_old() {
        let mut token = token(r#"{"token":"a"}"#, "");
        assert!(token.is_worth_replacing(Occasion::Usual, false));
        assert!(!token.is_worth_replacing(Occasion::Usual, true));
        assert!(!token.is_worth_replacing(Occasion::Refusal, false));
        token.fetched = Instant::now().checked_sub(YOUNG).unwrap();
        assert!(token.is_worth_replacing(Occasion::Refusal, true));
    }

    #[test]
    fn c82_a_token_is_not_shown() {
        let shown = format!("{:?}", token(r#"{"token":"hunter2"}"#, ""));
        assert!(shown.contains("Sensitive") && !shown.contains("hunter2"), "{shown}");
    }
}
