//! The logins that `docker login` and `podman login` left on this machine.
//!
//! Sources: Docker's `config.json`, containers-auth.json(5). The first file that has an entry for an image wins;
//! inside a file, the longest key that is a whole-component prefix of the image's name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::credential::{Credentials, Login, user_or_token};
use super::credential_helper::CredentialHelper;
use super::login_file_key::{longest, normal_key, server_name};
use crate::foreign_text::Cleaned;
use crate::{RegistryHost, RepositoryName};

/// Login files in the order in which they are asked. Clones share what helpers say.
#[derive(Clone, Debug, Default)]
pub struct LoginFiles {
    /// Where they are looked for.
    places: Vec<PathBuf>,
    files: Vec<LoginFile>,
    /// Each program is asked once for a server, however many images it is for.
    helpers: Arc<Mutex<Helpers>>,
}

/// Helpers by program and server.
type Helpers = HashMap<(String, String), Arc<CredentialHelper>>;

/// A login with where it comes from.
#[derive(Clone, Debug)]
pub struct FoundLogin<'a> {
    /// The login, or the program that has it.
    pub login: Login,
    /// The file that says so.
    pub file: &'a Path,
    /// Equal for equal logins: file and key, or program and server.
    pub identity: String,
}

/// A login file that is there but cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", Cleaned(path.display()), Cleaned(reason))]
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
        if let (Some(user), Some(password)) = (&self.username, &self.password) {
            return Some(user_or_token(user, password.clone())).filter(|_| !user.is_empty());
        }
        let decoded = STANDARD.decode(self.auth.as_ref()?.expose_secret().trim()).ok()?;
        let text = SecretString::from(String::from_utf8(decoded).ok()?);
        let (user, password) = text.expose_secret().split_once(':')?;
        let complete = !user.is_empty() && !password.is_empty();
        // Old docker versions padded the password with zero bytes.
        complete.then(|| user_or_token(user, password.trim_end_matches('\0').to_owned().into()))
    }
}

impl LoginFiles {
    /// Reads the files that the environment points at. `lookup` gives the values of environment variables.
    ///
    /// Files that cannot be used are told beside the others, which still count.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> (Self, Vec<LoginFileError>) {
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        let places = paths(lookup);
        for path in &places {
            let Ok(text) = std::fs::read(path) else { continue };
            match read(path, &text) {
                Ok(content) => files.push(LoginFile { path: path.clone(), content }),
                Err(error) => errors.push(error),
            }
        }
        (Self { places, files, helpers: Arc::default() }, errors)
    }

    /// Where such files are looked for on this machine, whether they are there or not.
    pub fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// The login for an image: that of the first file that has one.
    pub fn find(&self, host: &RegistryHost, repository: &RepositoryName) -> Option<FoundLogin<'_>> {
        let name = format!("{}/{repository}", normal_key(host.as_str()));
        self.files.iter().find_map(|file| {
            let (login, identity) = match file.content.find(&name)? {
                Found::Written(key, credentials) => {
                    (Login::User(credentials), format!("{} {key}", file.path.display()))
                }
                Found::Helper { program, server } => {
                    let identity = format!("{program} {server}");
                    (Login::Source(self.helper(&program, &server)), identity)
                }
            };
            Some(FoundLogin { login, file: &file.path, identity })
        })
    }

    fn helper(&self, program: &str, server: &str) -> Arc<CredentialHelper> {
        let mut helpers = self.helpers.lock().unwrap_or_else(PoisonError::into_inner);
        let helper = helpers.entry((program.to_owned(), server.to_owned()));
        helper.or_insert_with(|| Arc::new(CredentialHelper::new(program, server))).clone()
    }
}

/// What a file has for an image.
enum Found {
    /// Under this key.
    Written(String, Credentials),
    Helper {
        program: String,
        server: String,
    },
}

/// Reads a file's text and looks for a login in it, for who tests what it takes.
pub(crate) fn probe(name: &Path, text: &[u8], image: &str) {
    if let Ok(content) = read(name, text) {
        let _ = content.find(image);
    }
}

impl Content {
    fn find(&self, name: &str) -> Option<Found> {
        let helper = |program: &str, server: &str| {
            Some(Found::Helper { program: program.to_owned(), server: server.to_owned() })
        };
        if let Some((key, _, program)) = longest(self.cred_helpers.iter(), name) {
            return helper(program, server_name(&key));
        }
        let entry = longest(self.auths.iter(), name);
        if let Some((key, _, entry)) = &entry
            && let Some(credentials) = entry.credentials()
        {
            return Some(Found::Written(key.clone(), credentials));
        }
        // With a store for everything, `auths` only lists the names under which things are in it.
        let store = self.creds_store.as_ref().filter(|store| !store.is_empty())?;
        let host = name.split('/').next().unwrap_or_default();
        helper(store, entry.map_or(server_name(host), |(_, written, _)| written))
    }
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
        let files = vec![LoginFile { path: "config.json".into(), content }];
        let files = LoginFiles { files, ..LoginFiles::default() };
        let image: crate::Reference = image.parse().unwrap();
        let found = files.find(&image.registry, &image.repository)?;
        let again = files.find(&image.registry, &image.repository)?;
        assert_eq!((found.file, &found.identity), (Path::new("config.json"), &again.identity));
        Some(match (found.login, again.login) {
            (Login::User(credentials), _) => format!("{:?} {}", credentials.kind(), credentials.user()),
            (Login::Source(helper), Login::Source(same)) => {
                assert!(Arc::ptr_eq(&helper, &same), "one helper for all images");
                found.identity
            }
            _ => unreachable!(),
        })
    }

    #[test]
    fn c80_keys_of_docker_and_of_containers() {
        let auth = STANDARD.encode("user:pass:word");
        let text = format!(r#"{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{auth}"}}}}}}"#);
        assert_eq!(found(&text, "nginx").as_deref(), Some("Password user"));
        assert_eq!(found(&text, "quay.io/a/b"), None);
        let text = r#"{"auths": {"r.io": {"username": "all", "password": "p"}, "r.io/team": {"username": "team", "password": "p"},
            "r.io/te": {"username": "no", "password": "p"}, "https://r.io:5000": {"username": "port", "password": "p"}}}"#;
        assert_eq!(found(text, "r.io/team/app").as_deref(), Some("Password team"));
        assert_eq!(found(text, "r.io/other/app").as_deref(), Some("Password all"));
        assert_eq!(found(text, "r.io:5000/other/app").as_deref(), Some("Password port"));
    }

    #[test]
    fn c80_helpers_for_a_registry_and_for_all() {
        let text = r#"{"auths": {"a.io": {}, "https://c.io/v1/": {}}, "credsStore": "pass",
            "credHelpers": {"b.io": "ecr-login", "b.io/team": "gcr"}}"#;
        assert_eq!(found(text, "b.io/x/y").unwrap(), "ecr-login b.io");
        assert_eq!(found(text, "b.io/team/y").unwrap(), "gcr b.io/team");
        assert_eq!(found(text, "a.io/x/y").unwrap(), "pass a.io");
        assert_eq!(found(text, "c.io/x/y").unwrap(), "pass https://c.io/v1/");
        assert_eq!(found(text, "d.io/x/y").unwrap(), "pass d.io");
        assert_eq!(found(text, "nginx").unwrap(), "pass https://index.docker.io/v1/");
    }

    #[test]
    fn c74_identity_and_registry_tokens() {
        let auth = |text: &str| STANDARD.encode(text);
        let text = format!(
            r#"{{"auths": {{"a.io": {{"auth": "{}", "identitytoken": "t"}}, "b.io": {{"auth": "{}", "identitytoken": ""}},
            "c.io": {{"registrytoken": "t", "identitytoken": "i"}}, "d.io": {{"auth": "{}"}}}}}}"#,
            auth("00000000-0000-0000-0000-000000000000:"),
            auth("user:password"),
            auth("<token>:t"),
        );
        assert_eq!(found(&text, "a.io/x/y").unwrap(), "IdentityToken <token>");
        assert_eq!(found(&text, "b.io/x/y").unwrap(), "Password user");
        assert_eq!(found(&text, "c.io/x/y").unwrap(), "RegistryToken <token>");
        assert_eq!(found(&text, "d.io/x/y").unwrap(), "IdentityToken <token>");
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
