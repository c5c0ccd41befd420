//! The auth map: the login for each registry, or for a path in it.

mod entry_reader;
mod field;
mod from_flags;
mod login;
mod provider;
mod reach;

use std::collections::HashMap;
use std::path::Path;

pub(crate) use entry_reader::{Absent, Expansion};
use entry_reader::{EntryReader, SHAPE};
pub(crate) use field::schema;
use oci::{RegistryHost, RepositoryName};
pub(crate) use provider::{MissingRepositories, Offer};
pub(crate) use reach::Reach;
use registry::{Credentials, TrustedRealm, TrustedRealmError};

use super::document::{Format, Node, Scalar, ScalarKind, Value};
use super::environment::Lookup;
use super::error::ConfigError;
use super::file_name::shown;
use super::unknown_key;
use endpoints::AcrSettings;

/// One entry of the auth map.
#[derive(Clone, Debug)]
pub(crate) struct AuthEntry {
    /// The key as it was written.
    pub(crate) key: String,
    /// File and line.
    pub(crate) place: Option<String>,
    /// The flags that made the entry, if no file has it.
    pub(crate) flags: Vec<&'static str>,
    /// The key, normalized like image names.
    prefix: String,
    /// `None` (anonymous) if user or password is empty.
    pub(crate) credentials: Option<Credentials>,
    /// The incomplete login, if the entry has one.
    pub(crate) half_login: Option<HalfLogin>,
    pub(crate) reach: Reach,
    pub(crate) offer: Offer,
    /// A token server that may receive the login.
    pub(crate) trusted_realm: Option<TrustedRealm>,
}

impl AuthEntry {
    /// An entry without any settings.
    fn empty(host: &RegistryHost) -> Self {
        let (credentials, half_login, reach, offer, trusted_realm) = Default::default();
        let key = host.as_str().to_owned();
        Self {
            prefix: normal_host(&key),
            key,
            place: None,
            flags: Vec::new(),
            credentials,
            half_login,
            reach,
            offer,
            trusted_realm,
        }
    }

    /// The registry, or a path in it, in normal form.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// A login with a missing part, which is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HalfLogin {
    /// A user without a password.
    User(String),
    Password,
    /// A login whose variable or file is missing, for verbs that only look at a config.
    Kept(String),
}

/// All entries, and warnings about them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Auth {
    pub(crate) entries: Vec<AuthEntry>,
    /// Index of the entries by prefix: a lookup does not scan all entries.
    by_prefix: HashMap<String, usize>,
    /// Whether any key has a path. Most files have none, so that lookups can skip the repository.
    has_paths: bool,
    /// The file of the entries, for messages. Set even if it has no entries.
    pub(crate) file: Option<String>,
    pub(crate) warnings: Vec<String>,
}

impl Auth {
    /// The entry for an image: the longest key that is a whole-component prefix of its name.
    pub(crate) fn find(&self, host: &RegistryHost, repository: &RepositoryName) -> Option<usize> {
        if self.entries.is_empty() {
            return None;
        }
        let host = normal_host(host.as_str());
        if !self.has_paths {
            return self.by_prefix.get(&host).copied();
        }
        let name = format!("{host}/{repository}");
        let mut prefixes =
            std::iter::successors(Some(&name[..]), |name| name.rsplit_once('/').map(|(front, _)| front));
        prefixes.find_map(|prefix| self.by_prefix.get(prefix).copied())
    }

    /// Adds an entry. The last of those with equal prefixes counts.
    fn push(&mut self, entry: AuthEntry) {
        self.has_paths |= entry.prefix.contains('/');
        self.by_prefix.insert(entry.prefix.clone(), self.entries.len());
        self.entries.push(entry);
    }
}

impl Auth {
    /// No entries; `file` is where they would be.
    pub(super) fn none_in(file: &Path) -> Self {
        Self { file: Some(shown(file).to_string()), ..Self::default() }
    }

    /// Marks a registry as one of Alibaba's: `given` overrides its entry. Returns whether there was an entry.
    pub(crate) fn take_for_acr(
        &mut self,
        host: &RegistryHost,
        repository: &RepositoryName,
        given: AcrSettings,
    ) -> bool {
        let front = format!("{}/", normal_host(host.as_str()));
        let of_host = |entry: &AuthEntry| format!("{}/", entry.prefix).starts_with(&front);
        let of_host = || self.entries.iter().position(of_host);
        let found = self.find(host, repository).or_else(of_host);
        let mut entry = found.map_or_else(|| AuthEntry::empty(host), |index| self.entries[index].clone());
        let written = entry.offer.acr.take().unwrap_or_default();
        entry.offer.acr = Some(given.or(written));
        // As if the entry had been written for this repository.
        entry.prefix = format!("{front}{repository}");
        self.push(entry);
        found.is_some()
    }
}

/// Reads the auth map.
pub(crate) fn read(
    file: &Path,
    format: Format,
    node: &Node,
    expansion: Expansion,
    absent: Absent,
    lookup: Lookup<'_>,
) -> Result<Auth, ConfigError> {
    let mut auth = Auth::none_in(file);
    let entries = match &node.value {
        Value::Map(entries) => entries,
        _ if node.is_null() => return Ok(auth),
        _ => {
            let problem = format!("`auth` is {}, but must be a map of registries", node.describe());
            return Err(ConfigError::new(problem).file(file).line(node.line).help(SHAPE));
        }
    };
    for (key, value) in entries {
        let (is_literal_wanted, warnings) = (false, &mut auth.warnings);
        let absences = Vec::new();
        let mut reader = EntryReader {
            file,
            format,
            key,
            expansion,
            lookup,
            is_literal_wanted,
            warnings,
            absent,
            absences,
        };
        let entry = reader.read(value)?;
        auth.push(entry);
    }
    Ok(auth)
}

const REALM: &str =
    r#"write "realm": "https://auth.example.com/token", a bare host, or "http://10.0.0.5:5001" without TLS"#;

impl EntryReader<'_> {
    fn read(&mut self, node: &Node) -> Result<AuthEntry, ConfigError> {
        let fields: &[(String, Node)] = match &node.value {
            Value::Map(fields) => fields,
            _ if node.is_null() => &[],
            _ => return Err(self.error(node, &format!("is {}, but must be a map", node.describe()))),
        };
        if let Some((_, off)) = fields.iter().find(|(name, _)| self.is(name, "disableExpandEnv"))
            && self.truth("disableExpandEnv", off)?
        {
            (self.expansion, self.is_literal_wanted) = (Expansion::Literal, true);
        }
        let of = format!("the auth entry `{}`", self.key);
        self.warnings.extend(unknown_key::warnings(self.file, self.format, &of, fields, &field::names()));
        let (credentials, half_login) = self.credentials(fields)?;
        let trusted_realm = self.find(fields, "realm").map(|node| self.realm(node)).transpose()?.flatten();
        let (prefix, reach, offer) = (normal_key(self.key), self.reach(fields)?, self.offer(fields)?);
        let (key, place) = (self.key.to_owned(), Some(format!("{}:{}", shown(self.file), node.line)));
        let flags = Vec::new();
        Ok(AuthEntry { key, place, flags, prefix, credentials, half_login, reach, offer, trusted_realm })
    }

    /// The token server that the key `realm` allows, for a registry whose token server is not evident. An empty text means none.
    fn realm(&self, node: &Node) -> Result<Option<TrustedRealm>, ConfigError> {
        let text = match &node.value {
            Value::Scalar(Scalar { kind: ScalarKind::Null, .. }) => return Ok(None),
            Value::Scalar(Scalar { text, kind: ScalarKind::Text, .. }) => text,
            _ => return Err(self.error(node, "has a `realm` that is no text").help(REALM)),
        };
        if text.is_empty() {
            return Ok(None);
        }
        let slip = |error| format!("has a `realm` that cannot be used: {error}");
        text.parse().map(Some).map_err(|error: TrustedRealmError| self.error(node, &slip(error)).help(REALM))
    }
}

/// Normalizes a key like image names: users write URLs, default ports, and all historical names of Docker Hub.
fn normal_key(key: &str) -> String {
    let bare = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let bare = bare.trim_end_matches("/v1").trim_end_matches("/v2").trim_end_matches('/');
    match bare.split_once('/') {
        Some((host, path)) => format!("{}/{path}", normal_host(host)),
        None => normal_host(bare),
    }
}

fn normal_host(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host);
    match host {
        "index.docker.io" | "registry.hub.docker.com" | "registry-1.docker.io" | "hub.docker.com" => {
            RegistryHost::DOCKER_HUB.to_owned()
        }
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(json: &str, expansion: Expansion) -> Result<Auth, ConfigError> {
        let node = crate::config::json::read(json).unwrap().root;
        let lookup = |name: &str| (name == "PASSWORD").then(|| "secret".to_owned());
        read(Path::new("auth.json"), Format::Json, &node, expansion, Absent::IsError, &lookup)
    }

    fn found(keys: &[&str], image: &str) -> Option<String> {
        let body = keys.iter().map(|key| format!("{key:?}: {{}}")).collect::<Vec<_>>().join(",");
        let auth = auth(&format!("{{{body}}}"), Expansion::Literal).unwrap();
        let image: oci::Reference = image.parse().unwrap();
        auth.find(&image.registry, &image.repository).map(|index| auth.entries[index].key.clone())
    }

    #[test]
    fn b1_b2_the_longest_prefix_at_a_boundary_wins_also_when_it_is_the_whole_name() {
        let keys = ["quay.io", "quay.io/coreos", "quay.io/coreos/etcd", "quay.io/core"];
        assert_eq!(found(&keys, "quay.io/coreos/etcd:v1").as_deref(), Some("quay.io/coreos/etcd"));
        assert_eq!(found(&keys, "quay.io/coreos/other").as_deref(), Some("quay.io/coreos"));
        assert_eq!(found(&keys, "quay.io/corex/other").as_deref(), Some("quay.io"));
        assert_eq!(found(&keys, "r.io/coreos/etcd"), None);
    }

    #[test]
    fn keys_are_compared_in_a_normal_form() {
        for key in
            ["docker.io", "https://index.docker.io/v1/", "registry.hub.docker.com", "docker.io/library/"]
        {
            assert_eq!(found(&[key], "nginx").as_deref(), Some(key), "{key}");
        }
        assert_eq!(found(&["HTTPS://x"], "x.io/a/b"), None);
        assert_eq!(
            found(&["https://Harbor.io:443/"], "harbor.io/a/b").as_deref(),
            Some("https://Harbor.io:443/")
        );
        assert_eq!(found(&["harbor.io:80"], "harbor.io/a/b"), None);
    }

    #[test]
    fn variables_are_replaced_where_they_always_were() {
        let json = r#"{"r.io": {"USERNAME": "u", "password": "$PASSWORD"}}"#;
        let header = |expansion| format!("{:?}", auth(json, expansion).unwrap().entries[0].credentials);
        assert!(header(Expansion::Expanded).contains("\"u\""));
        let off = r#"{"r.io": {"disableExpandEnv": true, "username": "u", "password": "a$b"}}"#;
        assert!(auth(off, Expansion::Expanded).unwrap().warnings.is_empty());
        let undefined =
            auth(r#"{"r.io": {"username": "u", "password": "a$b"}}"#, Expansion::Expanded).unwrap();
        assert_eq!(undefined.warnings.len(), 1);
        assert!(!undefined.warnings[0].contains("$b"));
    }

    #[test]
    fn wrong_shapes_are_named_without_the_secret() {
        let error = auth(r#"{"r.io": {"password": 123456}}"#, Expansion::Literal).unwrap_err().to_string();
        assert!(
            error.contains("auth.json:1:") && error.contains("r.io") && !error.contains("123456"),
            "{error}"
        );
        assert!(auth(r#"{"r.io": {"insecure": "true"}}"#, Expansion::Literal).is_err());
        assert!(auth("[]", Expansion::Literal).is_err());
        assert!(auth("null", Expansion::Literal).unwrap().entries.is_empty());
    }

    #[test]
    fn c78_a_trusted_realm_is_checked_where_it_stands() {
        let read = |realm: &str| auth(&format!("{{\"r.io\": {{\n\"realm\": {realm}}}}}"), Expansion::Literal);
        let realm = |text: &str| read(text).unwrap().entries[0].trusted_realm.clone();
        assert_eq!(realm("\"auth.io\"").unwrap().to_string(), "https://auth.io/");
        assert_eq!(realm("\"http://10.0.0.5:5001\"").unwrap().to_string(), "http://10.0.0.5:5001/");
        assert_eq!((realm("\"\""), realm("null")), (None, None));
        for nonsense in
            ["\"auth.io/token\"", "\"ftp://auth.io\"", "\"https://me:hunter2@auth.io\"", "5", "[]"]
        {
            let error = read(nonsense).unwrap_err().to_string();
            assert!(error.starts_with("auth.json:2: the auth entry `r.io`"), "{error}");
            assert!(
                error.contains("https://auth.example.com/token") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
