//! Proxies: which requests each one gets, and which secrets.

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
use registry::{
    Access, Error, HostCertificates, Proxies, Registry, Security, Settings, Transport, TransportFailure,
};
use testkit::{CertificateAuthority, TlsFront};

use crate::bench::{digest, tag};
use crate::small_server;

/// A registry with the name `registry.invalid`, which only a proxy resolves.
struct Hidden {
    server: EmbeddedRegistry,
    front: TlsFront,
    authority: CertificateAuthority,
    certificates: HostCertificates,
}

impl Hidden {
    async fn start() -> Self {
        let server = EmbeddedRegistry::builder().start().await.unwrap();
        sample::image(server.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
        let authority = CertificateAuthority::generate().unwrap();
        let certificate = authority.issue(&["registry.invalid"]).unwrap();
        let front = TlsFront::builder(&authority, server.host()).certificate(certificate);
        let certificates = HostCertificates::default().with_authorities(&authority.ca_file()).unwrap();
        Self { server, front: front.start().await.unwrap(), authority, certificates }
    }

    fn registry(&self, transport: &Transport, proxies: Option<Proxies>) -> Registry {
        let host = "registry.invalid".parse().unwrap();
        let certificates = self.certificates.clone();
        let settings = Settings { certificates, proxies, ..Settings::new(host) };
        Registry::new(settings, transport.clone())
    }
}

async fn ask(registry: &Registry) -> Result<(), Error> {
    registry.repository(&"a/app".parse().unwrap(), Access::Pull).resolve(&tag("v1")).await.map(drop)
}

fn environment(variables: &[(&str, String)]) -> Transport {
    let lookup =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    Transport::new("test", &[]).unwrap().through(&Proxies::from_environment(&lookup).unwrap())
}

#[tokio::test]
async fn c84_a_proxy_gets_the_name_and_its_own_login_and_the_registry_none_of_it() {
    let hidden = Hidden::start().await;
    let (proxy, asked) = small_server::connect_proxy(hidden.front.host());
    let transport = environment(&[("HTTPS_PROXY", format!("http://mirror:s3cret@{proxy}"))]);
    ask(&hidden.registry(&transport, None)).await.unwrap();
    assert!(asked.has("CONNECT registry.invalid:443 HTTP/1.1"), "{:?}", asked.lines());
    // mirror:s3cret
    assert!(asked.has("bWlycm9yOnMzY3JldA=="), "{:?}", asked.lines());
    let requests = hidden.server.requests();
    assert!(!requests.is_empty());
    let absent = embedded_registry::Authorization::Absent;
    assert!(requests.iter().all(|request| request.authorization == absent), "{requests:?}");
}

#[tokio::test]
async fn c84_no_proxy_is_obeyed() {
    let hidden = Hidden::start().await;
    let (proxy, asked) = small_server::connect_proxy(hidden.front.host());
    let transport =
        environment(&[("HTTPS_PROXY", format!("http://{proxy}")), ("NO_PROXY", "*.invalid:443".to_owned())]);
    let error = ask(&hidden.registry(&transport, None)).await.unwrap_err();
    assert!(matches!(error, Error::Transport { failure: TransportFailure::Name, .. }), "{error:?}");
    assert!(asked.lines().is_empty(), "{:?}", asked.lines());
}

#[tokio::test]
async fn c84_socks5_gets_the_name_and_the_login() {
    let hidden = Hidden::start().await;
    let (proxy, asked) = small_server::socks_proxy(hidden.front.host());
    let transport = environment(&[("ALL_PROXY", format!("socks5://mirror:s3cret@{proxy}"))]);
    ask(&hidden.registry(&transport, None)).await.unwrap();
    assert!(
        asked.has("login mirror s3cret") && asked.has("connect registry.invalid 443"),
        "{:?}",
        asked.lines()
    );
}

#[tokio::test]
async fn c84_a_registry_may_have_a_proxy_of_its_own_or_none() {
    let hidden = Hidden::start().await;
    let (general, asked_general) = small_server::connect_proxy(hidden.front.host());
    let (own, asked_own) = small_server::connect_proxy(hidden.front.host());
    let transport = environment(&[("HTTPS_PROXY", general)]);
    ask(&hidden.registry(&transport, Some(Proxies::one(&own).unwrap()))).await.unwrap();
    assert!(asked_general.lines().is_empty() && asked_own.has("CONNECT registry.invalid:443"));
    let error = ask(&hidden.registry(&transport, Some(Proxies::none()))).await.unwrap_err();
    assert!(matches!(error, Error::Transport { failure: TransportFailure::Name, .. }), "{error:?}");
    assert!(asked_general.lines().is_empty());
}

#[tokio::test]
async fn c84_plain_http_goes_through_a_proxy_too() {
    let (proxy, asked) = small_server::answering("127.0.0.1", "404 Not Found", "{}");
    let proxies = Some(Proxies::one(&format!("http://mirror:s3cret@{proxy}")).unwrap());
    let security = Security { scheme: registry::Scheme::Plain, ..Security::VERIFIED };
    let settings = Settings { security, proxies, ..Settings::new("registry.invalid:5000".parse().unwrap()) };
    ask(&Registry::new(settings, Transport::new("test", &[]).unwrap())).await.unwrap();
    assert!(asked.has("GET http://registry.invalid:5000/v2/ HTTP/1.1"), "{:?}", asked.lines());
    assert!(asked.has("proxy-authorization: Basic bWlycm9yOnMzY3JldA=="), "{:?}", asked.lines());
}

#[tokio::test]
async fn p25_a_token_server_that_the_user_names_may_be_closer_than_the_registry() {
    let (token_server, asked) = small_server::answering("127.0.0.1", "200 OK", r#"{"token":"t"}"#);
    let challenge =
        format!("401 Unauthorized\r\nwww-authenticate: Bearer realm=\"http://{token_server}/token\"");
    // The network of a registry behind a proxy is unknown, so it counts as in the Internet.
    let (proxy, _) = small_server::answering("127.0.0.1", challenge.leak(), "{}");
    let transport =
        environment(&[("HTTP_PROXY", format!("http://{proxy}")), ("NO_PROXY", "127.0.0.1".to_owned())]);
    let settings = Settings {
        security: Security { scheme: registry::Scheme::Plain, ..Security::INSECURE },
        trusted_realm: Some(format!("http://{token_server}").parse().unwrap()),
        ..Settings::new("registry.invalid:5000".parse().unwrap())
    };
    let error = ask(&Registry::new(settings, transport)).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(401), "{error:?}");
    assert!(asked.lines().iter().any(|line| line.starts_with("GET /token")), "{:?}", asked.lines());
}

#[tokio::test]
async fn c84_a_proxy_that_refuses_is_no_secret_but_its_password_is() {
    let (proxy, _) = small_server::answering("127.0.0.1", "407 Proxy Authentication Required", "");
    let transport = environment(&[("HTTPS_PROXY", format!("http://mirror:s3cret@{proxy}"))]);
    let registry = Registry::new(Settings::new("registry.invalid".parse().unwrap()), transport.clone());
    let error = ask(&registry).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("bWlycm9yOnMzY3JldA"), "{shown}");
}

#[tokio::test]
async fn c28_who_is_reached_through_a_proxy_may_not_send_us_to_this_machine() {
    let hidden = Hidden::start().await;
    let blob = hidden.server.store().put_blob("a/app", "bytes");
    let (proxy, _) = small_server::connect_proxy(hidden.front.host());
    let transport = environment(&[("HTTPS_PROXY", proxy)]);
    let registry = hidden.registry(&transport, None);
    let repository = registry.repository(&"a/app".parse().unwrap(), Access::Pull);
    for inside in ["https://localhost:1/blob?sig=s3cret", "https://127.0.0.1:1/blob?sig=s3cret"] {
        hidden.server.behave();
        let effect = Effect::Redirect(inside.to_owned());
        let when = Match::get("/blobs/");
        hidden.server.misbehave(Fault { when, times: Times::Always, effect });
        let error = repository.pull_blob(&digest(&blob), None).await.err().unwrap();
        assert!(matches!(error, Error::Transport { failure: TransportFailure::Inside, .. }), "{error:?}");
        assert!(!error.is_retryable() && !format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn p21_a_layers_own_address_is_asked_through_the_proxy_which_alone_knows_the_name() {
    let hidden = Hidden::start().await;
    let blob = hidden.server.store().put_blob("a/app", "bytes");
    let (proxy, asked) = small_server::connect_proxy(hidden.front.host());
    let trusted = [hidden.authority.ca_pem().as_bytes().to_vec()];
    let transport =
        Transport::new("test", &trusted).unwrap().through(&Proxies::one(&format!("http://{proxy}")).unwrap());
    let registry = hidden.registry(&transport, None);
    let address = format!("https://registry.invalid/v2/a/app/blobs/{blob}");
    let mut reader = registry.pull_external(&address, &digest(&blob), None).await.unwrap();
    assert_eq!(crate::bench::read_all(&mut reader).await.unwrap().0, "bytes");
    assert!(asked.has("CONNECT registry.invalid:443 HTTP/1.1"), "{:?}", asked.lines());
    // An address from a manifest never leads to this machine, with or without a proxy.
    for (transport, address) in [
        (&transport, "https://127.0.0.1/layer"),
        (&Transport::new("test", &trusted).unwrap(), "https://localhost:1/layer"),
    ] {
        let registry = hidden.registry(transport, None);
        let error = registry.pull_external(address, &digest(&blob), None).await.err().unwrap();
        assert!(!error.is_retryable(), "{error:?}");
    }
}
