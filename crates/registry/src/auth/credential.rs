//! Who we are at a registry.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};

/// A user and a password; printing it shows neither password nor length.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: SecretString,
    expires: Option<Instant>,
}

impl Credentials {
    /// Takes what was configured. Empty texts are the caller's to sort out: they mean "nobody".
    pub fn new(user: impl Into<String>, password: SecretString) -> Self {
        Self { user: user.into(), password, expires: None }
    }

    /// The same, to be asked for again after `moment`.
    #[must_use]
    pub fn until(self, moment: Instant) -> Self {
        Self { expires: Some(moment), ..self }
    }

    /// Whether they may still be used.
    pub fn is_fresh(&self) -> bool {
        self.expires.is_none_or(|moment| Instant::now() < moment)
    }

    /// The password, for those who trade it for something else.
    pub fn password(&self) -> &SecretString {
        &self.password
    }

    /// The user's name, which is no secret.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The value of an `Authorization` header, marked so that it is never printed.
    pub fn basic_header(&self) -> http::HeaderValue {
        let encoded = STANDARD.encode(format!("{}:{}", self.user, self.password.expose_secret()));
        sensitive(&format!("Basic {encoded}"))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Gives credentials when they are first needed: a program, a cloud's token service.
pub trait CredentialSource: Send + Sync {
    /// Who we are; `None` for nobody.
    fn credentials(&self) -> BoxFuture<'_, Result<Option<Credentials>, CredentialError>>;
}

/// Why a source gives no credentials. It has no secret in it.
#[derive(Debug, thiserror::Error)]
#[error("{source_name} gives no login: {reason}")]
pub struct CredentialError {
    /// Which source.
    pub source_name: String,
    /// What it says.
    pub reason: String,
}

/// Who we are at a registry, or who knows it.
#[derive(Clone)]
pub enum Login {
    /// Nobody.
    Anonymous,
    /// This user.
    User(Credentials),
    /// Whoever the source says, asked once and again when that has expired.
    Source(Arc<dyn CredentialSource>),
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("Anonymous"),
            Self::User(credentials) => credentials.fmt(formatter),
            Self::Source(_) => formatter.write_str("Source"),
        }
    }
}

/// A header value that debug output shows as `Sensitive`.
pub(crate) fn sensitive(text: &str) -> http::HeaderValue {
    // Base64 and tokens are plain ASCII; a token that is not would be refused by the registry anyway.
    let mut value = http::HeaderValue::from_str(text)
        .unwrap_or_else(|_| http::HeaderValue::from_static("Bearer invalid"));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c82_debug_output_has_no_password() {
        let credentials = Credentials::new("robot$library", SecretString::from("hunter2"));
        let shown = format!("{credentials:?} {:?}", credentials.basic_header());
        assert!(shown.contains("robot$library") && !shown.contains("hunter2") && !shown.contains("cm9ib3Q"));
    }
}
