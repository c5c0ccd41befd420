//! The keys of an auth entry for the connection: TLS, certificates, proxy, HTTP version.

use std::path::PathBuf;

use registry::{CertificateCheck, HostCertificates, HttpVersion, Proxies, Scheme, Security};

use super::entry_reader::EntryReader;
use crate::config::document::Node;
use crate::config::error::ConfigError;

/// The connection settings of a registry.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    pub(crate) security: Security,
    /// In addition to those in `certs.d`.
    pub(crate) certificates: HostCertificates,
    /// Overrides the environment's proxies.
    pub(crate) proxies: Option<Proxies>,
    pub(crate) http_version: HttpVersion,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            security: Security::VERIFIED,
            certificates: HostCertificates::default(),
            proxies: None,
            http_version: HttpVersion::Newest,
        }
    }
}

pub(super) const AUTHORITY_HELP: &str = "name a PEM file, or a folder with .crt, .pem or .cer files; a relative path begins at the folder of this config file, and ~ is not replaced";
const IDENTITY_HELP: &str = r#"write both, each a PEM file: "clientCert": "client.crt", "clientKey": "client.key"; a relative path begins at the folder of this config file, and ~ is not replaced"#;
const PROXY_HELP: &str = r#"write "proxy": "none" to go without the proxy of the environment"#;

impl EntryReader<'_> {
    /// Reads these keys; all are optional.
    pub(super) fn reach(&mut self, fields: &[(String, Node)]) -> Result<Reach, ConfigError> {
        let is_http1 = self.flag(fields, "http1")?;
        Ok(Reach {
            security: self.security(fields)?,
            certificates: self.certificates(fields)?,
            proxies: self.proxies(fields)?,
            http_version: if is_http1 { HttpVersion::Http1 } else { HttpVersion::Newest },
        })
    }

    /// `insecure` is the Go tool's key: any certificate, and plain HTTP if there is no TLS. The other two keys allow one of these each.
    fn security(&self, fields: &[(String, Node)]) -> Result<Security, ConfigError> {
        let insecure = self.flag(fields, "insecure")?;
        let skips_check = self.flag(fields, "skipTlsVerify")?;
        let is_plain = self.flag(fields, "plainHttp")?;
        let base = if insecure { Security::INSECURE } else { Security::VERIFIED };
        Ok(Security {
            certificate: if skips_check { CertificateCheck::Unverified } else { base.certificate },
            scheme: if is_plain { Scheme::Plain } else { base.scheme },
        })
    }

    fn certificates(&mut self, fields: &[(String, Node)]) -> Result<HostCertificates, ConfigError> {
        let mut certificates = HostCertificates::default();
        if let Some((path, node)) = self.path(fields, "ca")? {
            certificates = certificates
                .with_authorities(&path)
                .map_err(|error| self.wrong(node, "ca", &error).help(AUTHORITY_HELP))?;
        }
        match (self.path(fields, "clientCert")?, self.path(fields, "clientKey")?) {
            (None, None) => Ok(certificates),
            (Some((certificate, node)), Some((key, _))) => certificates
                .with_identity(&certificate, &key)
                .map_err(|error| self.wrong(node, "clientCert", &error).help(IDENTITY_HELP)),
            (Some((_, node)), None) => {
                Err(self.error(node, "has a `clientCert` without its `clientKey`").help(IDENTITY_HELP))
            }
            (None, Some((_, node))) => {
                Err(self.error(node, "has a `clientKey` without its `clientCert`").help(IDENTITY_HELP))
            }
        }
    }

    fn proxies(&mut self, fields: &[(String, Node)]) -> Result<Option<Proxies>, ConfigError> {
        let Some(node) = self.find(fields, "proxy") else { return Ok(None) };
        match self.text("proxy", node)?.as_str() {
            "" => Ok(None),
            "none" => Ok(Some(Proxies::none())),
            address => Proxies::one(address)
                .map(Some)
                .map_err(|error| self.wrong(node, "proxy", &error).help(PROXY_HELP)),
        }
    }

    /// A path, relative to the folder of the config file.
    fn path<'a>(
        &mut self,
        fields: &'a [(String, Node)],
        field: &str,
    ) -> Result<Option<(PathBuf, &'a Node)>, ConfigError> {
        let Some(node) = self.find(fields, field) else { return Ok(None) };
        let text = self.text(field, node)?;
        let folder = self.file.parent().map(PathBuf::from).unwrap_or_default();
        Ok((!text.is_empty()).then(|| (folder.join(text), node)))
    }

    pub(super) fn flag(&self, fields: &[(String, Node)], field: &str) -> Result<bool, ConfigError> {
        self.find(fields, field).map_or(Ok(false), |node| self.truth(field, node))
    }

    /// The last of repeated keys counts.
    pub(super) fn find<'a>(&self, fields: &'a [(String, Node)], field: &str) -> Option<&'a Node> {
        fields.iter().rfind(|(name, _)| self.is(name, field)).map(|(_, node)| node)
    }

    pub(super) fn wrong(&self, node: &Node, field: &str, error: &dyn std::error::Error) -> ConfigError {
        self.error(node, &format!("has a `{field}` that cannot be used: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::auth::{Absent, Expansion, read};
    use crate::config::document::Format;
    use crate::config::{json, yaml};

    fn reach(file: &Path, entry: &str) -> Result<Reach, String> {
        let node = json::read(&format!("{{\"r.io\":\n {entry}}}")).unwrap().root;
        let read = read(file, Format::Json, &node, Expansion::Literal, Absent::IsError, &|_| None);
        read.map(|auth| auth.entries[0].reach.clone()).map_err(|error| error.to_string())
    }

    fn security(entry: &str) -> (CertificateCheck, Scheme) {
        let security = reach(Path::new("c.json"), entry).unwrap().security;
        (security.certificate, security.scheme)
    }

    #[test]
    fn c83_insecure_has_two_halves() {
        use CertificateCheck::{Unverified, Verified};

        assert_eq!(security("{}"), (Verified, Scheme::Tls));
        assert_eq!(security(r#"{"insecure": true}"#), (Unverified, Scheme::TlsOrPlain));
        assert_eq!(security(r#"{"skipTlsVerify": true}"#), (Unverified, Scheme::Tls));
        assert_eq!(security(r#"{"plainHttp": true}"#), (Verified, Scheme::Plain));
        assert_eq!(security(r#"{"insecure": true, "plainHttp": true}"#), (Unverified, Scheme::Plain));
        assert_eq!(security(r#"{"INSECURE": true, "insecure": false}"#), (Verified, Scheme::Tls));
    }

    #[test]
    fn c84_c85_a_registry_may_have_its_own_proxy_and_http_version() {
        let file = Path::new("c.json");
        let http1 = reach(file, r#"{"http1": true}"#).unwrap();
        assert_eq!((http1.http_version, http1.proxies), (HttpVersion::Http1, None));
        let none = reach(file, r#"{"proxy": "none"}"#).unwrap().proxies;
        assert_eq!(none, Some(Proxies::none()));
        let one = reach(file, r#"{"proxy": "socks5://p.io:1080"}"#).unwrap().proxies;
        assert_eq!(one, Some(Proxies::one("socks5h://p.io:1080").unwrap()));
        let written = yaml::read("r.io: {proxy: none, http1: true, plainHttp: yes}").unwrap().root;
        let auth =
            read(Path::new("c.yaml"), Format::Yaml, &written, Expansion::Literal, Absent::IsError, &|_| None)
                .unwrap();
        assert_eq!(auth.entries[0].reach.proxies, Some(Proxies::none()));
    }

    #[test]
    fn c83_paths_begin_at_the_folder_of_the_config_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.json");
        let missing = reach(&file, r#"{"ca": "ca.crt"}"#).unwrap_err();
        let place = folder.path().join("ca.crt");
        assert!(missing.contains(&format!("{} cannot be read", place.display())), "{missing}");
        std::fs::write(&place, "no certificate").unwrap();
        let empty = reach(&file, r#"{"ca": "ca.crt"}"#).unwrap_err();
        assert!(empty.contains("c.json:2:") && empty.contains("has no certificate in PEM form"), "{empty}");
    }

    #[test]
    fn wrong_values_say_what_to_write() {
        for (entry, words) in [
            (r#"{"skipTlsVerify": "yes"}"#, "`skipTlsVerify` that is neither true nor false"),
            (r#"{"plainHttp": 1}"#, "`plainHttp` that is neither true nor false"),
            (r#"{"http1": "1"}"#, "`http1` that is neither true nor false"),
            (r#"{"ca": true}"#, "ca that is the truth"),
            (
                r#"{"ca": "/nonexistent/ca.pem"}"#,
                "`ca` that cannot be used: /nonexistent/ca.pem cannot be read",
            ),
            (r#"{"clientCert": "a.crt"}"#, "`clientCert` without its `clientKey`"),
            (r#"{"clientKey": "a.key"}"#, "`clientKey` without its `clientCert`"),
            (r#"{"clientCert": "/nonexistent/a", "clientKey": "b"}"#, "`clientCert` that cannot be used"),
            (
                r#"{"proxy": "ftp://user:hunter2@p.io"}"#,
                "`proxy` that cannot be used: this is no proxy's address",
            ),
        ] {
            let error = reach(Path::new("c.json"), entry).unwrap_err();
            assert!(
                error.starts_with("c.json:2: the auth entry `r.io` ") && error.contains(words),
                "{error}"
            );
            assert!(error.contains("help: ") && !error.contains("hunter2"), "{error}");
        }
    }
}
