//! Access keys, which sign calls.

use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use jiff::Timestamp;
use registry::Kept;
use secrecy::{ExposeSecret, SecretString};

use tokio::time::Instant;

use super::error::Error;

/// An access key; printing it shows its id only, which is no secret.
#[derive(Clone)]
pub struct AccessKey {
    id: String,
    secret: SecretString,
    security_token: Option<SecretString>,
    expires: Option<Timestamp>,
}

/// Gives access keys, and new ones when they expire.
pub trait AccessKeySource: Send + Sync {
    /// A key that is valid for some minutes.
    fn access_key(&self) -> BoxFuture<'_, Result<AccessKey, Error>>;
}

impl AccessKey {
    /// A configured key. It never expires.
    pub fn new(id: impl Into<String>, secret: SecretString) -> Self {
        Self { id: id.into(), secret, security_token: None, expires: None }
    }

    /// The same, with the token that belongs to temporary keys.
    #[must_use]
    pub fn with_security_token(self, token: SecretString) -> Self {
        Self { security_token: Some(token), ..self }
    }

    /// The same, which expires at `moment`.
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

    /// How long to keep `value`, which came with this key after `asked`. The key's end is a time of day, so the
    /// remaining life by our own clock counts.
    pub(super) fn keep<T>(&self, value: T, asked: Instant) -> Kept<T> {
        let Some(end) = self.expires else { return Kept::always(value) };
        let left = end.duration_since(Timestamp::now());
        Kept::for_lifetime(value, asked, left.try_into().unwrap_or_default())
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
    fn debug_output_has_no_secret() {
        let key = AccessKey::new("id", "hunter2".into()).with_security_token("t0ken".into());
        let shown = format!("{key:?}");
        assert!(shown.contains("id") && !shown.contains("hunter2") && !shown.contains("t0ken"), "{shown}");
    }
}
