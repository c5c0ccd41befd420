//! What signs calls.

use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::error::Error;

/// Keys that end are asked for again with this much of their life left.
const EARLY: SignedDuration = SignedDuration::from_secs(180);

/// An access key; printing it shows its id only, which is no secret.
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    secret: SecretString,
    security_token: Option<SecretString>,
    expires: Option<Timestamp>,
}

/// Gives access keys, and new ones when they end.
pub trait AccessKeySource: Send + Sync {
    /// A key that is good for some minutes.
    fn access_key(&self) -> BoxFuture<'_, Result<AccessKey, Error>>;
}

impl AccessKey {
    /// A key that was configured. It never ends.
    pub fn new(id: impl Into<String>, secret: SecretString) -> Self {
        Self { id: id.into(), secret, security_token: None, expires: None }
    }

    /// The same, with the token that belongs to temporary keys.
    #[must_use]
    pub fn with_security_token(self, token: SecretString) -> Self {
        Self { security_token: Some(token), ..self }
    }

    /// The same, which ends at `moment`.
    #[must_use]
    pub(super) fn until(self, moment: Timestamp) -> Self {
        Self { expires: Some(moment), ..self }
    }

    /// The id, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn secret(&self) -> &str {
        self.secret.expose_secret()
    }

    pub(super) fn security_token(&self) -> Option<&str> {
        self.security_token.as_ref().map(ExposeSecret::expose_secret)
    }

    /// Whether it may still be used at `now`.
    pub(super) fn is_fresh_at(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|end| end.duration_since(now) > EARLY)
    }
}

impl AccessKeySource for AccessKey {
    fn access_key(&self) -> BoxFuture<'_, Result<AccessKey, Error>> {
        ready(Ok(self.clone())).boxed()
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AccessKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_renewed_three_minutes_before_their_end() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let key = AccessKey::new("id", "hunter2".into());
        assert!(key.is_fresh_at(now));
        let ends = |seconds| key.clone().until(now + SignedDuration::from_secs(seconds));
        assert!(ends(181).is_fresh_at(now) && !ends(180).is_fresh_at(now) && !ends(-5).is_fresh_at(now));
    }

    #[test]
    fn debug_output_has_no_secret() {
        let key = AccessKey::new("id", "hunter2".into()).with_security_token("t0ken".into());
        let shown = format!("{key:?}");
        assert!(shown.contains("id") && !shown.contains("hunter2") && !shown.contains("t0ken"), "{shown}");
    }
}
