//! Misbehaviour on order, and what the log says of it.

use std::time::{Duration, Instant};

use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times, sample};
use http::Method;

use crate::bench::{Bench, send};

/// A bench with a blob of a thousand bytes, its path, and one fault.
async fn faulty(when: Match, times: Times, effect: Effect) -> (Bench, String) {
    let bench = Bench::open().await;
    let digest = bench.server.store().put_blob("a/app", sample::layer(1, 1000));
    bench.server.misbehave(Fault { when, times, effect });
    (bench, format!("/v2/a/app/blobs/{digest}"))
}

async fn fails(bench: &Bench, path: &str) -> bool {
    match bench.request(Method::GET, path).send().await {
        Err(_) => true,
        Ok(response) => response.bytes().await.is_err(),
    }
}

#[tokio::test]
async fn faults_count_what_they_are_for() {
    let refuse = Effect::refuse(503, "UNAVAILABLE", "later");
    let (bench, path) = faulty(Match::get("/blobs/"), Times::After(1, 2), refuse).await;
    let mut statuses = Vec::new();
    for method in [Method::GET, Method::HEAD, Method::GET, Method::GET, Method::GET] {
        statuses.push(bench.ask(method, &path).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 503, 503, 200]);
    let logged: Vec<_> = bench.server.requests().iter().map(|request| request.status).collect();
    assert_eq!(logged, statuses);
}

#[tokio::test]
async fn the_first_fault_strikes_and_the_next_one_waits() {
    let (bench, path) = faulty(Match::any(), Times::First(1), Effect::refuse(500, "A", "a")).await;
    let next = Fault { when: Match::any(), times: Times::First(1), effect: Effect::refuse(502, "B", "b") };
    bench.server.misbehave(next);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(bench.get(&path).await.status.as_u16());
    }
    assert_eq!(statuses, [500, 502, 200]);
}

#[tokio::test]
async fn a_refused_upload_is_answered_though_nobody_reads_its_body() {
    let bench = Bench::open().await;
    let effect = Effect::refuse(429, "TOOMANYREQUESTS", "slow down");
    bench.server.misbehave(Fault { when: Match::put("/uploads/"), times: Times::Always, effect });
    let session = bench.ask(Method::POST, "/v2/a/app/blobs/uploads/").await;
    let reply = bench.put(session.header("location"), "x/y", vec![0; 200_000]).await;
    assert_eq!(reply.refusal(), (429, "TOOMANYREQUESTS".to_owned()));
    assert_eq!(bench.server.requests()[1].received_bytes, 200_000);
}

#[tokio::test]
async fn bodies_are_cut_and_corrupted() {
    let (bench, path) = faulty(Match::get("/blobs/"), Times::Always, Effect::CutBodyAfter(600)).await;
    let mut response = bench.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.content_length(), Some(1000));
    let mut received = 0;
    while let Ok(Some(piece)) = response.chunk().await {
        received += piece.len();
    }
    assert_eq!((received, bench.server.requests()[0].sent_bytes), (600, 600));

    bench.server.behave();
    let corrupt = Effect::CorruptByteAt(999);
    bench.server.misbehave(Fault { when: Match::any(), times: Times::Always, effect: corrupt });
    let (right, wrong) = (sample::layer(1, 1000), bench.get(&path).await.body);
    assert_eq!((&right[..999], right.len()), (&wrong[..999], wrong.len()));
    assert_ne!(right[999], wrong[999]);
}

#[tokio::test]
async fn connections_are_dropped_before_or_after_the_work() {
    let (bench, path) = faulty(Match::get("/blobs/"), Times::Always, Effect::DropConnection).await;
    assert!(fails(&bench, &path).await);
    bench.server.misbehave(Fault { when: Match::any(), times: Times::Always, effect: Effect::LoseAnswer });
    let manifest =
        bench.request(Method::PUT, "/v2/a/app/manifests/v1").header("content-type", "x/y").body("{}");
    assert!(manifest.send().await.is_err());
    assert_eq!(bench.server.store().tags("a/app"), ["v1"], "what was asked is done");
    assert!(bench.server.requests().iter().all(|request| request.status == 0));
}

#[tokio::test]
async fn answers_come_late_or_never() {
    let (bench, path) =
        faulty(Match::any(), Times::First(1), Effect::Delay(Duration::from_millis(100))).await;
    let start = Instant::now();
    assert_eq!(bench.get(&path).await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(100));
    bench.server.misbehave(Fault { when: Match::any(), times: Times::Always, effect: Effect::Hang });
    let hanging = bench.request(Method::GET, &path).send();
    assert!(tokio::time::timeout(Duration::from_millis(200), hanging).await.is_err());
    assert_eq!(bench.server.requests()[1].line(), format!("GET {path} 0"), "logged though never answered");
}

#[tokio::test]
async fn headers_lie_and_are_left_out() {
    let (bench, path) = faulty(Match::any(), Times::First(1), Effect::WrongDigestHeader).await;
    let lie = bench.get(&path).await;
    assert!(lie.header("docker-content-digest").starts_with("sha256:0000"));
    let add = |effect| bench.server.misbehave(Fault { when: Match::any(), times: Times::First(1), effect });
    add(Effect::OmitHeader("content-length"));
    let reply = bench.get(&path).await;
    assert_eq!((reply.header("content-length"), reply.body.len()), ("", 1000));
    add(Effect::SetHeader("etag", "\"other\"".to_owned()));
    assert_eq!(bench.get(&path).await.header("etag"), "\"other\"");
    add(Effect::Redirect("http://elsewhere.invalid/".to_owned()));
    let redirect = bench.get(&path).await;
    assert_eq!((redirect.status.as_u16(), redirect.header("location")), (307, "http://elsewhere.invalid/"));
}

#[tokio::test]
async fn a_registry_can_be_slow_and_can_stop() {
    let bench = Bench::start(EmbeddedRegistry::builder().latency(Duration::from_millis(100))).await;
    let start = Instant::now();
    assert_eq!(bench.get("/v2/").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(100));
    let request = bench.request(Method::GET, "/v2/");
    let again = request.try_clone().unwrap();
    assert!(send(request).await.status.is_success());
    bench.server.shut_down().await;
    assert!(again.send().await.is_err());
}
