//! The last failed attempt to get a token, for the tasks that waited for it.

use std::sync::Arc;
use std::time::Instant;

use oci::RegistryHost;

use super::scope::Scopes;
use crate::fresh::LASTING_FAILURE;
use crate::{Error, RedactedUrl};

/// A failure and when it was known.
pub(super) struct FailedToken {
    at: Instant,
    asked: Scopes,
    host: RegistryHost,
    realm: RedactedUrl,
    source: Arc<Error>,
}

impl FailedToken {
    /// Remembers a token server's failure. A credential source's failures are remembered by `LoginKeeper`.
    pub(super) fn of(asked: &Scopes, error: &Error) -> Option<Self> {
        let Error::Token { host, realm, source } = error else { return None };
        let (at, asked, host) = (Instant::now(), asked.clone(), host.clone());
        Some(Self { at, asked, host, realm: realm.clone(), source: source.clone() })
    }

    /// The failure and its scopes, for a task that needs `need` and arrived at `arrival`. A task that waited for the failed attempt shares
    /// its error instead of trying itself. A task that arrives later tries again, unless the failure is final: thousands of images with a
    /// wrong password would lock the user out.
    pub(super) fn told(&self, need: &Scopes, arrival: Instant) -> Option<(Scopes, Error)> {
        let counts =
            self.at >= arrival || (!self.source.is_retryable() && self.at.elapsed() < LASTING_FAILURE);
        let Self { asked, host, realm, source, .. } = self;
        let told = || Error::Token { host: host.clone(), realm: realm.clone(), source: source.clone() };
        (counts && asked.covers(need)).then(|| (asked.clone(), told()))
    }
}
