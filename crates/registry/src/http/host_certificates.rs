//! Certificates for one registry, from the folders that Docker and containers use.
//!
//! Source: containers-certs.d(5). `<folder>/<host:port>/*.crt` are authorities, `*.cert` with `*.key` is who we are.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::RegistryHost;

/// Certificates to trust, and to show, for one registry alone.
#[derive(Clone, Debug, Default)]
pub struct HostCertificates {
    /// PEM certificates of authorities.
    pub(crate) authorities: Vec<Vec<u8>>,
    /// A PEM certificate with its key.
    pub(crate) identity: Option<SecretString>,
}

impl HostCertificates {
    /// Reads the folders of `host`, if there are any. `home` is the user's own folder.
    ///
    /// # Errors
    /// A certificate without its key, and files that cannot be read: leaving them out would look like another fault.
    pub fn read(host: &RegistryHost, home: Option<&Path>) -> Result<Self, HostCertificatesError> {
        let folders = [
            home.map(|home| home.join(".config/containers/certs.d")),
            home.map(|home| home.join(".docker/certs.d")),
            Some(PathBuf::from("/etc/containers/certs.d")),
            Some(PathBuf::from("/etc/docker/certs.d")),
        ];
        let found = folders.into_iter().flatten().map(|folder| folder.join(host.as_str()));
        match found.into_iter().find(|folder| folder.is_dir()) {
            Some(folder) => Self::read_folder(&folder),
            None => Ok(Self::default()),
        }
    }

    /// Whether there is anything beside the system's certificates.
    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty() && self.identity.is_none()
    }

    fn read_folder(folder: &Path) -> Result<Self, HostCertificatesError> {
        let unreadable =
            |path: &Path, source| HostCertificatesError::Unreadable { path: path.to_owned(), source };
        let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
        let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.sort();
        let mut certificates = Self::default();
        for path in paths {
            let read = |path: &Path| std::fs::read(path).map_err(|error| unreadable(path, error));
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("crt") => certificates.authorities.push(read(&path)?),
                Some("cert") => {
                    let key = path.with_extension("key");
                    if !key.exists() {
                        return Err(HostCertificatesError::NoKey { certificate: path, key });
                    }
                    let pem = [read(&path)?, b"\n".to_vec(), read(&key)?].concat();
                    certificates.identity = Some(String::from_utf8_lossy(&pem).into_owned().into());
                }
                _ => {}
            }
        }
        Ok(certificates)
    }
}

/// Why a registry's certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostCertificatesError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is a certificate to show, but not its key.
    #[error("{} needs its key beside it: {} is missing", certificate.display(), key.display())]
    NoKey {
        /// The certificate.
        certificate: PathBuf,
        /// Where its key should be.
        key: PathBuf,
    },
}
