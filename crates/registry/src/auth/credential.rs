//! Credentials for a registry, and their sources.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use oci::foreign_text::Cleaned;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use crate::fresh::Failure;

/// A user and a password, or a token in their place; printing it shows neither secret nor length.
#[derive(Clone)]
pub struct Credentials {
    kind: Kind,
    user: String,
    password: SecretString,
    expires: Option<Instant>,
}

/// The kind of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Password,
    /// A refresh token, which the token server trades for others.
    IdentityToken,
    /// A token that the registry takes as it is.
    RegistryToken,
}

/// The user name with which Docker's helpers mark the secret as an identity token.
const TOKEN_USER: &str = "<token>";

impl Credentials {
    /// Takes configured texts. The caller handles empty ones: they mean "anonymous".
    pub fn new(user: impl Into<String>, password: SecretString) -> Self {
        Self { kind: Kind::Password, user: user.into(), password, expires: None }
    }

    /// A refresh token that the registry's token server gave out: `identitytoken` in Docker's `config.json`.
    pub fn identity_token(token: SecretString) -> Self {
        Self { kind: Kind::IdentityToken, ..Self::new(TOKEN_USER, token) }
    }

    /// A bearer token to be used as it is: `registrytoken` in Docker's `config.json`.
    pub fn registry_token(token: SecretString) -> Self {
        Self { kind: Kind::RegistryToken, ..Self::new(TOKEN_USER, token) }
    }

    /// Whether both are the same login, whenever they expire.
    pub fn is_same(&self, other: &Self) -> bool {
        let secrets = (self.password.expose_secret(), other.password.expose_secret());
        self.kind == other.kind && self.user == other.user && secrets.0 == secrets.1
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The same, to be requested again after `moment`; `None` for never.
    #[must_use]
    pub fn until(self, moment: Option<Instant>) -> Self {
        Self { expires: moment, ..self }
    }

    /// When the source must be asked for them again.
    pub(crate) fn expires(&self) -> Option<Instant> {
        self.expires
    }

    /// Whether they may still be used.
    pub fn is_fresh(&self) -> bool {
        self.expires.is_none_or(|moment| Instant::now() < moment)
    }

    /// The password, for a service that trades it for a token.
    pub fn password(&self) -> &SecretString {
        &self.password
    }

    /// The user's name, which is no secret.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The value of an `Authorization` header, marked so that it is never printed. `None` for a token: it is no password.
    pub fn password_header(&self) -> Option<http::HeaderValue> {
        let header = || {
            let encoded = STANDARD.encode(format!("{}:{}", self.user, self.password.expose_secret()));
            sensitive(&format!("Basic {encoded}"))
        };
        (self.kind == Kind::Password).then(header)
    }

    /// The bearer header of a token that is used as it is.
    pub(crate) fn registry_token_header(&self) -> Option<http::HeaderValue> {
        let header = || sensitive(&format!("Bearer {}", self.password.expose_secret()));
        (self.kind == Kind::RegistryToken).then(header)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Gives credentials when they are first needed: a program, a cloud's token service.
pub trait CredentialSource: Send + Sync {
    /// The credentials; `None` for anonymous access.
    fn credentials(&self) -> BoxFuture<'_, Result<Option<Credentials>, CredentialError>>;

    /// Tells the source that its credentials were refused, before it is asked once more: a source with a cache
    /// must drop its answer.
    fn refused<'a>(&'a self, _credentials: &'a Credentials) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A login as Docker's files and helpers write it down.
pub(super) fn user_or_token(user: &str, secret: SecretString) -> Credentials {
    if user == TOKEN_USER { Credentials::identity_token(secret) } else { Credentials::new(user, secret) }
}

/// Why a source gives no credentials. It has no secret in it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} gives no login: {}", Cleaned(source_name), Cleaned(reason))]
pub struct CredentialError {
    /// The source's name.
    pub source_name: String,
    /// The source's reason.
    pub reason: String,
    /// Whether asking again later may help.
    pub prospect: Prospect,
}

impl Failure for CredentialError {
    fn is_lasting(&self) -> bool {
        self.prospect == Prospect::Lasting
    }
}

/// Whether a failure to get a login may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prospect {
    /// It stays until the user changes something.
    Lasting,
    /// It may pass: the network failed, or the service is overloaded.
    Passing,
}

/// A login at a registry, or the source of one.
#[derive(Clone)]
pub enum Login {
    /// No login.
    Anonymous,
    /// This user.
    User(Credentials),
    /// The source's answer; asked for once, and again when it has expired or was refused.
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
        let secret = || SecretString::from("hunter2");
        let credentials = Credentials::new("robot$library", secret());
        let tokens = [Credentials::identity_token(secret()), Credentials::registry_token(secret())];
        let shown = format!("{credentials:?} {:?} {tokens:?}", credentials.password_header());
        let shown = format!("{shown} {:?} {:?}", tokens[1].registry_token_header(), Login::User(credentials));
        assert!(shown.contains("robot$library") && !shown.contains("hunter2") && !shown.contains("cm9ib3Q"));
    }

    #[test]
    fn c74_tokens_are_no_passwords() {
        let identity = Credentials::identity_token("secret".into());
        let registry = Credentials::registry_token("secret".into());
        assert_eq!((identity.password_header(), identity.registry_token_header()), (None, None));
        assert_eq!(
            (registry.password_header(), registry.registry_token_header().unwrap()),
            (None, "Bearer secret".parse().unwrap())
        );
    }
}
