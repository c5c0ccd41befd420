//! What one registry wants to see in `Authorization`: learned from its challenges, tokens kept until
//! shortly before they expire, each fetched once however many requests wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http::HeaderValue;
use url::Url;

use super::challenge::Challenge;
use super::credential::{Credentials, Login};
use super::realm::{self, Trust};
use super::scope::Scopes;
use super::token::{self, Token};
use crate::http::transport::Transport;
use crate::{Error, RegistryHost};

/// One registry's login.
pub(crate) struct Authenticator {
    host: RegistryHost,
    login: Login,
    /// What the login's source said, once it was asked.
    from_source: tokio::sync::Mutex<FromSource>,
    transport: Transport,
    scheme: RwLock<Scheme>,
    tokens: Mutex<HashMap<Scopes, Slot>>,
}

/// The lock is held while the token is fetched: that is what makes the others wait for it.
type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// What a login's source said.
#[derive(Default)]
enum FromSource {
    #[default]
    NotAsked,
    Nobody,
    User(Credentials),
}

/// How the registry wants to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scheme {
    /// Nothing was asked for so far.
    Open,
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

/// Where the registry was found, and how its host is asked.
#[derive(Clone, Copy)]
pub(crate) struct Base<'a> {
    pub(crate) url: &'a Url,
    /// The client for the registry's own host.
    pub(crate) client: &'a reqwest::Client,
}

/// What to do about a 401.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same request may succeed with another header.
    TryAgain,
    /// We have shown all that we have.
    Final,
}

impl Authenticator {
    pub(crate) fn new(host: RegistryHost, login: Login, transport: Transport) -> Self {
        let scheme = RwLock::new(Scheme::Open);
        let (from_source, tokens) = Default::default();
        Self { host, login, from_source, transport, scheme, tokens }
    }

    /// Held while the source is asked, so that it is asked once however many wait.
    async fn credentials(&self) -> Result<Option<Credentials>, Error> {
        let source = match &self.login {
            Login::Anonymous => return Ok(None),
            Login::User(credentials) => return Ok(Some(credentials.clone())),
            Login::Source(source) => source,
        };
        let mut known = self.from_source.lock().await;
        match &*known {
            FromSource::Nobody => return Ok(None),
            FromSource::User(credentials) if credentials.is_fresh() => return Ok(Some(credentials.clone())),
            FromSource::User(_) | FromSource::NotAsked => {}
        }
        let asked = source.credentials().await;
        let asked = asked.map_err(|source| Error::Login { host: self.host.clone(), source })?;
        *known = asked.clone().map_or(FromSource::Nobody, FromSource::User);
        Ok(asked)
    }

    /// The header for a request that touches `scopes`; none for an open registry.
    pub(crate) async fn header(&self, base: Base<'_>, scopes: &Scopes) -> Result<Option<HeaderValue>, Error> {
        let scheme = self.scheme.read().unwrap_or_else(PoisonError::into_inner).clone();
        match scheme {
            Scheme::Open => Ok(None),
            Scheme::Basic => Ok(self.credentials().await?.as_ref().map(Credentials::basic_header)),
            Scheme::Bearer { realm, service } => {
                self.token(base, &realm, service.as_deref(), scopes).await.map(Some)
            }
        }
    }

    async fn token(
        &self,
        base: Base<'_>,
        realm: &str,
        service: Option<&str>,
        scopes: &Scopes,
    ) -> Result<HeaderValue, Error> {
        let slot = self.slot(scopes);
        let mut token = slot.lock().await;
        if let Some(token) = token.as_ref().filter(|token| token.is_fresh()) {
            return Ok(token.header.clone());
        }
        let realm = realm::judge(&self.host, base.url, realm)?;
        let client = match realm.trust {
            Trust::OfRegistry => base.client.clone(),
            Trust::OfSystem => self.transport.verified_client()?,
        };
        let credentials = self.credentials().await?;
        let fetched = token::fetch(&client, &realm, service, scopes, credentials.as_ref()).await;
        let fetched = fetched.map_err(|source| Error::Token {
            host: self.host.clone(),
            realm: (&realm.url).into(),
            source: Box::new(source),
        })?;
        Ok(token.insert(fetched).header.clone())
    }

    fn slot(&self, scopes: &Scopes) -> Slot {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.entry(scopes.clone()).or_default().clone()
    }

    /// Learns from a 401 to a request that carried `sent`, and says whether to ask again.
    pub(crate) async fn learn(
        &self,
        challenges: &[Challenge],
        scopes: &Scopes,
        sent: Option<&HeaderValue>,
    ) -> Verdict {
        let offered = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        match (offered.or(challenges.first()), sent) {
            (Some(Challenge::Bearer { realm, service, .. }), None) => {
                self.set(Scheme::Bearer { realm: realm.clone(), service: service.clone() });
                Verdict::TryAgain
            }
            (Some(Challenge::Bearer { realm, service, error }), Some(sent)) => {
                self.set(Scheme::Bearer { realm: realm.clone(), service: service.clone() });
                self.forget(scopes, sent).await;
                // A new token would have the same rights as the one that was not enough.
                let hopeless = error.as_deref() == Some("insufficient_scope");
                if hopeless { Verdict::Final } else { Verdict::TryAgain }
            }
            (Some(Challenge::Basic), None) if !matches!(self.login, Login::Anonymous) => {
                self.set(Scheme::Basic);
                Verdict::TryAgain
            }
            // Harbor answers a refused token with a Basic challenge; the realm that we know still holds.
            (_, Some(sent)) if self.is_bearer() => {
                self.forget(scopes, sent).await;
                Verdict::TryAgain
            }
            _ => Verdict::Final,
        }
    }

    fn is_bearer(&self) -> bool {
        matches!(*self.scheme.read().unwrap_or_else(PoisonError::into_inner), Scheme::Bearer { .. })
    }

    fn set(&self, scheme: Scheme) {
        *self.scheme.write().unwrap_or_else(PoisonError::into_inner) = scheme;
    }

    /// Drops the token that was refused, unless somebody has already fetched another.
    async fn forget(&self, scopes: &Scopes, refused: &HeaderValue) {
        let slot = self.slot(scopes);
        let mut token = slot.lock().await;
        if token.as_ref().is_some_and(|token| token.header == *refused) {
            *token = None;
        }
    }
}
