//! The servers to which a registry redirects for its own work, and which of its settings apply there.

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{
    Access as Login, Authorization, Effect, EmbeddedRegistry, Fault, Grant, Match, Times, TokenAccess, User,
};
use http::Method;
use oci::Digest;
use registry::{
    Access, BlobPlace, CertificateCheck, CertificateFault, Credentials, Error, HostCertificates, Registry,
    Repository, Scheme, Security, Settings, Transport, TransportFailure,
};
use testkit::{CertificateAuthority, TlsFront};

use crate::bench::{read_all, tag};

/// A registry behind TLS, and its storage: behind TLS of the same authority, and without TLS.
struct Company {
    authority: CertificateAuthority,
    server: EmbeddedRegistry,
    front: TlsFront,
    storage: EmbeddedRegistry,
    storage_front: TlsFront,
}

const BLOB: &[u8] = b"blob";
const PATH: &str = "/v2/a/app/blobs";

impl Company {
    async fn start(access: Login) -> Self {
        let authority = CertificateAuthority::generate().unwrap();
        let server = EmbeddedRegistry::builder().access(access).start().await.unwrap();
        let storage = EmbeddedRegistry::builder().start().await.unwrap();
        let front = TlsFront::start(&authority, server.host()).await.unwrap();
        let storage_front = TlsFront::start(&authority, storage.host()).await.unwrap();
        for store in [server.store(), storage.store()] {
            store.put_blob("a/app", BLOB);
            sample::image(store, "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
        }
        Self { authority, server, front, storage, storage_front }
    }

    /// Redirects reads of blobs, but not HEAD requests.
    fn redirect(&self, to: String) {
        self.server.behave();
        let (when, times) = (Match::new(Method::GET, "/blobs/"), Times::Always);
        self.server.misbehave(Fault { when, times, effect: Effect::Redirect(to) });
    }

    fn settings(&self) -> Settings {
        Settings::new(self.front.host().parse().unwrap())
    }

    fn insecure(&self) -> Settings {
        Settings { security: Security::INSECURE, ..self.settings() }
    }

    fn trusting(&self) -> Settings {
        let certificates = HostCertificates::default().with_authorities(&self.authority.ca_file()).unwrap();
        Settings { certificates, ..self.settings() }
    }
}

fn blob(scheme: &str, host: &str) -> String {
    format!("{scheme}://{host}{PATH}/{}", digest())
}

fn digest() -> Digest {
    Digest::sha256(BLOB)
}

fn repository(settings: Settings) -> Repository {
    let registry = Registry::new(settings, Transport::new("test", &[]).unwrap());
    registry.repository(&"a/app".parse().unwrap(), Access::PullPush)
}

async fn read(settings: Settings) -> Result<(), Error> {
    let mut reader = repository(settings).pull_blob(&digest(), None).await?;
    assert_eq!(read_all(&mut reader).await?.0, BLOB);
    Ok(())
}

fn login(settings: Settings) -> Settings {
    let login = registry::Login::User(Credentials::new("u", "secret".to_owned().into()));
    Settings { login, ..settings }
}

fn user() -> Vec<User> {
    vec![User::new("u", "secret", vec![Grant::push("*")])]
}

#[tokio::test]
async fn p25_what_an_entry_says_of_certificates_holds_for_the_storage_too() {
    let company = Company::start(Login::Basic(user())).await;
    company.redirect(blob("https", &company.storage_front.host()));
    let unverified = Security { certificate: CertificateCheck::Unverified, scheme: Scheme::Tls };
    let unverified = Settings { security: unverified, ..company.settings() };
    for settings in [company.insecure(), unverified, company.trusting()] {
        read(login(settings)).await.unwrap();
    }
    let asked = company.storage.requests();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|request| request.authorization == Authorization::Absent), "{asked:?}");
    // With such an entry, certificates must still verify.
    let transport = Transport::new("test", &[]).unwrap();
    let plain = Security { scheme: Scheme::Plain, ..Security::VERIFIED };
    let settings = Settings { security: plain, ..Settings::new(company.server.host().parse().unwrap()) };
    let registry = Registry::new(login(settings), transport);
    let repository = registry.repository(&"a/app".parse().unwrap(), Access::Pull);
    let error = repository.pull_blob(&digest(), None).await.err().unwrap();
    let unknown = TransportFailure::Certificate(CertificateFault::UnknownAuthority);
    assert!(matches!(error, Error::Transport { failure, .. } if failure == unknown), "{error:?}");
}

#[tokio::test]
async fn p25_storage_on_plain_http_is_for_insecure_entries_and_never_sees_the_login() {
    let company = Company::start(Login::Basic(user())).await;
    company.redirect(blob("http", &company.storage.host()));
    let error = read(login(company.trusting())).await.unwrap_err();
    assert!(error.to_string().contains("it leaves TLS"), "{error}");
    assert!(company.storage.requests().is_empty());
    read(login(company.insecure())).await.unwrap();
    let asked = company.storage.requests();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|request| request.authorization == Authorization::Absent), "{asked:?}");
}

#[tokio::test]
async fn p25_uploads_go_where_the_registry_sends_them_by_the_same_rules() {
    let company = Company::start(Login::Open).await;
    for (base, works) in [
        (format!("https://{}", company.storage_front.host()), true),
        (format!("http://{}", company.storage.host()), false),
    ] {
        // A session that the storage knows; the registry sends its address.
        let opened = format!("http://{}/v2/a/app/blobs/uploads/", company.storage.host());
        let opened = reqwest::Client::new().post(opened).send().await.unwrap();
        let location: http::Uri = opened.headers()["location"].to_str().unwrap().parse().unwrap();
        let location = format!("{base}{}", location.path_and_query().unwrap());
        company.server.behave();
        let effect = Effect::Status { code: 202, body: String::new(), headers: vec![("location", location)] };
        let when = Match::new(Method::POST, "/blobs/uploads/");
        company.server.misbehave(Fault { when, times: Times::Always, effect });
        // Another name than the storage's, because the same host would be no redirect to another server.
        let host = company.front.host().replace("127.0.0.1", "localhost").parse().unwrap();
        let send = async |settings: Settings| {
            let settings = Settings { host: oci::RegistryHost::clone(&host), ..settings };
            let mut session = repository(settings).start_upload().await?;
            crate::bench::fill(&mut session, &bytes::Bytes::from_static(b"new")).await
        };
        let trusting = send(company.trusting()).await;
        assert_eq!(trusting.is_ok(), works, "{trusting:?}");
        if !works {
            send(company.insecure()).await.unwrap();
        }
    }
}

/// A registry whose token server has another name than the registry itself.
async fn with_token_server() -> (Company, TlsFront, String) {
    let company = Company::start(Login::Token(TokenAccess::harbor(user()))).await;
    let front = TlsFront::builder(&company.authority, company.server.host())
        .realm_host(company.front.host())
        .start()
        .await
        .unwrap();
    let by_name = front.host().replace("127.0.0.1", "localhost");
    (company, front, by_name)
}

#[tokio::test]
async fn p18_p25_what_an_entry_says_of_certificates_holds_for_its_token_server_elsewhere() {
    let (company, _front, by_name) = with_token_server().await;
    let named = |settings: Settings| login(Settings { host: by_name.parse().unwrap(), ..settings });
    for settings in [company.trusting(), company.insecure()] {
        company.front.forget_requests();
        repository(named(settings)).resolve(&tag("v1")).await.unwrap().unwrap();
        let asked = company.front.requests();
        assert!(asked.iter().any(|line| line.contains("/service/token")), "{asked:?}");
    }
    let error = repository(named(company.settings())).resolve(&tag("v1")).await.unwrap_err();
    assert!(matches!(error, Error::Transport { .. }), "the registry itself comes first: {error:?}");
}

#[tokio::test]
async fn p6_plain_addresses_of_the_server_that_tls_reached_are_asked_over_tls() {
    // Behind TLS the registry sees plain HTTP, and uses that in its realm and redirects.
    let company = Company::start(Login::Token(TokenAccess::harbor(user()))).await;
    repository(login(company.trusting())).resolve(&tag("v1")).await.unwrap().unwrap();
    let asked = company.front.requests();
    assert!(asked.iter().any(|line| line.contains("/service/token")), "{asked:?}");
    let elsewhere = format!("{PATH}/{}?kept", digest());
    let when = Match::new(Method::GET, "/blobs/");
    let effect = Effect::Redirect(format!("http://{}{elsewhere}", company.front.host()));
    company.server.misbehave(Fault { when, times: Times::First(1), effect });
    read(login(company.trusting())).await.unwrap();
}

#[tokio::test]
async fn p25_a_blobs_place_is_looked_for_with_get_because_registries_answer_head_themselves() {
    let company = Company::start(Login::Open).await;
    let storage = company.storage.host();
    company.redirect(blob("http", &storage));
    let found = repository(company.insecure()).locate_blob(&digest()).await.unwrap();
    assert_eq!(found, BlobPlace::Storage(storage));
    company.redirect("https://127.0.0.1:1/blob?sig=s3cret".to_owned());
    let error = repository(company.insecure()).locate_blob(&digest()).await.unwrap_err();
    assert!(matches!(error, Error::Transport { failure: TransportFailure::Connect, .. }), "{error:?}");
}
