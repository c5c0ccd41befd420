//! Anonymous tokens for other servers to which a registry redirects reads. They are requested without a login, so a
//! challenge of those servers can leak no secret, and changes nothing in the registry's own state.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use oci::RegistryHost;
use url::Url;

use super::challenge::{Challenge, bearer};
use super::realm::{self, Realm};
use super::scope::Scopes;
use super::token::Token;
use super::token_request::{Grant, Question};
use crate::Error;
use crate::http::traffic::TrafficMeter;

/// The most servers and repositories that are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// The tokens by origin and by the scopes needed at the registry.
#[derive(Default)]
pub(crate) struct VisitorTokens(Mutex<HashMap<(String, Scopes), Slot>>);

/// A token's slot. The lock is held while the token is fetched, so that it is fetched once.
type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The token that another server asks for.
pub(crate) struct Invitation {
    realm: Realm,
    service: Option<String>,
    scopes: Scopes,
}

impl Invitation {
    /// Reads it from the challenges of the server at `url`. `None` if the server asks for no token, or names a token
    /// server that is less safe than itself.
    pub(crate) fn of(host: &RegistryHost, url: &Url, offered: &[Challenge], need: &Scopes) -> Option<Self> {
        let Challenge::Bearer { realm, service, scope, .. } = bearer(offered)? else { return None };
        let realm = realm::judge(host, url, realm, None).ok()?;
        let named = Scopes::parse(scope.as_deref().unwrap_or_default());
        let scopes = if named.count() > 0 { named } else { need.clone() };
        Some(Self { realm, service: service.clone(), scopes })
    }

    pub(crate) fn realm(&self) -> &Url {
        &self.realm.url
    }
}

impl VisitorTokens {
    /// The header for a request that the registry redirected to `url`, if a token was needed there before.
    pub(crate) async fn header(&self, url: &Url, need: &Scopes) -> Option<HeaderValue> {
        let slot = self.lock().get(&key(url, need))?.clone();
        let held = slot.lock().await;
        held.as_ref().filter(|token| token.is_fresh()).map(|token| token.header.clone())
    }

    /// Gets a token in place of `refused`. Returns whether there is a new one now.
    ///
    /// # Errors
    /// A failure that a retry may solve.
    pub(crate) async fn renew(
        &self,
        (client, meter, patience): (&reqwest::Client, &TrafficMeter, Duration),
        url: &Url,
        need: &Scopes,
        invitation: Invitation,
        refused: Option<&HeaderValue>,
    ) -> Result<bool, Error> {
        let slot = self.slot(url, need);
        let mut held = slot.lock().await;
        if held.as_ref().is_some_and(|token| token.is_fresh() && Some(&token.header) != refused) {
            return Ok(true);
        }
        let Invitation { realm, service, scopes } = &invitation;
        let question = Question { client, meter, patience, realm, service: service.as_deref(), scopes };
        match question.ask(&Grant::Nothing).await {
            Ok((token, _)) => {
                *held = Some(token);
                Ok(true)
            }
            Err(error) if error.is_retryable() => Err(error),
            // The caller reports the answer that asked for the token.
            Err(_) => Ok(false),
        }
    }

    fn slot(&self, url: &Url, need: &Scopes) -> Slot {
        let mut slots = self.lock();
        if slots.len() >= MOST_REMEMBERED {
            slots.clear();
        }
        slots.entry(key(url, need)).or_default().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, Scopes), Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(url: &Url, need: &Scopes) -> (String, Scopes) {
    (url.origin().ascii_serialization(), need.clone())
}
