//! A private certificate authority, so that tests trust exactly what they mean to trust.

use std::path::Path;

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;

/// A certificate authority that clients do not trust by default.
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    folder: TempDir,
}

/// A server certificate and its key, both in PEM.
pub struct IssuedCertificate {
    /// The certificate.
    pub certificate_pem: String,
    /// Its private key.
    pub key_pem: String,
}

impl CertificateAuthority {
    /// Makes a new authority with its own key.
    pub fn generate() -> Result<Self> {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name.push(DnType::CommonName, "image-syncer test authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate_pem = parameters.self_signed(&key)?.pem();
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("ca.crt"), &certificate_pem)?;
        Ok(Self { issuer: Issuer::new(parameters, key), certificate_pem, folder })
    }

    /// The authority's own certificate.
    pub fn ca_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// A folder with the authority's certificate as `ca.crt` and nothing else, as `/etc/docker/certs.d/<host>` and
    /// `skopeo --src-cert-dir` expect it.
    pub fn ca_folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file with the authority's certificate, for options like `--ca-file`.
    pub fn ca_file(&self) -> std::path::PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// A valid server certificate for DNS names and IP addresses.
    pub fn issue(&self, names: &[&str]) -> Result<IssuedCertificate> {
        self.sign(&server_certificate(names)?)
    }

    /// A server certificate that expired in 2021.
    pub fn issue_expired(&self, names: &[&str]) -> Result<IssuedCertificate> {
        let mut parameters = server_certificate(names)?;
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2021, 1, 1);
        self.sign(&parameters)
    }

    /// A client certificate.
    pub fn issue_client(&self, name: &str) -> Result<IssuedCertificate> {
        let mut parameters = server_certificate(&[name])?;
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&parameters)
    }

    /// A self-signed server certificate.
    pub fn self_signed(names: &[&str]) -> Result<IssuedCertificate> {
        let key = KeyPair::generate()?;
        let mut parameters = server_certificate(names)?;
        parameters.use_authority_key_identifier_extension = false;
        let certificate = parameters.self_signed(&key)?;
        Ok(IssuedCertificate { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    /// A self-signed certificate that is marked as an authority, as `openssl req -x509` makes it.
    pub fn self_signed_authority(names: &[&str]) -> Result<IssuedCertificate> {
        Self::self_signed_authority_until(names, 2099)
    }

    /// The same, expired since the beginning of `year`.
    pub fn self_signed_authority_until(names: &[&str], year: i32) -> Result<IssuedCertificate> {
        let key = KeyPair::generate()?;
        let mut parameters = server_certificate(names)?;
        parameters.extended_key_usages = Vec::new();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = parameters.self_signed(&key)?;
        Ok(IssuedCertificate { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    fn sign(&self, parameters: &CertificateParams) -> Result<IssuedCertificate> {
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok(IssuedCertificate { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

fn server_certificate(names: &[&str]) -> Result<CertificateParams> {
    let names: Vec<String> = names.iter().copied().map(String::from).collect();
    let common_name = names.first().context("a certificate needs a name")?.clone();
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.use_authority_key_identifier_extension = true;
    Ok(parameters)
}
