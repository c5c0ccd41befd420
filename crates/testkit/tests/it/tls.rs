//! nginx with TLS in front of docker-registry.

use std::path::PathBuf;

use reqwest::{Certificate, Client, Version};
use testkit::seed::{Flavour, Pusher};
use testkit::{CertificateAuthority, DockerRegistry, Skopeo, TlsFront, TokenServer, TokenUser, compare};

use crate::seed_index;

fn trusting(authority: &CertificateAuthority) -> Client {
    let certificate = Certificate::from_pem(authority.ca_pem().as_bytes()).unwrap();
    Client::builder().tls_certs_only([certificate]).build().unwrap()
}

#[tokio::test]
async fn front_speaks_http2_under_its_own_authority_alone() {
    let authority = CertificateAuthority::generate().unwrap();
    let registry = DockerRegistry::open().await.unwrap();
    let front = TlsFront::start(&authority, registry.host()).await.unwrap();
    for host in [front.host(), front.host().replace("127.0.0.1", "localhost")] {
        let response = trusting(&authority).get(format!("https://{host}/v2/")).send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
    }
    assert_eq!(front.requests(), ["GET /v2/ 200", "GET /v2/ 200"]);
    assert_eq!(front.accesses()[0].protocol, "HTTP/2.0");

    let stranger = CertificateAuthority::generate().unwrap();
    let refused = trusting(&stranger).get(format!("https://{}/v2/", front.host())).send().await;
    assert!(refused.unwrap_err().is_connect());
}

#[tokio::test]
async fn images_go_through_the_front() {
    let authority = CertificateAuthority::generate().unwrap();
    let registry = DockerRegistry::open().await.unwrap();
    let front = TlsFront::start(&authority, registry.host()).await.unwrap();
    let through = Pusher::new(front.host()).tls(&authority).unwrap();
    seed_index(&through, "library/app", Flavour::Docker).await;
    let direct = Pusher::new(registry.host());
    assert_eq!(
        compare::repositories(&direct, "library/app", &through, "library/app").await.unwrap(),
        [""; 0]
    );
    let folder = format!("--src-cert-dir={}", authority.ca_folder().display());
    let (image, target) = (format!("docker://{}/library/app:v1", front.host()), tempfile::tempdir().unwrap());
    let target = format!("dir:{}", target.path().display());
    Skopeo::run(&["copy", "--all", &folder, "--src-no-creds", &image, &target]).await.unwrap();
    Skopeo::run(&["copy", "--all", "--src-no-creds", &image, &target]).await.unwrap_err();
}

#[tokio::test]
async fn expired_certificate_is_refused() {
    let authority = CertificateAuthority::generate().unwrap();
    let registry = DockerRegistry::open().await.unwrap();
    let builder = TlsFront::builder(&authority, registry.host());
    let front = builder.certificate(authority.issue_expired(&["127.0.0.1"]).unwrap()).start().await.unwrap();
    let refused = trusting(&authority).get(format!("https://{}/v2/", front.host())).send().await.unwrap_err();
    assert!(format!("{refused:?}").contains("Expired"), "{refused:?}");
}

#[tokio::test]
async fn limits_of_the_front_hold() {
    let authority = CertificateAuthority::generate().unwrap();
    let registry = DockerRegistry::open().await.unwrap();
    let front = TlsFront::builder(&authority, registry.host()).max_body_bytes(1000).without_http2();
    let front = front.start().await.unwrap();
    let pusher = Pusher::new(front.host()).tls(&authority).unwrap();
    pusher.push_blob("library/app", vec![1; 1000]).await.unwrap();
    let refused = pusher.push_blob("library/app", vec![1; 1001]).await.unwrap_err();
    assert!(refused.to_string().contains("413"), "{refused}");
    let response = trusting(&authority).get(format!("https://{}/v2/", front.host())).send().await.unwrap();
    assert_eq!(response.version(), Version::HTTP_11);
}

#[tokio::test]
async fn realm_is_under_the_same_host_as_with_harbor() {
    let authority = CertificateAuthority::generate().unwrap();
    let user = TokenUser::new("robot", "secret").grant("library/*", &["pull"]);
    let server = TokenServer::harbor(vec![user]).await.unwrap();
    let registry = DockerRegistry::token(&server).await.unwrap();
    let front = TlsFront::builder(&authority, registry.host()).token_server(&server).start().await.unwrap();
    let pusher = Pusher::new(front.host()).tls(&authority).unwrap().token(&server);
    seed_index(&pusher, "library/app", Flavour::Oci).await;

    let challenge = challenge(&authority, &front).await;
    let realm = format!(r#"Bearer realm="https://{}/service/token",service="harbor-registry""#, front.host());
    assert_eq!(challenge, realm);
    Skopeo::image_is_complete(&front.host(), "library/app", "v1", Some(("robot", "secret"))).await.unwrap();
    assert!(server.requests() > 0);
}

#[tokio::test]
async fn realm_is_on_another_host_as_with_acr() {
    let authority = CertificateAuthority::generate().unwrap();
    let user = TokenUser::new("robot", "secret").grant("library/*", &["pull"]);
    let service = "registry.aliyuncs.com:cn-shanghai:china:cri-test";
    let server = TokenServer::acr(vec![user], service).await.unwrap();
    let registry = DockerRegistry::token(&server).await.unwrap();
    let token_front = TlsFront::start(&authority, server.host()).await.unwrap();
    let front = TlsFront::builder(&authority, registry.host()).realm_host(token_front.host());
    let front = front.start().await.unwrap();
    let pusher = Pusher::new(front.host()).tls(&authority).unwrap().token(&server);
    seed_index(&pusher, "library/app", Flavour::Oci).await;

    let challenge = challenge(&authority, &front).await;
    assert_eq!(
        challenge,
        format!(r#"Bearer realm="https://{}/auth",service="{service}""#, token_front.host())
    );
    Skopeo::image_is_complete(&front.host(), "library/app", "v1", Some(("robot", "secret"))).await.unwrap();
}

async fn challenge(authority: &CertificateAuthority, front: &TlsFront) -> String {
    let response = trusting(authority).get(format!("https://{}/v2/", front.host())).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 401);
    response.headers()["www-authenticate"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn nginx_is_gone_after_drop() {
    let authority = CertificateAuthority::generate().unwrap();
    let front = TlsFront::start(&authority, "127.0.0.1:1").await.unwrap();
    let (host, process) = (front.host(), PathBuf::from(format!("/proc/{}", front.process_id())));
    assert!(process.exists());
    drop(front);
    assert!(!process.exists());
    assert!(std::net::TcpStream::connect(host).is_err());
}
