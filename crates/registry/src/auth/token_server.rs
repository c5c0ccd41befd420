//! The order in which credentials are offered to a token server, and what its answers taught us.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Method;
use secrecy::SecretString;

use super::credential::{Credentials, Kind};
use super::token::Token;
use super::token_request::{Grant, Question};
use crate::Error;

/// The state of the token servers that one registry named.
#[derive(Default)]
pub(super) struct TokenServers(Mutex<HashMap<String, Known>>);

#[derive(Clone, Default)]
struct Known {
    /// The method by which the server took passwords.
    method: Option<Method>,
    /// The refresh token of the last answer.
    refresh_token: Option<SecretString>,
    refreshing: Refreshing,
}

/// Whether the server accepts the refresh tokens that it gives out unasked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Refreshing {
    #[default]
    Untried,
    Works,
    /// The first one did not work: some servers give them out, but do not understand the POST that uses them.
    Useless,
}

impl TokenServers {
    /// Fetches a token, by the first grant that the server takes.
    pub(super) async fn fetch(
        &self,
        question: Question<'_>,
        credentials: Option<&Credentials>,
    ) -> Result<Token, Error> {
        let key = format!("{} {}", question.realm.url, question.service.unwrap_or_default());
        let known = self.lock().get(&key).cloned().unwrap_or_default();
        let mut first_refusal = None;
        let mut grants = grants(&known, credentials).into_iter();
        let mut grant = grants.next().unwrap_or(Grant::Nothing);
        loop {
            let error = match question.ask(&grant).await {
                Ok((token, refresh_token)) => {
                    self.learn(&key, &grant, refresh_token);
                    return Ok(token);
                }
                Err(error) => error,
            };
            let next = grants.next().filter(|_| may_take_another(&grant, &error));
            let Some(next) = next else { return Err(first_refusal.unwrap_or(error)) };
            if matches!(grant, Grant::Refresh(_)) {
                // The user's own credentials still count: the refresh token was traded for them.
                self.drop_refresh_token(&key);
            } else {
                first_refusal.get_or_insert(error);
            }
            grant = next;
        }
    }

    /// Forgets the refresh tokens, because the login behind them is no longer valid.
    pub(super) fn forget_refresh_tokens(&self) {
        self.lock().values_mut().for_each(|known| known.refresh_token = None);
    }

    fn drop_refresh_token(&self, key: &str) {
        if let Some(known) = self.lock().get_mut(key) {
            known.refresh_token = None;
            if known.refreshing == Refreshing::Untried {
                known.refreshing = Refreshing::Useless;
            }
        }
    }

    fn learn(&self, key: &str, grant: &Grant, refresh_token: Option<SecretString>) {
        let mut known = self.lock();
        let known = known.entry(key.to_owned()).or_default();
        if matches!(grant, Grant::Basic(_) | Grant::Password(_)) {
            known.method = Some(grant.method());
        }
        if matches!(grant, Grant::Refresh(_)) {
            known.refreshing = Refreshing::Works;
        }
        let is_useful = !matches!(grant, Grant::Nothing) && known.refreshing != Refreshing::Useless;
        if is_useful && refresh_token.is_some() {
            known.refresh_token = refresh_token;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The grants to offer, best first.
fn grants(known: &Known, credentials: Option<&Credentials>) -> Vec<Grant> {
    let Some(credentials) = credentials else { return vec![Grant::Nothing] };
    let ours = match credentials.kind() {
        Kind::IdentityToken => vec![Grant::Refresh(credentials.password().clone())],
        Kind::RegistryToken => vec![Grant::Nothing],
        Kind::Password => {
            let (basic, password) = (Grant::Basic(credentials.clone()), Grant::Password(credentials.clone()));
            match known.method {
                None => vec![basic, password],
                Some(Method::POST) => vec![password, basic],
                Some(_) => vec![basic],
            }
        }
    };
    known.refresh_token.clone().map(Grant::Refresh).into_iter().chain(ours).collect()
}

/// Whether the refusal is about the method of the request, not about the login.
fn may_take_another(grant: &Grant, error: &Error) -> bool {
    let status = error.status().map(|status| status.as_u16());
    match grant {
        // RFC 6749, section 5.2: an expired refresh token is a 400. Servers that do not understand the POST
        // answer anything, even a 5xx. Only an overloaded server (429) is not asked more.
        Grant::Refresh(_) => {
            status.is_some_and(|status| status != 429) || matches!(error, Error::Protocol { .. })
        }
        Grant::Basic(_) | Grant::Password(_) => matches!(status, Some(400 | 404 | 405)),
        Grant::Nothing => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(known: &Known, credentials: &Credentials) -> Vec<&'static str> {
        let shown = |grant: &Grant| match grant {
            Grant::Nothing => "nothing",
            Grant::Basic(_) => "basic",
            Grant::Password(_) => "password",
            Grant::Refresh(_) => "refresh",
        };
        grants(known, Some(credentials)).iter().map(shown).collect()
    }

    #[test]
    fn c73_the_order_of_grants() {
        let user = Credentials::new("user", "secret".into());
        let identity = Credentials::identity_token("secret".into());
        let known = |method: Option<Method>, refresh_token: Option<&str>| Known {
            method,
            refresh_token: refresh_token.map(SecretString::from),
            ..Known::default()
        };
        assert_eq!(shape(&known(None, None), &user), ["basic", "password"]);
        assert_eq!(shape(&known(Some(Method::GET), None), &user), ["basic"]);
        assert_eq!(shape(&known(Some(Method::POST), None), &user), ["password", "basic"]);
        assert_eq!(shape(&known(Some(Method::GET), Some("r")), &user), ["refresh", "basic"]);
        assert_eq!(shape(&known(None, None), &identity), ["refresh"]);
        assert!(matches!(grants(&known(None, None), None)[..], [Grant::Nothing]));
    }
}
