//! TLS settings of each client: trusted certificates, the client certificate, and the versions that are offered.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, ProtocolVersion, RootCertStore,
    SignatureScheme,
};

use super::host_certificates::HostCertificates;
use crate::Error;
use crate::settings::{CertificateCheck, HttpVersion};

/// The certificates that all registries of a run trust: the system's, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`,
/// and those that the program adds.
#[derive(Default)]
pub(crate) struct TrustedRoots {
    extra: Vec<CertificateDer<'static>>,
    system: OnceLock<Vec<CertificateDer<'static>>>,
}

impl TrustedRoots {
    /// The system's certificates and those of `bundles`, which are PEM.
    pub(crate) fn with(bundles: &[Vec<u8>]) -> Result<Self, Error> {
        let extra = bundles.iter().map(|pem| certificates(pem)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { extra: extra.concat(), system: OnceLock::new() })
    }

    /// Read once: a client for each of many registries would parse them each time.
    fn all(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        let system = self.system.get_or_init(|| rustls_native_certs::load_native_certs().certs);
        self.extra.iter().chain(system)
    }
}

/// The TLS settings of one client.
pub(crate) fn config(
    roots: &TrustedRoots,
    check: CertificateCheck,
    own: &HostCertificates,
    http_version: HttpVersion,
) -> Result<ClientConfig, Error> {
    let provider = provider();
    let verifier: Arc<dyn ServerCertVerifier> = match check {
        CertificateCheck::Verified => Arc::new(Verifier::new(roots, own, provider.clone())?),
        CertificateCheck::Unverified => Arc::new(AnyCertificate),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(setup)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match own.identity().map_err(setup)? {
        Some((chain, key)) => config.with_client_auth_cert(chain, key).map_err(setup)?,
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = match http_version {
        HttpVersion::Newest => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
    };
    Ok(config)
}

/// The certificates of a PEM bundle.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(setup)
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())).clone()
}

/// The versions and ciphers of TLS that we offer to servers, by their IANA names, for an operator whose server accepts
/// none of them.
pub fn offered_tls() -> String {
    let provider = provider();
    let of = |version| {
        let suites = provider.cipher_suites.iter().filter(|suite| suite.version().version == version);
        suites.map(|suite| format!("{:?}", suite.suite())).collect::<Vec<_>>().join(", ")
    };
    let (newer, older) = (of(ProtocolVersion::TLSv1_3), of(ProtocolVersion::TLSv1_2));
    format!("TLS 1.3 with {newer}; TLS 1.2 with {older}")
}

pub(crate) fn setup(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Setup { source: Box::new(error) }
}

/// Verifies a server's certificate, and accepts one that is itself a trusted one.
///
/// `openssl req -x509` makes certificates that claim to be authorities, and many servers present just that one.
/// If the user names it as trusted, no authority needs to have signed it; curl, OpenSSL and Go do the same.
#[derive(Debug)]
struct Verifier {
    by_authority: Arc<WebPkiServerVerifier>,
    trusted: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn new(
        roots: &TrustedRoots,
        own: &HostCertificates,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let mut store = RootCertStore::empty();
        let mut trusted = own.authorities()?;
        for named in &trusted {
            store.add(named.clone()).map_err(setup)?;
        }
        trusted.extend(roots.all().cloned());
        store.add_parsable_certificates(roots.all().cloned());
        let by_authority =
            WebPkiServerVerifier::builder_with_provider(store.into(), provider).build().map_err(setup)?;
        Ok(Self { by_authority, trusted })
    }

    /// Whether only the chain to an authority is missing; the dates were checked before.
    fn lacks_only_an_authority(error: &TlsError) -> bool {
        matches!(error, TlsError::InvalidCertificate(fault)
            if *fault == CertificateError::UnknownIssuer || is_authority_as_server(fault))
    }
}

/// Whether a server presents the certificate of an authority.
pub(super) fn is_authority_as_server(fault: &CertificateError) -> bool {
    matches!(fault, CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity"))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let verified =
            self.by_authority.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(error) if Self::lacks_only_an_authority(&error) && self.trusted.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.by_authority.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.by_authority.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_authority.supported_verify_schemes()
    }
}

/// Accepts any certificate, for `insecure` and `skipTlsVerify`.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    /// Includes insecure schemes: a client that accepts any certificate accepts an old server's, too.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = provider().signature_verification_algorithms.supported_schemes();
        schemes.extend([SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ECDSA_SHA1_Legacy]);
        schemes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p11_what_is_offered_has_names_that_operators_know() {
        let offered = offered_tls();
        for name in
            ["TLS 1.3 with TLS13_AES_", "TLS 1.2 with TLS_ECDHE_", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]
        {
            assert!(offered.contains(name), "{offered}");
        }
        // The error's text names exactly these families.
        let is_known = |name: &str| name.contains("GCM") || name.contains("CHACHA20_POLY1305");
        assert!(provider().cipher_suites.iter().all(|suite| is_known(&format!("{:?}", suite.suite()))));
    }
}
