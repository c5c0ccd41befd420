//! Where requests go, and where logins must not go.

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{
    Access as ServerAccess, Authorization, Effect, EmbeddedRegistry, Grant, Match, User,
};
use http::Method;
use oci::ErrorKind;
use registry::{Access, Error, Registry, Settings, Transport, TransportFailure};

use crate::bench::{Bench, digest, tag};

fn user() -> ServerAccess {
    ServerAccess::Basic(vec![User::new("u", "secret", vec![Grant::push("*")])])
}

#[tokio::test]
async fn c27_a_redirect_to_storage_is_followed_without_the_login() {
    let storage = EmbeddedRegistry::builder().start().await.unwrap();
    let bench = Bench::start(EmbeddedRegistry::builder().access(user()), Some(("u", "secret"))).await;
    let bytes = sample::layer(1, 1000);
    let blob = bench.server.store().put_blob("a/app", bytes.clone());
    storage.store().put_blob("a/app", bytes.clone());
    let location = format!("http://{}/v2/a/app/blobs/{blob}?X-Signature=abc", storage.host());
    let effect = Effect::Status { code: 307, body: String::new(), headers: vec![("location", location)] };
    bench.misbehave(Match::new(Method::GET, "/blobs/"), effect);
    let mut reader =
        bench.repository("a/app", Access::Pull).pull_blob(&digest(&blob), Some(1000)).await.unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap(), bytes);
    assert_eq!(storage.requests()[0].authorization, Authorization::Absent);
    assert_eq!(bench.asked()[0].authorization, Authorization::Basic);
}

#[tokio::test]
async fn c28_redirects_without_end_are_left() {
    let bench = Bench::open().await;
    let location = "/v2/a/app/manifests/v1".to_owned();
    let effect = Effect::Status { code: 307, body: String::new(), headers: vec![("location", location)] };
    bench.misbehave(Match::new(Method::HEAD, "/manifests/"), effect);
    let error = bench.repository("a/app", Access::Pull).resolve(&tag("v1")).await.unwrap_err();
    assert!(error.to_string().contains("too many redirects"), "{error}");
    assert_eq!(bench.asked().len(), 10);
}

#[tokio::test]
async fn plain_http_needs_insecure_and_is_named_as_the_reason() {
    let bench = Bench::open().await;
    let settings = Settings::new(bench.server.host().parse().unwrap());
    let registry = Registry::new(settings, Transport::new("test", &[]).unwrap());
    let error =
        registry.repository(&"a/app".parse().unwrap(), Access::Pull).resolve(&tag("v1")).await.unwrap_err();
    assert!(matches!(error, Error::Transport { failure: TransportFailure::PlainHttp, .. }), "{error:?}");
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Tls, false));
    assert!(bench.server.requests().is_empty());
}

#[tokio::test]
async fn a_closed_port_is_told_as_such_and_never_tried_without_tls() {
    let host = {
        let server = EmbeddedRegistry::builder().start().await.unwrap();
        server.host()
    };
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let client = crate::bench::client(&host, None);
    let error =
        client.repository(&"a/app".parse().unwrap(), Access::Pull).resolve(&tag("v1")).await.unwrap_err();
    let Error::Transport { failure, url, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*failure, TransportFailure::Connect);
    assert!(url.to_string().starts_with("https://"), "{url}");
}

#[tokio::test]
async fn c87_requests_name_the_tool() {
    let bench = Bench::open().await;
    sample::image(bench.server.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    bench.repository("a/app", Access::Pull).resolve(&tag("v1")).await.unwrap();
    assert!(
        bench
            .server
            .requests()
            .iter()
            .all(|request| request.user_agent.as_deref() == Some("image-syncer-test/1"))
    );
}

#[tokio::test]
async fn c66_how_long_to_wait_is_read_from_the_answer() {
    let bench = Bench::open().await;
    let headers = vec![("retry-after", "7".to_owned())];
    bench.misbehave(Match::any(), Effect::Status { code: 429, body: String::new(), headers });
    let error = bench.repository("a/app", Access::Pull).resolve(&tag("v1")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::RateLimited, true));
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(7)));
}
