//! One login file: its content, and its login for an image.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oci::foreign_text::Cleaned;
use oci::lenient;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};

use super::credential::{Credentials, user_or_token};
use super::login_file_key::{ByKey, server_name};

/// A place where logins are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginPlace {
    /// A login file.
    File(PathBuf),
    /// The text of one in an environment variable.
    Variable(&'static str),
}

impl fmt::Display for LoginPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Variable(name) => formatter.write_str(name),
        }
    }
}

/// A login file that is there but cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", Cleaned(place), Cleaned(reason))]
pub struct LoginFileError {
    place: LoginPlace,
    reason: String,
}

/// Why a place has no login for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginLack {
    /// There is no such file, or the variable is not set.
    Absent,
    /// The file cannot be read, for this reason.
    Unreadable(String),
    /// The content is no login file.
    Unusable,
    /// It has no entry for the image.
    NoEntry,
    /// Its entry with this key has no user, or no password.
    Incomplete(String),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    #[serde(default, deserialize_with = "by_key")]
    auths: ByKey<Entry>,
    #[serde(default, deserialize_with = "by_key")]
    cred_helpers: ByKey<String>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Entry {
    #[serde(default)]
    auth: Option<SecretString>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<SecretString>,
    #[serde(default)]
    identitytoken: Option<SecretString>,
    #[serde(default)]
    registrytoken: Option<SecretString>,
}

impl Entry {
    /// A token for the registry beats one for its token server, and that a password, as in Docker.
    fn credentials(&self) -> Option<Credentials> {
        let given =
            |token: &Option<SecretString>| token.clone().filter(|token| !token.expose_secret().is_empty());
        if let Some(token) = given(&self.registrytoken) {
            return Some(Credentials::registry_token(token));
        }
        given(&self.identitytoken).map(Credentials::identity_token).or_else(|| self.password())
    }

    fn password(&self) -> Option<Credentials> {
        if let (Some(user), Some(password)) = (&self.username, &self.password)
            && !user.is_empty()
            && !password.expose_secret().is_empty()
        {
            return Some(user_or_token(user, password.clone()));
        }
        let decoded = STANDARD.decode(self.auth.as_ref()?.expose_secret().trim()).ok()?;
        let text = SecretString::from(String::from_utf8(decoded).ok()?);
        let (user, password) = text.expose_secret().split_once(':')?;
        let complete = !user.is_empty() && !password.is_empty();
        // Old docker versions padded the password with zero bytes.
        complete.then(|| user_or_token(user, password.trim_end_matches('\0').to_owned().into()))
    }
}

impl LoginLack {
    pub(super) fn of_reading(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Self::Absent,
            _ => Self::Unreadable(error.to_string()),
        }
    }
}

/// A file's result for an image.
pub(super) enum Found {
    /// Under this key.
    Written(String, Credentials),
    Helper {
        program: String,
        server: String,
    },
}

/// Reads a file's text and looks for a login in it, for fuzz tests of the parser.
pub(crate) fn probe(name: &Path, text: &[u8], image: &str) {
    if let Ok(content) = read(&LoginPlace::File(name.to_owned()), text) {
        let _ = content.find(image);
    }
}

impl Content {
    pub(super) fn find(&self, name: &str) -> Option<Found> {
        let helper = |program: &str, server: &str| {
            Some(Found::Helper { program: program.to_owned(), server: server.to_owned() })
        };
        if let Some((key, _, program)) = self.cred_helpers.longest(name) {
            return helper(program, server_name(key));
        }
        let entry = self.auths.longest(name);
        if let Some((key, _, entry)) = entry
            && let Some(credentials) = entry.credentials()
        {
            return Some(Found::Written(key.to_owned(), credentials));
        }
        // With a store for everything, `auths` only lists the names under which things are in it.
        let store = self.creds_store.as_ref().filter(|store| !store.is_empty())?;
        let host = name.split('/').next().unwrap_or_default();
        helper(store, entry.map_or(server_name(host), |(_, written, _)| written))
    }

    /// Why there is no login for an image.
    pub(super) fn lack(&self, name: &str) -> LoginLack {
        match self.auths.longest(name) {
            Some((_, written, _)) => LoginLack::Incomplete(written.to_owned()),
            None => LoginLack::NoEntry,
        }
    }
}

fn by_key<'de, D, T>(deserializer: D) -> Result<ByKey<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    lenient::entries(deserializer).map(ByKey::from)
}

pub(super) fn read(place: &LoginPlace, text: &[u8]) -> Result<Content, LoginFileError> {
    // The parser's message could quote a secret; its position cannot.
    let unusable = |error: serde_json::Error| LoginFileError {
        place: place.clone(),
        reason: format!("this is no login file: line {}, column {}", error.line(), error.column()),
    };
    if matches!(place, LoginPlace::File(path) if path.ends_with(".dockercfg")) {
        let mut bare = serde_json::Deserializer::from_slice(text);
        let auths = lenient::entries(&mut bare).and_then(|auths| bare.end().map(|()| auths));
        let auths = auths.map_err(unusable)?;
        return Ok(Content { auths: auths.into(), ..Content::default() });
    }
    serde_json::from_slice(text).map_err(unusable)
}
