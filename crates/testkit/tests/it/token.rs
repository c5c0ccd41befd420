//! docker-registry with tokens of the kit's server, like those of Harbor and ACR.

use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use testkit::seed::{Flavour, Image, Pusher, layer};
use testkit::{DockerRegistry, Skopeo, TokenServer, TokenUser, digest_of};

const ACR_SERVICE: &str = "registry.aliyuncs.com:cn-shanghai:china:cri-test";

fn robot() -> TokenUser {
    TokenUser::new("robot$sync", "secret").grant("library/*", &["pull", "push"])
}

fn client() -> Client {
    Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap()
}

/// Requests a token from the server, as a client does.
async fn fetch(server: &TokenServer, scopes: &[&str], password: &str) -> Response {
    let mut url = url::Url::parse(&server.realm()).unwrap();
    url.query_pairs_mut().append_pair("service", server.service());
    url.query_pairs_mut().extend_pairs(scopes.iter().map(|scope| ("scope", scope)));
    client().get(url).basic_auth("robot$sync", Some(password)).send().await.unwrap()
}

async fn token(server: &TokenServer, scopes: &[&str]) -> String {
    let body = fetch(server, scopes, "secret").await.bytes().await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["token"].as_str().unwrap().to_owned()
}

async fn status(registry: &DockerRegistry, method: Method, path: &str, token: &str) -> StatusCode {
    let url = format!("http://{}/v2/{path}", registry.host());
    client().request(method, url).bearer_auth(token).send().await.unwrap().status()
}

#[tokio::test]
async fn skopeo_pulls_and_pushes_where_granted() {
    let server = TokenServer::harbor(vec![robot()]).await.unwrap();
    let registry = DockerRegistry::token(&server).await.unwrap();
    let host = registry.host();
    let image = Image::new(Flavour::Oci).layer(layer(1, 100));
    Pusher::new(&host).token(&server).image("library/app", "v1", &image).await.unwrap();
    assert_eq!(server.requests(), 0, "seeding asks nobody");

    let login = Some(("robot$sync", "secret"));
    Skopeo::image_is_complete(&host, "library/app", "v1", login).await.unwrap();
    let copy = |target: &str| {
        let (source, target) =
            (format!("docker://{host}/library/app:v1"), format!("docker://{host}/{target}"));
        async move {
            let logins = ["--src-creds=robot$sync:secret", "--dest-creds=robot$sync:secret"];
            let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
            Skopeo::run(&["copy", logins[0], logins[1], tls[0], tls[1], &source, &target]).await
        }
    };
    copy("library/copied:v1").await.unwrap();
    copy("other/copied:v1").await.unwrap_err();
    Skopeo::inspect_raw(&host, "library/app", "v1", Some(("robot$sync", "wrong"))).await.unwrap_err();
    Skopeo::inspect_raw(&host, "library/app", "v1", None).await.unwrap_err();
    assert!(server.request_lines().iter().any(|line| line.starts_with("robot$sync /service/token?")));
}

#[tokio::test]
async fn mount_needs_both_scopes() {
    let server = TokenServer::acr(vec![robot()], ACR_SERVICE).await.unwrap();
    let registry = DockerRegistry::token(&server).await.unwrap();
    let pusher = Pusher::new(registry.host()).token(&server);
    let blob = pusher.push_blob("library/app", layer(1, 100)).await.unwrap();
    let mount = |repository: &str| format!("{repository}/blobs/uploads/?mount={blob}&from=library/app");

    let target = "repository:library/mounted:pull,push";
    let both = token(&server, &[target, "repository:library/app:pull"]).await;
    assert_eq!(status(&registry, Method::POST, &mount("library/mounted"), &both).await, StatusCode::CREATED);
    let one = token(&server, &[target]).await;
    assert_ne!(status(&registry, Method::POST, &mount("library/mounted"), &one).await, StatusCode::CREATED);
    assert!(pusher.mount_blob("elsewhere/app", "library/app", &blob).await.unwrap());
    assert!(pusher.has_blob("elsewhere/app", &blob).await.unwrap());
}

#[tokio::test]
async fn no_right_is_an_empty_token_that_the_registry_refuses() {
    let server = TokenServer::acr(vec![robot()], ACR_SERVICE).await.unwrap();
    let registry = DockerRegistry::token(&server).await.unwrap();
    let empty = token(&server, &["repository:other/app:pull"]).await;
    assert_eq!(status(&registry, Method::GET, "", &empty).await, StatusCode::OK);
    assert_eq!(status(&registry, Method::GET, "other/app/tags/list", &empty).await, StatusCode::UNAUTHORIZED);
    let granted = token(&server, &["repository:library/app:pull"]).await;
    assert_eq!(
        status(&registry, Method::GET, "library/app/tags/list", &granted).await,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn wrong_password_and_ordered_failures_are_told() {
    let server = TokenServer::harbor(vec![robot()]).await.unwrap();
    let scope = ["repository:library/app:pull"];
    let refused = fetch(&server, &scope, "wrong").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.text().await.unwrap().contains(r#""code":"UNAUTHORIZED""#));
    server.fail_next(1, 503);
    assert_eq!(fetch(&server, &scope, "secret").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fetch(&server, &scope, "secret").await.status(), StatusCode::OK);
    assert_eq!(server.requests(), 3);
    assert!(!server.request_lines().join("\n").contains("secret"));
}

#[tokio::test]
async fn token_ends_with_its_lifetime() {
    let server = TokenServer::harbor(vec![robot()]).await.unwrap().lifetime(Duration::ZERO);
    let registry = DockerRegistry::token(&server).await.unwrap();
    let scope = ["repository:library/app:pull"];
    let expired = token(&server, &scope).await;
    assert_eq!(status(&registry, Method::GET, "", &expired).await, StatusCode::UNAUTHORIZED);
    let server = server.lifetime(Duration::from_secs(30));
    let fresh = token(&server, &scope).await;
    assert_eq!(status(&registry, Method::GET, "", &fresh).await, StatusCode::OK);
    assert_eq!(
        status(&registry, Method::GET, "", &server.mint("library/app", &["pull"])).await,
        StatusCode::OK
    );
}

#[test]
fn server_answers_while_a_test_blocks() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(TokenServer::harbor(vec![robot()])).unwrap();
    // No async runtime runs here, as when a test waits for the command line.
    let mut stream = std::net::TcpStream::connect(server.host()).unwrap();
    std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(digest_of(b"").starts_with("sha256:e3b0c442"));
}
