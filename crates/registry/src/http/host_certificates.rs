//! Certificates for one registry: files from the configuration, and the folders that Docker and containers use.
//!
//! Sources: containers-certs.d(5); Docker, "Verify repository client with certificates".
//! `<folder>/<host:port>/*.crt` are authorities, `*.cert` with `*.key` is the client certificate.

use std::path::{Path, PathBuf};

use oci::RegistryHost;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use secrecy::{ExposeSecret as _, SecretString};

use super::tls;
use crate::Error;

/// Trusted authorities and a client certificate, for one registry alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostCertificates {
    /// PEM certificates of authorities.
    authorities: Vec<Vec<u8>>,
    /// A PEM certificate with its key.
    identity: Option<Pem>,
}

#[derive(Clone, Debug)]
struct Pem(SecretString);

impl PartialEq for Pem {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose_secret() == other.0.expose_secret()
    }
}

impl Eq for Pem {}

/// A chain of certificates and the key of the first one.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Pem {
    fn parse(&self) -> Result<Identity, pem::Error> {
        let text = self.0.expose_secret().as_bytes();
        let chain = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>()?;
        Ok((chain, PrivateKeyDer::from_pem_slice(text)?))
    }

    /// Whether there is a certificate, and the key belongs to it.
    fn is_a_pair(&self) -> bool {
        let Ok((chain, key)) = self.parse() else { return false };
        CertifiedKey::from_der(chain, key, &tls::provider()).is_ok()
    }
}

impl HostCertificates {
    /// Reads the folders of `host`, if there are any. `home` is the user's own folder.
    ///
    /// # Errors
    /// A certificate without its key or a key without its certificate, and files that cannot be read: ignoring them
    /// would look like another fault.
    pub fn read(host: &RegistryHost, home: Option<&Path>) -> Result<Self, HostCertificatesError> {
        // The first folder that exists counts, the user's own before the system's.
        let folders = [
            home.map(|home| home.join(".config/containers/certs.d")),
            home.map(|home| home.join(".config/docker/certs.d")),
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

    /// Adds the authorities of a PEM file, or of the `.crt`, `.pem` and `.cer` files of a folder.
    ///
    /// # Errors
    /// Nothing can be read there, or there is no certificate in it.
    pub fn with_authorities(mut self, path: &Path) -> Result<Self, HostCertificatesError> {
        let files = if path.is_dir() { certificate_files(path)? } else { vec![path.to_owned()] };
        let mut found = Vec::new();
        for file in &files {
            let pem = read(file)?;
            if tls::certificates(&pem).is_ok_and(|certificates| !certificates.is_empty()) {
                found.push(pem);
            } else {
                return Err(HostCertificatesError::NoAuthority { path: file.clone() });
            }
        }
        if found.is_empty() {
            return Err(HostCertificatesError::NoAuthority { path: path.to_owned() });
        }
        self.authorities.extend(found);
        Ok(self)
    }

    /// Uses the client certificate in `certificate`, which is PEM like its `key`, instead of any other.
    ///
    /// # Errors
    /// A file cannot be read, or the two are no certificate and its key.
    pub fn with_identity(mut self, certificate: &Path, key: &Path) -> Result<Self, HostCertificatesError> {
        let identity = join(certificate, key)?;
        if !identity.is_a_pair() {
            let (certificate, key) = (certificate.to_owned(), key.to_owned());
            return Err(HostCertificatesError::NoIdentity { certificate, key });
        }
        self.identity = Some(identity);
        Ok(self)
    }

    /// Both sets of certificates; `self`'s client certificate wins if both have one.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.authorities.extend(others.authorities);
        self.identity = self.identity.or(others.identity);
        self
    }

    /// Whether there are none beside the system's certificates.
    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty() && self.identity.is_none()
    }

    /// For hosts that must not get the client certificate.
    pub(crate) fn without_identity(&self) -> Self {
        Self { authorities: self.authorities.clone(), identity: None }
    }

    /// The trusted authorities.
    pub(crate) fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, Error> {
        let bundles = self.authorities.iter().map(|pem| tls::certificates(pem));
        Ok(bundles.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// The client certificate with its chain, and its key.
    pub(crate) fn identity(&self) -> Result<Option<Identity>, pem::Error> {
        self.identity.as_ref().map(Pem::parse).transpose()
    }

    fn read_folder(folder: &Path) -> Result<Self, HostCertificatesError> {
        let mut certificates = Self::default();
        for path in files(folder)? {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("crt") => certificates.authorities.push(read(&path)?),
                Some("cert") => {
                    let key = path.with_extension("key");
                    if !key.exists() {
                        return Err(HostCertificatesError::NoKey { certificate: path, key });
                    }
                    // Docker offers all client certificates; TLS takes one, and Docker tries the first one first.
                    if certificates.identity.is_none() {
                        certificates.identity = Some(join(&path, &key)?);
                    }
                }
                Some("key") if !path.with_extension("cert").exists() => {
                    let certificate = path.with_extension("cert");
                    return Err(HostCertificatesError::NoCertificate { key: path, certificate });
                }
                _ => {}
            }
        }
        Ok(certificates)
    }
}

fn certificate_files(folder: &Path) -> Result<Vec<PathBuf>, HostCertificatesError> {
    let is_certificate = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("crt" | "pem" | "cer"))
    };
    Ok(files(folder)?.into_iter().filter(is_certificate).collect())
}

/// The files of a folder by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, HostCertificatesError> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Vec<u8>, HostCertificatesError> {
    std::fs::read(path).map_err(|error| unreadable(path, error))
}

fn join(certificate: &Path, key: &Path) -> Result<Pem, HostCertificatesError> {
    let pem = [read(certificate)?, b"\n".to_vec(), read(key)?].concat();
    Ok(Pem(String::from_utf8_lossy(&pem).into_owned().into()))
}

fn unreadable(path: &Path, source: std::io::Error) -> HostCertificatesError {
    HostCertificatesError::Unreadable { path: path.to_owned(), source }
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
    /// A client certificate without its key.
    #[error("{} needs its key beside it: {} is missing", certificate.display(), key.display())]
    NoKey {
        /// The certificate.
        certificate: PathBuf,
        /// Where its key should be.
        key: PathBuf,
    },
    /// A key without its certificate.
    #[error("{} needs its certificate beside it: {} is missing (authorities end in .crt)", key.display(), certificate.display())]
    NoCertificate {
        /// The key.
        key: PathBuf,
        /// Where its certificate should be.
        certificate: PathBuf,
    },
    /// There is no certificate of an authority.
    #[error("{} has no certificate in PEM form (-----BEGIN CERTIFICATE-----)", path.display())]
    NoAuthority {
        /// The file or folder.
        path: PathBuf,
    },
    /// Two files that are not a certificate and its key.
    #[error("{} and {} are not a certificate and its own key in PEM form", certificate.display(), key.display())]
    NoIdentity {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}
