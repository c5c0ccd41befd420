//! Rate limits, quotas and refusals.

use std::time::Duration;

use embedded_registry::{EmbeddedRegistry, NewRepositories};
use http::Method;

use crate::bench::{Bench, send};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn pulls_are_counted_and_heads_are_not() {
    let bench = Bench::start(EmbeddedRegistry::builder().pull_quota(2, HOUR)).await;
    bench.server.store().put_manifest("a/app", "v1", "application/json", "{}");
    let path = "/v2/a/app/manifests/v1";
    let mut told = Vec::new();
    for method in [Method::HEAD, Method::GET, Method::HEAD, Method::GET, Method::GET] {
        let reply = bench.ask(method, path).await;
        assert_eq!(reply.header("ratelimit-limit"), "2;w=3600");
        told.push((reply.status.as_u16(), reply.header("ratelimit-remaining").to_owned()));
    }
    let told: Vec<_> =
        told.iter().map(|(status, left)| (*status, left.trim_end_matches(";w=3600"))).collect();
    assert_eq!(told, [(200, "2"), (200, "1"), (200, "1"), (200, "0"), (429, "0")]);
    assert_eq!(bench.server.pulls_left(), Some(0));
}

#[tokio::test]
async fn requests_are_counted_in_windows() {
    let bench = Bench::start(EmbeddedRegistry::builder().rate_limit(2, HOUR)).await;
    let mut last = bench.get("/v2/").await;
    for status in [200, 429] {
        last = bench.get("/v2/").await;
        assert_eq!(last.status, status);
    }
    assert_eq!(last.refusal(), (429, "TOOMANYREQUESTS".to_owned()));
    let wait: u64 = last.header("retry-after").parse().unwrap();
    assert!((1..=3600).contains(&wait), "{wait}");

    let bench = Bench::start(EmbeddedRegistry::builder().rate_limit(1, Duration::from_millis(50))).await;
    assert_eq!(bench.get("/v2/").await.status, 200);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(bench.get("/v2/").await.status, 200);
}

#[tokio::test]
async fn long_logins_are_refused() {
    let bench = Bench::start(EmbeddedRegistry::builder().longest_login(100)).await;
    let ask = |length| send(bench.request(Method::GET, "/v2/").bearer_auth("x".repeat(length)));
    assert_eq!(ask(93).await.status, 200);
    let refused = ask(94).await;
    assert_eq!((refused.status.as_u16(), refused.header("content-type")), (400, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn repositories_may_have_to_be_made_before() {
    let builder = EmbeddedRegistry::builder().new_repositories(NewRepositories::Refused);
    let bench = Bench::start(builder).await;
    let uploads = "/v2/a/app/blobs/uploads/";
    let unknown = (404, "NAME_UNKNOWN".to_owned());
    assert_eq!(bench.ask(Method::POST, uploads).await.refusal(), unknown);
    assert_eq!(bench.put("/v2/a/app/manifests/v1", "x/y", "{}").await.refusal(), unknown);
    bench.server.store().create_repository("a/app");
    assert_eq!(bench.ask(Method::POST, uploads).await.status, 202);
}
