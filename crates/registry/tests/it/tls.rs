//! Cases of TLS: private authorities, client certificates, wrong certificates, and no TLS at all.

use embedded_registry::EmbeddedRegistry;
use embedded_registry::sample::{self, Flavour};
use oci::ErrorKind;
use registry::{
    Access, CertificateCheck, CertificateFault, Error, HostCertificates, HttpVersion, Registry, Scheme,
    Security, Settings, Transport, TransportFailure,
};
use testkit::{CertificateAuthority, IssuedCertificate, TlsFront, TlsFrontBuilder};

use crate::bench::tag;
use crate::small_server::{self, Greeted};

const SKIPS_CHECK: Security = Security { certificate: CertificateCheck::Unverified, scheme: Scheme::Tls };
const PLAIN: Security = Security { certificate: CertificateCheck::Verified, scheme: Scheme::Plain };

/// A registry behind TLS with an unknown authority.
struct Bench {
    authority: CertificateAuthority,
    front: TlsFront,
    _server: EmbeddedRegistry,
}

impl Bench {
    async fn start(adapt: impl FnOnce(&CertificateAuthority, TlsFrontBuilder) -> TlsFrontBuilder) -> Self {
        let server = EmbeddedRegistry::builder().start().await.unwrap();
        sample::image(server.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
        let authority = CertificateAuthority::generate().unwrap();
        let builder = TlsFront::builder(&authority, server.host());
        let front = adapt(&authority, builder).start().await.unwrap();
        Self { authority, front, _server: server }
    }

    fn settings(&self) -> Settings {
        Settings::new(self.front.host().parse().unwrap())
    }

    /// Settings that trust the authority.
    fn trusting(&self) -> Settings {
        let certificates = HostCertificates::default().with_authorities(&self.authority.ca_file()).unwrap();
        Settings { certificates, ..self.settings() }
    }

    async fn fault(&self, settings: Settings) -> TransportFailure {
        failure(&ask(settings).await.unwrap_err())
    }
}

async fn ask(settings: Settings) -> Result<(), Error> {
    let registry = Registry::new(settings, Transport::new("test", &[]).unwrap());
    let repository = registry.repository(&"a/app".parse().unwrap(), Access::Pull);
    repository.resolve(&tag("v1")).await.map(drop)
}

fn failure(error: &Error) -> TransportFailure {
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Tls, false), "{error:?}");
    let Error::Transport { failure, .. } = error else { panic!("{error:?}") };
    *failure
}

fn written(identity: &IssuedCertificate) -> (tempfile::TempDir, HostCertificates) {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("client.cert"), folder.path().join("client.key"));
    std::fs::write(&certificate, &identity.certificate_pem).unwrap();
    std::fs::write(&key, &identity.key_pem).unwrap();
    let certificates = HostCertificates::default().with_identity(&certificate, &key).unwrap();
    (folder, certificates)
}

#[tokio::test]
async fn c83_an_authority_is_trusted_where_it_is_named_as_a_file_or_in_a_folder() {
    let bench = Bench::start(|_, front| front).await;
    let unknown = TransportFailure::Certificate(CertificateFault::UnknownAuthority);
    assert_eq!(bench.fault(bench.settings()).await, unknown);
    ask(bench.trusting()).await.unwrap();
    let folder = HostCertificates::default().with_authorities(bench.authority.ca_folder()).unwrap();
    ask(Settings { certificates: folder, ..bench.settings() }).await.unwrap();
    let extra = Transport::new("test", &[bench.authority.ca_pem().as_bytes().to_vec()]).unwrap();
    let registry = Registry::new(bench.settings(), extra);
    let repository = registry.repository(&"a/app".parse().unwrap(), Access::Pull);
    repository.resolve(&tag("v1")).await.unwrap().unwrap();
}

#[tokio::test]
async fn c83_wrong_certificates_are_told_apart() {
    let expired =
        Bench::start(|authority, front| front.certificate(authority.issue_expired(&["127.0.0.1"]).unwrap()));
    let expired = expired.await;
    let fault = |fault| TransportFailure::Certificate(fault);
    assert_eq!(expired.fault(expired.trusting()).await, fault(CertificateFault::Expired));
    let other = Bench::start(|authority, front| front.certificate(authority.issue(&["other.io"]).unwrap()));
    let other = other.await;
    assert_eq!(other.fault(other.trusting()).await, fault(CertificateFault::OtherHost));
    let own = CertificateAuthority::self_signed(&["127.0.0.1"]).unwrap();
    let own = Bench::start(|_, front| front.certificate(own)).await;
    assert_eq!(own.fault(own.trusting()).await, fault(CertificateFault::UnknownAuthority));
    for bench in [expired, other, own] {
        ask(Settings { security: SKIPS_CHECK, ..bench.settings() }).await.unwrap();
    }
}

/// A registry that presents a certificate of `openssl req -x509`, and the file with just that certificate.
async fn openssl_bench(certificate: IssuedCertificate) -> (Bench, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.crt"), &certificate.certificate_pem).unwrap();
    (Bench::start(|_, front| front.certificate(certificate)).await, folder)
}

#[tokio::test]
async fn p3_the_certificate_that_the_server_shows_can_be_named_itself() {
    let unknown = TransportFailure::Certificate(CertificateFault::UnknownAuthority);
    let own = CertificateAuthority::self_signed_authority(&["127.0.0.1"]).unwrap();
    let pem = own.certificate_pem.clone();
    let (bench, folder) = openssl_bench(own).await;
    assert_eq!(bench.fault(bench.settings()).await, unknown);
    // As the hint suggests: a file, or a folder of files.
    for path in [folder.path().join("ca.crt"), folder.path().to_owned()] {
        let certificates = HostCertificates::default().with_authorities(&path).unwrap();
        ask(Settings { certificates, ..bench.settings() }).await.unwrap();
    }
    let transport = Transport::new("test", &[pem.into_bytes()]).unwrap();
    let registry = Registry::new(bench.settings(), transport);
    let repository = registry.repository(&"a/app".parse().unwrap(), Access::Pull);
    repository.resolve(&tag("v1")).await.unwrap().unwrap();
}

#[tokio::test]
async fn p3_a_named_certificate_that_another_signed_is_taken_too() {
    let authority = CertificateAuthority::generate().unwrap();
    let (bench, folder) = openssl_bench(authority.issue(&["127.0.0.1"]).unwrap()).await;
    let certificates = HostCertificates::default().with_authorities(folder.path()).unwrap();
    ask(Settings { certificates, ..bench.settings() }).await.unwrap();
}

#[tokio::test]
async fn p3_names_and_dates_still_count_and_so_does_every_byte() {
    let fault = |fault| TransportFailure::Certificate(fault);
    let make = CertificateAuthority::self_signed_authority;
    let expired = CertificateAuthority::self_signed_authority_until(&["127.0.0.1"], 2021).unwrap();
    for (certificate, expected) in [
        (make(&["other.io"]).unwrap(), fault(CertificateFault::OtherHost)),
        (expired, fault(CertificateFault::Expired)),
    ] {
        let (bench, folder) = openssl_bench(certificate).await;
        let certificates = HostCertificates::default().with_authorities(folder.path()).unwrap();
        assert_eq!(bench.fault(Settings { certificates, ..bench.settings() }).await, expected);
    }
    // Another certificate with the same names is not trusted.
    let (bench, _folder) = openssl_bench(make(&["127.0.0.1"]).unwrap()).await;
    let (_other, folder) = openssl_bench(make(&["127.0.0.1"]).unwrap()).await;
    let certificates = HostCertificates::default().with_authorities(folder.path()).unwrap();
    let found = bench.fault(Settings { certificates, ..bench.settings() }).await;
    assert_eq!(found, fault(CertificateFault::UnknownAuthority));
}

#[tokio::test]
async fn c83_a_client_certificate_is_shown_and_its_lack_is_told() {
    let clients = CertificateAuthority::generate().unwrap();
    let bench = Bench::start(|_, front| front.client_authority(&clients)).await;
    assert_eq!(bench.fault(bench.trusting()).await, TransportFailure::ClientCertificate);
    let (_folder, stranger) = written(&bench.authority.issue_client("stranger").unwrap());
    let with = |identity: HostCertificates| {
        let settings = bench.trusting();
        Settings { certificates: identity.and(settings.certificates.clone()), ..settings }
    };
    assert_eq!(bench.fault(with(stranger)).await, TransportFailure::ClientCertificate);
    let (_folder, known) = written(&clients.issue_client("mirror").unwrap());
    ask(with(known)).await.unwrap();
}

#[test]
fn c83_a_key_that_belongs_to_another_certificate_is_refused() {
    let authority = CertificateAuthority::generate().unwrap();
    let (one, other) = (authority.issue_client("a").unwrap(), authority.issue_client("b").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("a.crt"), folder.path().join("b.key"));
    std::fs::write(&certificate, &one.certificate_pem).unwrap();
    std::fs::write(&key, &other.key_pem).unwrap();
    let error = HostCertificates::default().with_identity(&certificate, &key).unwrap_err();
    assert!(error.to_string().contains("not a certificate and its own key"), "{error}");
}

#[test]
fn c83_certs_d_is_read_as_docker_and_containers_read_it() {
    let home = tempfile::tempdir().unwrap();
    let authority = CertificateAuthority::generate().unwrap();
    let client = authority.issue_client("mirror").unwrap();
    let folder = |name: &str| {
        let folder = home.path().join(name).join("r.io:5000");
        std::fs::create_dir_all(&folder).unwrap();
        folder
    };
    let read = |host: &str| HostCertificates::read(&host.parse().unwrap(), Some(home.path()));
    let docker = folder(".docker/certs.d");
    std::fs::write(docker.join("ca.crt"), authority.ca_pem()).unwrap();
    assert!(!read("r.io:5000").unwrap().is_empty());
    assert!(read("r.io").unwrap().is_empty(), "the port must be as it is written");
    std::fs::write(docker.join("client.key"), &client.key_pem).unwrap();
    assert!(read("r.io:5000").unwrap_err().to_string().contains("client.cert is missing"));
    std::fs::write(docker.join("client.cert"), &client.certificate_pem).unwrap();
    let (_folder, identity) = written(&client);
    let both = identity.and(HostCertificates::default().with_authorities(&authority.ca_file()).unwrap());
    assert_eq!(read("r.io:5000").unwrap(), both);
    // Only the first existing folder counts.
    folder(".config/containers/certs.d");
    assert!(read("r.io:5000").unwrap().is_empty());
}

#[tokio::test]
async fn c83_old_and_new_tls_are_spoken() {
    for protocols in ["TLSv1.2", "TLSv1.3"] {
        let bench = Bench::start(|_, front| front.protocols(protocols)).await;
        ask(bench.trusting()).await.unwrap();
    }
}

#[tokio::test]
async fn c85_http2_is_used_unless_it_is_turned_off() {
    let bench = Bench::start(|_, front| front).await;
    ask(bench.trusting()).await.unwrap();
    assert!(bench.front.accesses().iter().all(|access| access.protocol == "HTTP/2.0"));
    bench.front.forget_requests();
    ask(Settings { http_version: HttpVersion::Http1, ..bench.trusting() }).await.unwrap();
    let accesses = bench.front.accesses();
    assert!(!accesses.is_empty() && accesses.iter().all(|access| access.protocol == "HTTP/1.1"));
}

#[tokio::test]
async fn c83_plain_http_is_found_however_a_server_without_tls_shows_it_but_only_where_it_may_be() {
    let refused = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    for (greeted, expected) in [
        (Greeted::Answers(refused), TransportFailure::PlainHttp),
        (Greeted::Closes, TransportFailure::TlsClosed),
        (Greeted::Resets, TransportFailure::TlsClosed),
    ] {
        let (host, asked) = small_server::no_tls(greeted);
        let settings = |security| Settings { security, ..Settings::new(host.parse().unwrap()) };
        for security in [Security::VERIFIED, SKIPS_CHECK] {
            let error = ask(settings(security)).await.unwrap_err();
            let Error::Transport { failure, .. } = &error else { panic!("{error:?}") };
            assert_eq!(*failure, expected, "{greeted:?} {error:?}");
        }
        assert!(asked.lines().is_empty(), "{greeted:?}: {:?}", asked.lines());
        // The answer has no digest: only how the registry is reached matters here.
        let _ = ask(settings(Security::INSECURE)).await;
        assert!(asked.has("GET /v2/ HTTP/1.1"), "{greeted:?}: {:?}", asked.lines());
    }
}

#[tokio::test]
async fn c83_a_server_that_speaks_tls_is_never_asked_without() {
    // A fatal alert: protocol_version.
    let (host, asked) = small_server::no_tls(Greeted::Answers(&[21, 3, 3, 0, 2, 2, 70]));
    let settings = Settings { security: Security::INSECURE, ..Settings::new(host.parse().unwrap()) };
    assert_eq!(failure(&ask(settings).await.unwrap_err()), TransportFailure::TlsVersion);
    assert!(asked.lines().is_empty(), "{:?}", asked.lines());
}

#[tokio::test]
async fn c83_plain_http_to_a_tls_port_is_told_as_such() {
    let nginx = Bench::start(|_, front| front).await;
    let plain = Settings { security: PLAIN, ..nginx.settings() };
    assert_eq!(nginx.fault(plain).await, TransportFailure::HttpsOnly);
    let words = "Client sent an HTTP request to an HTTPS server.\n";
    let (go, _) = small_server::answering("127.0.0.1", "400 Bad Request", words);
    let settings = Settings { security: PLAIN, ..Settings::new(go.parse().unwrap()) };
    assert_eq!(failure(&ask(settings).await.unwrap_err()), TransportFailure::HttpsOnly);
}

#[tokio::test]
async fn c83_plain_http_alone_is_asked_without_tls_but_checks_certificates_elsewhere() {
    let server = EmbeddedRegistry::builder().start().await.unwrap();
    let settings = Settings { security: PLAIN, ..Settings::new(server.host().parse().unwrap()) };
    ask(settings).await.unwrap();
    assert!(!server.requests().is_empty());
    // Port 80 in front of TLS redirects there, to a certificate that no known authority signed.
    let bench = Bench::start(|_, front| front).await;
    let headers = vec![("location", format!("https://{}/v2/", bench.front.host()))];
    let effect = embedded_registry::Effect::Status { code: 308, body: String::new(), headers };
    let fault = embedded_registry::Fault {
        when: embedded_registry::Match::any(),
        times: embedded_registry::Times::Always,
        effect,
    };
    server.misbehave(fault);
    let settings = |certificates| Settings {
        security: PLAIN,
        certificates,
        ..Settings::new(server.host().parse().unwrap())
    };
    let error = ask(settings(HostCertificates::default())).await.unwrap_err();
    assert_eq!(failure(&error), TransportFailure::Certificate(CertificateFault::UnknownAuthority));
    // With the authority, all requests go to the redirect's target: the first registry gets only one.
    server.clear_requests();
    ask(settings(bench.trusting().certificates)).await.unwrap();
    assert_eq!(server.requests().len(), 1);
    assert_eq!(bench.front.requests().len(), 2);
}

#[tokio::test]
async fn c85_an_ipv6_address_is_a_registry_and_localhost_is_found_on_either() {
    let server = EmbeddedRegistry::builder().start().await.unwrap();
    sample::image(server.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    let port = server.host().rsplit_once(':').unwrap().1.to_owned();
    // The server listens only on IPv4; the name may have both.
    let settings =
        Settings { security: PLAIN, ..Settings::new(format!("localhost:{port}").parse().unwrap()) };
    ask(settings).await.unwrap();
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return; // This machine has no IPv6.
    }
    let (host, asked) = small_server::answering("[::1]", "404 Not Found", "{}");
    let settings = Settings { security: PLAIN, ..Settings::new(host.parse().unwrap()) };
    ask(settings).await.unwrap();
    assert!(
        asked.has("HEAD /v2/a/app/manifests/v1") && asked.has(&format!("host: {host}")),
        "{:?}",
        asked.lines()
    );
}

#[tokio::test]
async fn p11_a_server_without_a_common_cipher_is_told_from_one_without_tls() {
    let bench = Bench::start(|_, front| front.protocols("TLSv1.2; ssl_ciphers AES128-SHA")).await;
    for settings in
        [bench.settings(), bench.trusting(), Settings { security: Security::INSECURE, ..bench.settings() }]
    {
        let error = ask(settings).await.unwrap_err();
        assert_eq!(failure(&error), TransportFailure::TlsVersion);
        assert!(error.to_string().contains("1.2 and 1.3, with ECDHE"), "{error}");
    }
}
