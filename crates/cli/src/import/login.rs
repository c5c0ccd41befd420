//! An entry of our `auth`, made by an import.

use super::note::Notes;
use super::tree::Tree;

/// The login for a registry, and the connection settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<Secret>,
    pub(super) password: Option<Secret>,
    /// Whether the registry is Alibaba's, with temporary logins.
    pub(super) is_acr: bool,
    pub(super) trust: Trust,
    pub(super) ca: Option<String>,
    pub(super) client_cert: Option<String>,
    pub(super) client_key: Option<String>,
}

/// What to accept from a registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trust {
    #[default]
    Certificate,
    AnyCertificate,
    PlainHttp,
    /// Any certificate, and plain HTTP if the registry does not speak TLS.
    Anything,
}

/// Where a part of a login is stored.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Secret {
    /// In the config itself.
    Literal(String),
    /// In an environment variable.
    Env(String),
    /// In a file; only passwords.
    File(String),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(_) => formatter.write_str("Literal(..)"),
            Self::Env(name) => write!(formatter, "Env({name:?})"),
            Self::File(path) => write!(formatter, "File({path:?})"),
        }
    }
}

impl Login {
    fn tree(&self) -> Tree {
        let mut entries = Vec::new();
        if self.is_acr {
            entries.push(("provider", Tree::text("acr")));
        }
        entries.extend(self.user.as_ref().map(|user| user.entry(["username", "usernameEnv", "username"])));
        let keys = ["password", "passwordEnv", "passwordFile"];
        entries.extend(self.password.as_ref().map(|password| password.entry(keys)));
        let key = match self.trust {
            Trust::Certificate => None,
            Trust::AnyCertificate => Some("skipTlsVerify"),
            Trust::PlainHttp => Some("plainHttp"),
            Trust::Anything => Some("insecure"),
        };
        entries.extend(key.map(|key| (key, Tree::truth(true))));
        let files = [("ca", &self.ca), ("clientCert", &self.client_cert), ("clientKey", &self.client_key)];
        entries.extend(files.into_iter().filter_map(|(key, file)| Some((key, Tree::text(file.as_ref()?)))));
        Tree::Map(entries)
    }
}

impl Secret {
    fn entry(&self, [literal, env, file]: [&'static str; 3]) -> (&'static str, Tree) {
        match self {
            Self::Literal(text) => (literal, Tree::text(text)),
            Self::Env(name) => (env, Tree::text(name)),
            Self::File(path) => (file, Tree::text(path)),
        }
    }
}

/// All entries, by registry, or by registry and path.
#[derive(Clone, Debug, Default)]
pub(super) struct Logins(Vec<(String, Login)>);

impl Logins {
    /// Adds an entry, unless it is empty. A key can have one login; a second one is reported.
    pub(super) fn add(&mut self, key: &str, login: Login, line: usize, notes: &mut Notes) {
        if login == Login::default() {
            return;
        }
        if let Some((_, known)) = self.0.iter().find(|(known, _)| known == key) {
            if *known != login {
                notes.left_out(
                    line,
                    format!("the second login for `{key}`"),
                    "`auth` has one entry for each key: write another one for a path, as in `HOST/PROJECT`",
                );
            }
            return;
        }
        notes.kept(line, format!("`{key}`"), login.what_is_kept());
        if matches!(login.password, Some(Secret::Literal(_))) {
            notes.changed(
                line,
                format!("the password for `{key}`"),
                "it stands in the output as it stands in this file: better is `passwordEnv: NAME` or `passwordFile: PATH`",
            );
        }
        self.0.push((key.to_owned(), login));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn tree(&self) -> Tree {
        Tree::Named(self.0.iter().map(|(key, login)| (key.clone(), login.tree())).collect())
    }
}

impl Login {
    fn what_is_kept(&self) -> String {
        let from = |secret: &Secret| match secret {
            Secret::Literal(_) => "as written".to_owned(),
            Secret::Env(name) => format!("from the variable {name}"),
            Secret::File(path) => format!("from the file {path}"),
        };
        let mut kept = Vec::new();
        if self.is_acr {
            kept.push("logins by Alibaba's API (`provider: acr`)".to_owned());
        }
        kept.extend(self.user.as_ref().map(|user| format!("the user {}", from(user))));
        kept.extend(self.password.as_ref().map(|password| format!("the password {}", from(password))));
        kept.extend(match self.trust {
            Trust::Certificate => None,
            Trust::AnyCertificate => Some("any certificate".to_owned()),
            Trust::PlainHttp => Some("plain HTTP".to_owned()),
            Trust::Anything => Some("any certificate, or plain HTTP".to_owned()),
        });
        if self.ca.is_some() || self.client_cert.is_some() || self.client_key.is_some() {
            kept.push("certificates".to_owned());
        }
        kept.join(", ")
    }
}
