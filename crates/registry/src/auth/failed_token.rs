//! What became of the last attempt to get a token, for those who waited for it.

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
    /// Of what a token server said, or did not say. What keeps logins remembers its own failures.
    pub(super) fn of(asked: &Scopes, error: &Error) -> Option<Self> {
        let Error::Token { host, realm, source } = error else { return None };
        let (at, asked, host) = (Instant::now(), asked.clone(), host.clone());
        Some(Self { at, asked, host, realm: realm.clone(), source: source.clone() })
    }

    /// The failure, and for what was asked, for who needs `need` and came at `arrival`: who waited for it need not wait
    /// as long for its own. Who comes later asks anew, unless it was a no for good: thousands of images with a wrong
    /// password would lock the user out.
    pub(super) fn told(&self, need: &Scopes, arrival: Instant) -> Option<(Scopes, Error)> {
        let counts =
            self.at >= arrival || (!self.source.is_retryable() && self.at.elapsed() < LASTING_FAILURE);
        let Self { asked, host, realm, source, .. } = self;
        let told = || Error::Token { host: host.clone(), realm: realm.clone(), source: source.clone() };
        (counts && asked.covers(need)).then(|| (asked.clone(), told()))
    }
}
