//! Options for a `docker-registry`, and its configuration file.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::DockerRegistry;
use crate::process::find_program;
use crate::token_server::TokenServer;

/// A registry before its start.
#[derive(Clone, Default)]
pub struct DockerRegistryBuilder {
    login: Login,
    relative_urls: bool,
    redirect_blobs: bool,
    read_only: bool,
    parent_folder: Option<PathBuf>,
    realm: Option<String>,
    disk_bytes: Option<u64>,
}

#[derive(Clone, Default)]
enum Login {
    #[default]
    Open,
    Htpasswd {
        user: String,
        password: String,
    },
    Token {
        realm: String,
        service: String,
        issuer: String,
        root_certificate: String,
    },
}

impl DockerRegistryBuilder {
    /// One user with all rights, with Basic authentication.
    #[must_use]
    pub fn htpasswd(mut self, user: &str, password: &str) -> Self {
        self.login = Login::Htpasswd { user: user.to_owned(), password: password.to_owned() };
        self
    }

    /// Requires tokens of `server`.
    #[must_use]
    pub fn token(mut self, server: &TokenServer) -> Self {
        self.login = Login::Token {
            realm: server.realm(),
            service: server.service().to_owned(),
            issuer: server.issuer().to_owned(),
            root_certificate: server.certificate_pem().to_owned(),
        };
        self
    }

    /// Answers uploads with a `Location` that is only a path.
    #[must_use]
    pub fn relative_urls(mut self) -> Self {
        self.relative_urls = true;
        self
    }

    /// Answers blob reads with 307 to another port, which refuses requests with credentials.
    #[must_use]
    pub fn redirect_blobs(mut self) -> Self {
        self.redirect_blobs = true;
        self
    }

    /// Refuses every write with 405.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Keeps its files below this folder instead of the system's temporary folder.
    #[must_use]
    pub fn below(mut self, folder: &Path) -> Self {
        self.parent_folder = Some(folder.to_owned());
        self
    }

    /// Names another URL for the token server: that of a proxy in front of it.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Keeps everything on a disk of this size, which is soon full. If no disk can be mounted, limits the size of
    /// single files instead: for the registry both are write errors.
    #[must_use]
    pub fn disk_bytes(mut self, bytes: u64) -> Self {
        self.disk_bytes = Some(bytes);
        self
    }

    /// Starts the registry and waits until it listens.
    pub async fn start(self) -> Result<DockerRegistry> {
        DockerRegistry::start(self).await
    }

    pub(super) fn parent_folder(&self) -> PathBuf {
        self.parent_folder.clone().unwrap_or_else(std::env::temp_dir)
    }

    pub(super) fn redirects_blobs(&self) -> bool {
        self.redirect_blobs
    }

    /// The program and its arguments.
    pub(super) fn command(
        &self,
        configuration: PathBuf,
        data: &Path,
    ) -> Result<(&'static str, Vec<OsString>)> {
        let Some(bytes) = self.disk_bytes else {
            return Ok(("docker-registry", vec!["serve".into(), configuration.into()]));
        };
        // The mount is in its own namespace, so it ends with the process.
        let script = r#"if unshare -m mount -t tmpfs -o "size=$1" tmpfs "$2" 2>/dev/null; then
            exec unshare -m sh -c 'mount -t tmpfs -o "size=$1" tmpfs "$2" && exec "$3" serve "$4"' sh "$@"
        fi
        ulimit -f $(($1 / 512)) && exec "$3" serve "$4""#;
        let program = find_program("docker-registry")?;
        let mut arguments: Vec<OsString> = ["-c", script, "sh", &bytes.to_string()].map(Into::into).into();
        arguments.extend([data.into(), program.into(), configuration.into()]);
        Ok(("sh", arguments))
    }

    /// Writes the configuration and the files that it names; returns its path.
    pub(super) fn write(
        &self,
        folder: &Path,
        data: &Path,
        address: &str,
        storage: Option<&str>,
    ) -> Result<PathBuf> {
        let mut configuration = json!({
            "version": "0.1",
            // The line with the port is logged at this level.
            "log": {"level": "info"},
            "storage": {
                "filesystem": {"rootdirectory": data},
                "delete": {"enabled": true},
                "maintenance": {"readonly": {"enabled": self.read_only}, "uploadpurging": {"enabled": false}},
            },
            "http": {"addr": address, "secret": "testkit", "relativeurls": self.relative_urls},
        });
        if let Some(auth) = self.login.write(folder)? {
            configuration["auth"] = auth;
            if let Some(realm) = &self.realm {
                configuration["auth"]["token"]["realm"] = json!(realm);
            }
        }
        if let Some(host) = storage {
            let redirect = json!({"name": "redirect", "options": {"baseurl": format!("http://{host}/")}});
            configuration["middleware"] = json!({"storage": [redirect]});
        }
        // JSON is valid YAML, and quotes what needs quotes.
        let path = folder.join("registry.yml");
        std::fs::write(&path, configuration.to_string())?;
        Ok(path)
    }
}

impl Login {
    fn write(&self, folder: &Path) -> Result<Option<Value>> {
        match self {
            Self::Open => Ok(None),
            Self::Htpasswd { user, password } => {
                let path = folder.join("htpasswd");
                std::fs::write(&path, format!("{user}:{}\n", bcrypt(password)?))?;
                Ok(Some(json!({"htpasswd": {"realm": "testkit", "path": path}})))
            }
            Self::Token { realm, service, issuer, root_certificate } => {
                let path = folder.join("token.crt");
                std::fs::write(&path, root_certificate)?;
                Ok(Some(json!({"token": {
                    "realm": realm, "service": service, "issuer": issuer, "rootcertbundle": path,
                }})))
            }
        }
    }
}

/// The only hash that docker-registry accepts. Perl is part of every Debian and saves a dependency; the lowest cost
/// keeps the many requests of a test fast.
fn bcrypt(password: &str) -> Result<String> {
    let output = Command::new(find_program("perl")?)
        .args(["-e", r#"print crypt($ENV{"TESTKIT_PASSWORD"}, '$2y$04$abcdefghijklmnopqrstuu')"#])
        .env("TESTKIT_PASSWORD", password)
        .stdin(Stdio::null())
        .output()?;
    let hash = String::from_utf8(output.stdout)?;
    ensure!(hash.starts_with("$2y$"), "perl on this system knows no bcrypt");
    Ok(hash)
}
