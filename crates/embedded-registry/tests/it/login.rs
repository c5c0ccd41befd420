//! Basic logins, the token server, and refusals in the form of Harbor and ACR.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use embedded_registry::{Access, Authorization, EmbeddedRegistry, Grant, TokenAccess, User};
use http::Method;
use serde_json::Value;

use crate::bench::{Bench, Reply, send};

const TAGS: &str = "/v2/library/app/tags/list";
const UPLOADS: &str = "/v2/library/app/blobs/uploads/";

fn users() -> Vec<User> {
    vec![User::new("reader", "secret", vec![Grant::pull("library/*")])]
}

async fn bench(access: Access) -> Bench {
    let bench = Bench::start(EmbeddedRegistry::builder().access(access)).await;
    bench.server.store().put_manifest("library/app", "v1", "application/json", "{}");
    bench
}

async fn harbor() -> Bench {
    bench(Access::Token(TokenAccess::harbor(users()))).await
}

async fn token(bench: &Bench, query: &str, password: Option<&str>) -> Reply {
    let path = if query.contains("harbor") { "/service/token" } else { "/auth" };
    let request = bench.request(Method::GET, &format!("{path}?{query}"));
    send(match password {
        Some(password) => request.basic_auth("reader", Some(password)),
        None => request,
    })
    .await
}

fn text(reply: &Reply) -> String {
    reply.json()["token"].as_str().unwrap().to_owned()
}

fn claims(reply: &Reply) -> Value {
    let token = text(reply);
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

async fn with(bench: &Bench, method: Method, path: &str, token: &str) -> Reply {
    send(bench.request(method, path).bearer_auth(token)).await
}

#[tokio::test]
async fn basic_logins_are_checked_with_every_request() {
    let bench = bench(Access::Basic(users())).await;
    let refused = bench.get("/v2/").await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("www-authenticate")),
        (401, "Basic realm=\"embedded\"")
    );
    let login = |method, path| bench.request(method, path).basic_auth("reader", Some("secret"));
    assert_eq!(send(login(Method::GET, TAGS)).await.status, 200);
    assert_eq!(send(login(Method::POST, UPLOADS)).await.refusal(), (403, "DENIED".to_owned()));
    let kinds: Vec<_> = bench.server.requests().iter().map(|request| request.authorization).collect();
    assert_eq!(kinds, [Authorization::Absent, Authorization::Basic, Authorization::Basic]);
    assert!(!format!("{:?}{:?}", users(), bench.server.requests()).contains("secret"));
}

#[tokio::test]
async fn the_challenge_names_realm_service_and_scope() {
    let bench = harbor().await;
    let realm =
        format!("Bearer realm=\"http://{}/service/token\",service=\"harbor-registry\"", bench.server.host());
    assert_eq!(bench.get("/v2/").await.header("www-authenticate"), realm);
    let scoped = format!("{realm},scope=\"repository:library/app:pull\"");
    assert_eq!(bench.get(TAGS).await.header("www-authenticate"), scoped);
    let scoped = format!("{realm},scope=\"repository:library/app:pull,push\"");
    assert_eq!(bench.ask(Method::POST, UPLOADS).await.header("www-authenticate"), scoped);
}

#[tokio::test]
async fn tokens_allow_what_the_user_may_of_what_was_asked() {
    let bench = harbor().await;
    let query = "service=harbor-registry&scope=repository:library/app:pull,push%20repository:library/b:pull\
                 &scope=repository:other/app:pull";
    let reply = token(&bench, query, Some("secret")).await;
    assert_eq!(reply.json()["expires_in"], 1800);
    let access = claims(&reply)["access"].clone();
    assert_eq!(access.as_array().unwrap().len(), 2);
    assert_eq!(
        (&access[0]["name"], access[0]["actions"].to_string()),
        (&"library/app".into(), "[\"pull\"]".into())
    );
    assert_eq!(with(&bench, Method::GET, TAGS, &text(&reply)).await.status, 200);
    assert!(bench.server.requests()[0].is_token());
}

#[tokio::test]
async fn without_rights_there_is_a_token_with_empty_access() {
    let bench = harbor().await;
    let reply = token(&bench, "service=harbor-registry&scope=repository:library/app:pull", None).await;
    assert_eq!((reply.status.as_u16(), claims(&reply)["access"].to_string()), (200, "[]".to_owned()));
    assert_eq!(with(&bench, Method::GET, "/v2/", &text(&reply)).await.status, 200);
    let refused = with(&bench, Method::GET, TAGS, &text(&reply)).await;
    assert_eq!(refused.refusal(), (401, "UNAUTHORIZED".to_owned()));
    assert_eq!(refused.header("www-authenticate"), "Basic realm=\"harbor\"");
    let once = "unauthorized to access repository: library/app, action: pull";
    assert_eq!(refused.json()["errors"][0]["message"], format!("{once}: {once}"));
}

#[tokio::test]
async fn wrong_passwords_and_services_get_no_token() {
    let bench = harbor().await;
    let wrong = token(&bench, "service=harbor-registry", Some("wrong")).await;
    assert_eq!(wrong.refusal(), (401, "UNAUTHORIZED".to_owned()));
    let unknown = bench.get("/service/token?service=other").await;
    assert_eq!(unknown.status, 400);
}

#[tokio::test]
async fn harbor_takes_passwords_with_every_request_and_acr_does_not() {
    let acr = bench(Access::Token(TokenAccess::acr("registry.aliyuncs.com:cn:1:cri-x", users()))).await;
    for (bench, expected) in [(harbor().await, 200), (acr, 401)] {
        let request = bench.request(Method::GET, TAGS).basic_auth("reader", Some("secret"));
        assert_eq!(send(request).await.status, expected);
    }
}

#[tokio::test]
async fn acr_tells_what_is_missing_in_the_challenge() {
    let service = "registry.aliyuncs.com:cn-shanghai:china:cri-test";
    let bench = bench(Access::Token(TokenAccess::acr(service, users()))).await;
    let query = format!("service={service}&scope=repository:library/app:pull,push");
    let reply = token(&bench, &query, Some("secret")).await;
    let refused = with(&bench, Method::POST, UPLOADS, &text(&reply)).await;
    assert_eq!(refused.refusal(), (401, "UNAUTHORIZED".to_owned()));
    assert_eq!(refused.json()["errors"][1]["code"], "DENIED");
    assert_eq!(refused.json()["errors"][1]["message"], "requested access to the resource is denied");
    let challenge = refused.header("www-authenticate");
    assert!(
        challenge.starts_with("Bearer ") && challenge.ends_with(",error=\"insufficient_scope\""),
        "{challenge}"
    );
    let invalid = with(&bench, Method::GET, TAGS, "made.up.token").await;
    assert!(invalid.header("www-authenticate").ends_with(",error=\"invalid_token\""));
}

#[tokio::test]
async fn tokens_end() {
    let access = TokenAccess { lifetime: Duration::from_millis(200), ..TokenAccess::harbor(users()) };
    let bench = bench(Access::Token(access)).await;
    let reply =
        token(&bench, "service=harbor-registry&scope=repository:library/app:pull", Some("secret")).await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(with(&bench, Method::GET, TAGS, &text(&reply)).await.status, 401);
}

#[tokio::test]
async fn the_catalog_is_for_who_may_read_everything() {
    let everything = User::new("reader", "secret", vec![Grant::pull("*")]);
    for (users, expected) in [(users(), 401), (vec![everything], 200)] {
        let bench = bench(Access::Token(TokenAccess::harbor(users))).await;
        let query = "service=harbor-registry&scope=registry:catalog:*";
        let reply = token(&bench, query, Some("secret")).await;
        assert_eq!(with(&bench, Method::GET, "/v2/_catalog", &text(&reply)).await.status, expected);
    }
}
