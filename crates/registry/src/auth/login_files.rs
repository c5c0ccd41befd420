//! The logins that `docker login` and `podman login` stored on this machine, and those that GitLab gives its runners.
//!
//! Sources: Docker's `config.json`, containers-auth.json(5), GitLab's "Access an image from a private container
//! registry". The first place that has an entry for an image wins;
//! inside a file, the longest key that is a whole-component prefix of the image's name.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use oci::{RegistryHost, RepositoryName};

use super::credential::Login;
use super::credential_helper::CredentialHelper;
use super::login_file::{Content, Found, LoginFileError, LoginLack, LoginPlace, read};
use super::login_file_key::normal_key;

/// The variable in which GitLab's runners, and Docker since 28.2, find the text of a `config.json`.
const VARIABLE: &str = "DOCKER_AUTH_CONFIG";

/// Login files in order of precedence. Clones share the helpers' answers.
#[derive(Clone, Debug, Default)]
pub struct LoginFiles {
    files: Vec<LoginFile>,
    /// Each program is asked once for a server, however many images it is for.
    helpers: Arc<Mutex<Helpers>>,
}

/// Helpers by program and server.
type Helpers = HashMap<(String, String), Arc<CredentialHelper>>;

/// A login and its origin.
#[derive(Clone, Debug)]
pub struct FoundLogin<'a> {
    /// The login, or the helper that has it.
    pub login: Login,
    /// The file or variable that names it.
    pub place: &'a LoginPlace,
    /// The helper's name, if one keeps the login.
    pub helper: Option<String>,
    /// Equal for equal logins: file and key, or program and server.
    pub identity: String,
}

/// A place that may have logins.
#[derive(Clone, Debug)]
struct LoginFile {
    place: LoginPlace,
    /// The content, or why it has no login for any image.
    content: Result<Content, LoginLack>,
}

impl LoginFiles {
    /// Reads `DOCKER_AUTH_CONFIG` and the files that the environment points to. `lookup` gives the values of
    /// environment variables; `user` is the user id of this process, on systems that have one.
    ///
    /// Unusable files are returned as errors; the others still count.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>, user: Option<u32>) -> (Self, Vec<LoginFileError>) {
        let mut errors = Vec::new();
        let given = lookup(VARIABLE).filter(|text| !text.trim().is_empty());
        let given = given.map(String::into_bytes).ok_or(LoginLack::Absent);
        let texts = paths(lookup, user).into_iter().map(|path| {
            let text = std::fs::read(&path).map_err(|error| LoginLack::of_reading(&error));
            (LoginPlace::File(path), text)
        });
        let texts = std::iter::once((LoginPlace::Variable(VARIABLE), given)).chain(texts);
        let files = texts.map(|(place, text)| {
            let content = text.and_then(|text| {
                read(&place, &text).map_err(|error| {
                    errors.push(error);
                    LoginLack::Unusable
                })
            });
            LoginFile { place, content }
        });
        let files = files.collect();
        (Self { files, helpers: Arc::default() }, errors)
    }

    /// Each place that was searched for an image's login, and why it has none. For callers that got `None` from
    /// [`find`](Self::find).
    pub fn lacks(&self, host: &RegistryHost, repository: &RepositoryName) -> Vec<(&LoginPlace, LoginLack)> {
        let name = image_name(host, repository);
        let lack = |file: &LoginFile| match &file.content {
            Ok(content) => content.lack(&name),
            Err(lack) => lack.clone(),
        };
        self.files.iter().map(|file| (&file.place, lack(file))).collect()
    }

    /// The login for an image: that of the first place that has one.
    pub fn find(&self, host: &RegistryHost, repository: &RepositoryName) -> Option<FoundLogin<'_>> {
        let name = image_name(host, repository);
        self.files.iter().find_map(|LoginFile { place, content }| {
            Some(match content.as_ref().ok()?.find(&name)? {
                Found::Written(key, credentials) => FoundLogin {
                    login: Login::User(credentials),
                    place,
                    helper: None,
                    identity: format!("{place} {key}"),
                },
                Found::Helper { program, server } => FoundLogin {
                    login: Login::Source(self.helper(&program, &server)),
                    place,
                    helper: Some(format!("docker-credential-{program}")),
                    identity: format!("{program} {server}"),
                },
            })
        })
    }

    fn helper(&self, program: &str, server: &str) -> Arc<CredentialHelper> {
        let mut helpers = self.helpers.lock().unwrap_or_else(PoisonError::into_inner);
        let helper = helpers.entry((program.to_owned(), server.to_owned()));
        helper.or_insert_with(|| Arc::new(CredentialHelper::new(program, server))).clone()
    }
}

/// An image's name in the form of normalized keys.
fn image_name(host: &RegistryHost, repository: &RepositoryName) -> String {
    format!("{}/{repository}", normal_key(host.as_str()))
}

fn paths(lookup: &dyn Fn(&str) -> Option<String>, user: Option<u32>) -> Vec<PathBuf> {
    let folder = |name: &str| lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("HOME");
    let at_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let candidates = [
        folder("REGISTRY_AUTH_FILE"),
        // Without a session, as for root, podman has a folder for each user.
        folder("XDG_RUNTIME_DIR")
            .map(|folder| folder.join("containers/auth.json"))
            .or(user.map(|user| format!("/run/containers/{user}/auth.json").into())),
        folder("XDG_CONFIG_HOME")
            .map(|folder| folder.join("containers/auth.json"))
            .or(at_home(".config/containers/auth.json")),
        folder("DOCKER_CONFIG").map(|folder| folder.join("config.json")).or(at_home(".docker/config.json")),
        at_home(".dockercfg"),
    ];
    candidates.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn found(text: &str, image: &str) -> Option<String> {
        let place = LoginPlace::File("config.json".into());
        let content = Ok(read(&place, text.as_bytes()).unwrap());
        let files = vec![LoginFile { place: place.clone(), content }];
        let files = LoginFiles { files, ..LoginFiles::default() };
        let image: oci::Reference = image.parse().unwrap();
        let found = files.find(&image.registry, &image.repository)?;
        let again = files.find(&image.registry, &image.repository)?;
        assert_eq!((found.place, &found.identity), (&place, &again.identity));
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
        let error = read(
            &LoginPlace::File("/home/u/.docker/config.json".into()),
            br#"{"auths": {"r.io": {"auth": 5secret}}}"#,
        );
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
        let shown: Vec<_> = paths(&lookup, Some(0)).iter().map(|path| path.display().to_string()).collect();
        let expected = [
            "/run/u/containers/auth.json",
            "/home/u/.config/containers/auth.json",
            "/etc/d/config.json",
            "/home/u/.dockercfg",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn p20_without_a_session_podman_has_a_folder_for_each_user() {
        let first = |variables: &[(&str, &str)], user| {
            let lookup = |name: &str| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            paths(&lookup, user).first().map(|path| path.display().to_string())
        };
        assert_eq!(first(&[], Some(0)).unwrap(), "/run/containers/0/auth.json");
        assert_eq!(first(&[("XDG_RUNTIME_DIR", "")], Some(1000)).unwrap(), "/run/containers/1000/auth.json");
        assert_eq!(first(&[("XDG_RUNTIME_DIR", "/run/u")], Some(0)).unwrap(), "/run/u/containers/auth.json");
        assert_eq!(first(&[], None), None);
    }

    #[test]
    fn p19_null_is_empty() {
        for text in [
            r#"{"auths": null, "credHelpers": null, "credsStore": null}"#,
            r#"{"auths": {"r.io": null}, "credHelpers": {"r.io": null}}"#,
            r#"{"auths": {"r.io": {"auth": null, "identitytoken": null}}}"#,
        ] {
            assert_eq!(found(text, "r.io/a/b"), None, "{text}");
        }
        let text =
            r#"{"auths": {"a.io": null, "r.io": {"username": "u", "password": "p"}}, "credHelpers": null}"#;
        assert_eq!(found(text, "r.io/a/b").as_deref(), Some("Password u"));
        let old = LoginPlace::File("/home/u/.dockercfg".into());
        assert!(read(&old, b"null").unwrap().find("r.io/a/b").is_none());
        assert!(read(&old, b"{} nonsense").is_err());
    }

    #[test]
    fn p19_a_key_with_a_path_is_for_that_path_alone() {
        let text = r#"{"auths": {"r.io/team/v2": {"username": "u", "password": "p"}}, "credHelpers": {"s.io/v1": "x"}}"#;
        assert_eq!(found(text, "r.io/team/app"), None);
        assert_eq!(found(text, "r.io/team/v2/app").as_deref(), Some("Password u"));
        assert_eq!(found(text, "s.io/a/b"), None);
        assert_eq!(found(text, "s.io/v1/b").as_deref(), Some("x s.io/v1"));
    }

    #[test]
    fn the_variable_of_gitlabs_runners_comes_first_and_files_have_what_it_lacks() {
        let folder = tempfile::tempdir().unwrap();
        let entry = |user: &str| format!(r#"{{"username": "{user}", "password": "p"}}"#);
        let file = format!(r#"{{"auths": {{"r.io": {0}, "s.io": {0}}}}}"#, entry("file"));
        std::fs::write(folder.path().join("config.json"), file).unwrap();
        let read = |variable: &str| {
            let lookup = |name: &str| match name {
                VARIABLE => Some(variable.to_owned()),
                "DOCKER_CONFIG" => Some(folder.path().display().to_string()),
                _ => None,
            };
            LoginFiles::read(&lookup, None)
        };
        let user = |files: &LoginFiles, host: &str| {
            let found = files.find(&host.parse().unwrap(), &"a/b".parse().unwrap())?;
            let Login::User(credentials) = found.login else { return None };
            Some(format!("{} {}", credentials.user(), matches!(found.place, LoginPlace::Variable(_))))
        };
        let (files, errors) = read(&format!(r#"{{"auths": {{"https://r.io/v1/": {}}}}}"#, entry("variable")));
        assert!(errors.is_empty());
        assert_eq!(user(&files, "r.io").as_deref(), Some("variable true"));
        assert_eq!(user(&files, "s.io").as_deref(), Some("file false"));
        let (files, errors) = read(r#"{"auths": {"r.io": {"auth": 5secret}}}"#);
        let error = errors[0].to_string();
        assert!(error.starts_with("DOCKER_AUTH_CONFIG: ") && !error.contains("secret"), "{error}");
        assert_eq!(user(&files, "r.io").as_deref(), Some("file false"));
        assert!(read(" ").1.is_empty());
    }

    #[test]
    fn c16_each_place_without_a_login_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        std::fs::create_dir(at("containers")).unwrap();
        std::fs::create_dir(at("containers/auth.json")).unwrap();
        std::fs::write(at("config.json"), r#"{"auths": {"https://r.io/v1/": {"auth": "dTo="}, "s.io": {}}}"#)
            .unwrap();
        std::fs::write(at(".dockercfg"), "[").unwrap();
        let lookup = |name: &str| match name {
            "HOME" | "DOCKER_CONFIG" | "XDG_RUNTIME_DIR" => Some(folder.path().display().to_string()),
            _ => None,
        };
        let (files, errors) = LoginFiles::read(&lookup, None);
        assert_eq!(errors.len(), 1);
        let lacks = |host: &str| {
            let (host, repository) = (host.parse().unwrap(), "a/b".parse().unwrap());
            assert!(files.find(&host, &repository).is_none());
            let lacks = files.lacks(&host, &repository);
            let places: Vec<_> = lacks.iter().map(|(place, _)| place.to_string()).collect();
            let expected =
                ["containers/auth.json", ".config/containers/auth.json", "config.json", ".dockercfg"];
            assert_eq!(places, [vec![VARIABLE.to_owned()], expected.map(at).to_vec()].concat());
            lacks.into_iter().map(|(_, lack)| lack).collect::<Vec<_>>()
        };
        let told = lacks("r.io");
        assert!(matches!(&told[1], LoginLack::Unreadable(why) if why.contains("directory")), "{told:?}");
        assert_eq!((&told[0], &told[2]), (&LoginLack::Absent, &LoginLack::Absent));
        assert_eq!(told[3..], [LoginLack::Incomplete("https://r.io/v1/".to_owned()), LoginLack::Unusable]);
        assert_eq!(lacks("q.io")[3], LoginLack::NoEntry);
    }
}
