//! The logins that `docker login` and `podman login` left on this machine.
//!
//! Sources: Docker's `config.json`, containers-auth.json(5). The first file that has an entry for an image wins;
//! inside a file, the longest key that is a whole-component prefix of the image's name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::credential::Credentials;
use super::credential_helper::CredentialHelper;
use crate::{RegistryHost, RepositoryName};

/// Login files in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub struct LoginFiles(Vec<LoginFile>);

/// Where a login comes from.
#[derive(Clone, Debug)]
pub enum FoundLogin {
    /// It stands in a file.
    Written(Credentials),
    /// A program has it.
    Helper(CredentialHelper),
}

/// A login file that is there but cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct LoginFileError {
    path: PathBuf,
    reason: String,
}

#[derive(Clone, Debug)]
struct LoginFile {
    path: PathBuf,
    content: Content,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default)]
    auths: HashMap<String, Entry>,
    #[serde(default)]
    cred_helpers: HashMap<String, String>,
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
}

impl Entry {
    fn credentials(&self) -> Option<Credentials> {
        if let (Some(user), Some(password)) = (&self.username, &self.password) {
            return Some(Credentials::new(user.clone(), password.clone())).filter(|_| !user.is_empty());
        }
        let decoded = STANDARD.decode(self.auth.as_ref()?.expose_secret().trim()).ok()?;
        let text = SecretString::from(String::from_utf8(decoded).ok()?);
        let (user, password) = text.expose_secret().split_once(':')?;
        let complete = !user.is_empty() && !password.is_empty();
        // Old docker versions padded the password with zero bytes.
        complete.then(|| Credentials::new(user, password.trim_end_matches('\0').to_owned().into()))
    }
}

impl LoginFiles {
    /// Reads the files that the environment points at. `lookup` gives the values of environment variables.
    ///
    /// Files that cannot be used are told beside the others, which still count.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> (Self, Vec<LoginFileError>) {
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        for path in paths(lookup) {
            let Ok(text) = std::fs::read(&path) else { continue };
            match read(&path, &text) {
                Ok(content) => files.push(LoginFile { path, content }),
                Err(error) => errors.push(error),
            }
        }
        (Self(files), errors)
    }

    /// The login for an image, and the file that has it.
    pub fn find(&self, host: &RegistryHost, repository: &RepositoryName) -> Option<(FoundLogin, &Path)> {
        let name = format!("{}/{repository}", normal_key(host.as_str()));
        self.0.iter().find_map(|file| Some((file.content.find(&name)?, file.path.as_path())))
    }
}

/// Reads a file's text and looks for a login in it, for who tests what it takes.
pub(crate) fn probe(name: &Path, text: &[u8], image: &str) {
    if let Ok(content) = read(name, text) {
        let _ = content.find(image);
    }
}

impl Content {
    fn find(&self, name: &str) -> Option<FoundLogin> {
        let host = name.split('/').next().unwrap_or_default();
        if let Some(helper) = longest(self.cred_helpers.iter(), name) {
            return Some(FoundLogin::Helper(CredentialHelper::new(helper, server_name(host))));
        }
        let entry = longest(self.auths.iter(), name);
        if let Some(credentials) = entry.and_then(Entry::credentials) {
            return Some(FoundLogin::Written(credentials));
        }
        // With a store for everything, `auths` only lists what is in it.
        let store = self.creds_store.as_ref().filter(|store| !store.is_empty())?;
        Some(FoundLogin::Helper(CredentialHelper::new(store, server_name(host))))
    }
}

/// The value of the longest key that fits `name`.
fn longest<'a, T>(entries: impl Iterator<Item = (&'a String, &'a T)>, name: &str) -> Option<&'a T> {
    let with_end = format!("{name}/");
    let fitting = entries.map(|(key, value)| (normal_key(key), value));
    let fitting = fitting.filter(|(key, _)| with_end.starts_with(&format!("{key}/")));
    fitting.max_by_key(|(key, _)| key.len()).map(|(_, value)| value)
}

/// Docker writes keys as URLs, and Docker Hub by an old name.
fn normal_key(key: &str) -> String {
    let bare = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let bare = bare.trim_end_matches("/v1").trim_end_matches("/v2");
    let (host, path) = bare.split_once('/').map_or((bare, None), |(host, path)| (host, Some(path)));
    let host = match host.to_ascii_lowercase().as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => {
            RegistryHost::DOCKER_HUB.to_owned()
        }
        other => other.to_owned(),
    };
    path.map_or(host.clone(), |path| format!("{host}/{path}"))
}

/// By what name helpers know a registry.
fn server_name(host: &str) -> &str {
    if host == RegistryHost::DOCKER_HUB { "https://index.docker.io/v1/" } else { host }
}

fn paths(lookup: &dyn Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let folder = |name: &str| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("HOME");
    let at_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let candidates = [
        folder("REGISTRY_AUTH_FILE"),
        folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        folder("XDG_CONFIG_HOME")
            .map(|folder| folder.join("containers/auth.json"))
            .or(at_home(".config/containers/auth.json")),
        folder("DOCKER_CONFIG").map(|folder| folder.join("config.json")).or(at_home(".docker/config.json")),
        at_home(".dockercfg"),
    ];
    candidates.into_iter().flatten().collect()
}

fn read(path: &Path, text: &[u8]) -> Result<Content, LoginFileError> {
    // The parser's message could quote a secret; its position cannot.
    let unusable = |error: serde_json::Error| LoginFileError {
        path: path.to_owned(),
        reason: format!("this is no login file: line {}, column {}", error.line(), error.column()),
    };
    if path.file_name().is_some_and(|name| name == ".dockercfg") {
        let auths = serde_json::from_slice(text).map_err(unusable)?;
        return Ok(Content { auths, ..Content::default() });
    }
    serde_json::from_slice(text).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, image: &str) -> Option<String> {
        let content = read(Path::new("config.json"), text.as_bytes()).unwrap();
        let files = LoginFiles(vec![LoginFile { path: "config.json".into(), content }]);
        let image: crate::Reference = image.parse().unwrap();
        files.find(&image.registry, &image.repository).map(|(login, _)| match login {
            FoundLogin::Written(credentials) => credentials.user().to_owned(),
            FoundLogin::Helper(helper) => format!("{helper:?}"),
        })
    }

    #[test]
    fn c80_keys_of_docker_and_of_containers() {
        let auth = STANDARD.encode("user:pass:word");
        let text = format!(r#"{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{auth}"}}}}}}"#);
        assert_eq!(found(&text, "nginx").as_deref(), Some("user"));
        assert_eq!(found(&text, "quay.io/a/b"), None);
        let text = r#"{"auths": {"r.io": {"username": "all", "password": "p"}, "r.io/team": {"username": "team", "password": "p"},
            "r.io/te": {"username": "no", "password": "p"}, "https://r.io:5000": {"username": "port", "password": "p"}}}"#;
        assert_eq!(found(text, "r.io/team/app").as_deref(), Some("team"));
        assert_eq!(found(text, "r.io/other/app").as_deref(), Some("all"));
        assert_eq!(found(text, "r.io:5000/other/app").as_deref(), Some("port"));
    }

    #[test]
    fn c80_helpers_for_a_registry_and_for_all() {
        let text = r#"{"auths": {"a.io": {}}, "credHelpers": {"b.io": "ecr-login"}, "credsStore": "pass"}"#;
        assert!(found(text, "b.io/x/y").unwrap().contains("ecr-login"));
        assert!(found(text, "a.io/x/y").unwrap().contains("pass"));
        assert!(found(text, "nginx").unwrap().contains("https://index.docker.io/v1/"));
    }

    #[test]
    fn broken_files_are_told_without_their_text() {
        let error =
            read(Path::new("/home/u/.docker/config.json"), br#"{"auths": {"r.io": {"auth": 5secret}}}"#);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("/home/u/.docker/config.json") && !error.contains("secret"), "{error}");
        assert!(found(r#"{"auths": {"r.io": {"auth": "not base64!"}}}"#, "r.io/a/b").is_none());
    }

    #[test]
    fn the_environment_says_where_the_files_are() {
        let lookup = |name: &str| match name {
            "HOME" => Some("/home/u".to_owned()),
            "DOCKER_CONFIG" => Some("/etc/d".to_owned()),
            "XDG_RUNTIME_DIR" => Some("/run/u".to_owned()),
            _ => None,
        };
        let shown: Vec<_> = paths(&lookup).iter().map(|path| path.display().to_string()).collect();
        let expected = [
            "/run/u/containers/auth.json",
            "/home/u/.config/containers/auth.json",
            "/etc/d/config.json",
            "/home/u/.dockercfg",
        ];
        assert_eq!(shown, expected);
    }
}
