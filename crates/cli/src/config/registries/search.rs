//! The search for the login of an image. This is the only place that searches, and describes the result.

use oci::{RegistryHost, RepositoryName};
use registry::{Credentials, FoundLogin, LoginLack, LoginPlace, LoginSearch};

use super::Registries;
use crate::config::auth::{AuthEntry, HalfLogin};

/// The login that is used, for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginOrigin {
    /// The key of the auth entry, or the path of the login file.
    pub(crate) key: String,
    /// The kind and place of that login.
    pub(crate) place: String,
}

/// The origin of the login for an image.
pub(super) enum Origin<'a> {
    /// A cloud, which exchanges an access key for a login.
    Cloud(&'a AuthEntry),
    Entry(&'a AuthEntry, &'a Credentials),
    /// A login file, or a credential helper that it names.
    LoginFile(FoundLogin<'a>),
    /// There is none, though there may be an entry without a login.
    Nobody(Option<&'a AuthEntry>),
}

impl Registries {
    /// The first place that has a login for an image.
    pub(super) fn origin(&self, host: &RegistryHost, repository: &RepositoryName) -> Origin<'_> {
        let entry = self.auth.find(host, repository).map(|index| &self.auth.entries[index]);
        match entry {
            Some(entry) if entry.offer.acr.is_some() => return Origin::Cloud(entry),
            Some(entry @ AuthEntry { credentials: Some(credentials), .. }) => {
                return Origin::Entry(entry, credentials);
            }
            // The entry's variable or file is only missing here; other places are not searched.
            Some(AuthEntry { half_login: Some(HalfLogin::Kept(_)), .. }) => return Origin::Nobody(entry),
            _ => {}
        }
        self.login_files.find(host, repository).map_or(Origin::Nobody(entry), Origin::LoginFile)
    }

    /// The search in words, for hints about a refused login.
    pub(super) fn search(&self, host: &RegistryHost, repository: &RepositoryName) -> LoginSearch {
        match self.origin(host, repository) {
            Origin::Nobody(entry) => {
                let in_files = self.login_files.lacks(host, repository);
                let lacks =
                    in_files.iter().map(|(place, lack)| format!("{place} ({})", lacking(place, lack)));
                let lacks = lacks.collect::<Vec<_>>().join(", ");
                let and = if lacks.is_empty() { "" } else { ", and no login is in " };
                LoginSearch::NotFound(format!("{}{and}{lacks}", self.without(host, entry)).into())
            }
            found => LoginSearch::Found(found.words().into()),
        }
    }

    /// Why there is no login for an image, in a few words: places without an entry are not listed.
    pub(super) fn lack(&self, host: &RegistryHost, repository: &RepositoryName) -> Option<String> {
        let Origin::Nobody(entry) = self.origin(host, repository) else { return None };
        let in_files = self.login_files.lacks(host, repository);
        let odd = in_files
            .iter()
            .filter(|(_, lack)| !matches!(lack, LoginLack::Absent | LoginLack::NoEntry))
            .map(|(place, lack)| format!("{place} has none ({})", lacking(place, lack)));
        let odd = odd.collect::<Vec<_>>().join(", and ");
        let others = if odd.is_empty() { "docker login left none" } else { &odd };
        Some(format!("{}, and {others}", self.without(host, entry)))
    }

    /// The origin for programs; `None` if there is neither login nor entry.
    pub(crate) fn login_origin(
        &self,
        host: &RegistryHost,
        repository: &RepositoryName,
    ) -> Option<LoginOrigin> {
        match self.origin(host, repository) {
            Origin::Cloud(entry) | Origin::Entry(entry, _) => Some(LoginOrigin::of_entry(entry, "")),
            Origin::LoginFile(found) => Some(LoginOrigin::of_file(&found)),
            Origin::Nobody(entry) => entry.map(|entry| match &entry.half_login {
                Some(HalfLogin::Kept(place)) => LoginOrigin::of_entry(entry, &format!(", {place}")),
                _ => LoginOrigin::of_entry(entry, ", which has no user"),
            }),
        }
    }

    /// Why `auth` has no login.
    fn without(&self, host: &RegistryHost, entry: Option<&AuthEntry>) -> String {
        // Entries without a place come from flags.
        match (entry.filter(|entry| entry.place.is_some()), &self.auth.file) {
            (Some(entry), _) => {
                let has = match &entry.half_login {
                    Some(HalfLogin::User(user)) => format!("the user `{user}` but no password"),
                    Some(HalfLogin::Password) => "a password but no user".to_owned(),
                    Some(HalfLogin::Kept(place)) => format!("a login {place}"),
                    None => "neither user nor password".to_owned(),
                };
                format!("the auth entry {} has {has}", shown(entry, " (", ")"))
            }
            (None, Some(file)) => format!("`auth` in {file} has no entry for `{host}`"),
            (None, None) => "no file with logins is given (--auth)".to_owned(),
        }
    }
}

impl LoginOrigin {
    fn of_entry(entry: &AuthEntry, but: &str) -> Self {
        let place = entry.place.as_ref().map(|place| format!(" in {place}")).unwrap_or_default();
        Self { key: entry.key.clone(), place: format!("auth entry{place}{but}") }
    }

    fn of_file(found: &FoundLogin<'_>) -> Self {
        let place = match (found.place, &found.helper) {
            (LoginPlace::File(_), Some(_)) => "login file that names a credential helper",
            (LoginPlace::File(_), None) => "login file",
            (LoginPlace::Variable(_), Some(_)) => "variable that names a credential helper",
            (LoginPlace::Variable(_), None) => "variable",
        };
        Self { key: found.place.to_string(), place: place.to_owned() }
    }
}

impl Origin<'_> {
    /// The login with its place; empty if there is none.
    fn words(&self) -> String {
        match self {
            Self::Cloud(entry) => format!(
                "the temporary login of Alibaba Cloud (\"provider\": \"acr\" in the auth entry {})",
                shown(entry, ", ", "")
            ),
            Self::Entry(entry, credentials) => {
                format!("{} (auth entry {})", user(credentials), shown(entry, ", ", ""))
            }
            Self::LoginFile(FoundLogin { login, place, helper, .. }) => {
                let kind = match place {
                    LoginPlace::File(_) => "login file",
                    LoginPlace::Variable(_) => "variable",
                };
                match (helper, login) {
                    (Some(program), _) => format!("the login of {program} (named in the {kind} {place})"),
                    (None, registry::Login::User(credentials)) => {
                        format!("{} ({kind} {place})", user(credentials))
                    }
                    (None, _) => format!("the login of the {kind} {place}"),
                }
            }
            Self::Nobody(_) => String::new(),
        }
    }
}

/// The user, or that the login is a token.
fn user(credentials: &Credentials) -> String {
    if credentials.password_header().is_some() {
        format!("`{}`", credentials.user())
    } else {
        "the token".to_owned()
    }
}

/// An entry's key, and its place between `before` and `after`.
fn shown(entry: &AuthEntry, before: &str, after: &str) -> String {
    let place = entry.place.as_ref().map(|place| format!("{before}{place}{after}"));
    format!("`{}`{}", entry.key, place.unwrap_or_default())
}

/// Why a place has no login.
fn lacking(place: &LoginPlace, lack: &LoginLack) -> String {
    match (lack, place) {
        (LoginLack::Absent, LoginPlace::File(_)) => "not there".to_owned(),
        (LoginLack::Absent, LoginPlace::Variable(_)) => "not set".to_owned(),
        (LoginLack::Unreadable(why), _) => format!("cannot be read: {why}"),
        (LoginLack::Unusable, _) => "cannot be used".to_owned(),
        (LoginLack::NoEntry, _) => "no entry for it".to_owned(),
        (LoginLack::Incomplete(key), _) => format!("its entry `{key}` has no user with a password"),
    }
}
