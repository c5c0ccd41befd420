//! Faults on request, and their log entries.

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

/// How many bytes of the answer come before `patience` ends, and whether the answer ends by then.
async fn trickling(bench: &Bench, path: &str, patience: Duration) -> (usize, bool) {
    let mut response = bench.request(Method::GET, path).send().await.unwrap();
    let mut received = 0;
    let reading = async {
        while let Some(piece) = response.chunk().await.unwrap() {
            received += piece.len();
        }
    };
    let is_over = tokio::time::timeout(patience, reading).await.is_ok();
    (received, is_over)
}

#[tokio::test]
async fn bodies_stall_and_trickle() {
    let (bench, path) = faulty(Match::any(), Times::First(1), Effect::StallBodyAfter(600)).await;
    assert_eq!(trickling(&bench, &path, Duration::from_millis(200)).await, (600, false));
    let effect = Effect::Trickle { bytes: 100, pause: Duration::from_millis(5) };
    bench.server.misbehave(Fault { when: Match::any(), times: Times::First(1), effect });
    let start = Instant::now();
    assert_eq!(trickling(&bench, &path, Duration::from_secs(60)).await, (1000, true));
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn bodies_are_short_or_long_but_end_well() {
    let (bench, path) = faulty(Match::any(), Times::First(1), Effect::ShortBody(600)).await;
    let short = bench.get(&path).await;
    assert_eq!((short.header("content-length"), short.body.len()), ("600", 600));
    let effect = Effect::TrailingBytes("garbage".to_owned());
    bench.server.misbehave(Fault { when: Match::any(), times: Times::First(1), effect });
    let long = bench.get(&path).await;
    assert_eq!((long.header("content-length"), &long.body[1000..]), ("1007", &b"garbage"[..]));
}

#[tokio::test]
async fn requests_are_cut_or_left_unread_after_some_bytes() {
    let rows = [(Effect::CutRequestAfter(400), true), (Effect::StallRequestAfter(400), false)];
    for (effect, is_over) in rows {
        let bench = Bench::open().await;
        bench.server.misbehave(Fault { when: Match::patch("/uploads/"), times: Times::First(1), effect });
        let session = bench.ask(Method::POST, "/v2/a/app/blobs/uploads/").await;
        let body = vec![7; 100_000];
        let sending = bench.request(Method::PATCH, session.header("location")).body(body).send();
        match tokio::time::timeout(Duration::from_millis(300), sending).await {
            Ok(answer) => assert!(is_over && answer.is_err()),
            Err(_) => assert!(!is_over),
        }
        let status = bench.get(session.header("location")).await;
        let cut = &bench.server.requests()[1];
        assert_eq!((status.header("range"), cut.received_bytes, cut.status), ("0-399", 400, 0));
    }
}

#[tokio::test]
async fn a_login_is_refused_once() {
    let (bench, path) = faulty(Match::any(), Times::First(1), Effect::Unauthorized).await;
    let refused = bench.get(&path).await;
    assert_eq!(refused.refusal(), (401, "UNAUTHORIZED".to_owned()));
    assert_eq!(refused.header("www-authenticate"), "Basic realm=\"embedded\"");
    assert_eq!(bench.get(&path).await.status, 200);
}

#[tokio::test]
async fn headers_are_added_one_for_each_value() {
    let (bench, path) = faulty(Match::any(), Times::Always, Effect::warn(&["one", "two"])).await;
    let warned = bench.get(&path).await;
    let warnings: Vec<_> = warned.headers.get_all("warning").iter().collect();
    assert_eq!(warnings, ["299 - \"one\"", "299 - \"two\""]);
    bench.server.behave();
    let add = |effect| bench.server.misbehave(Fault { when: Match::any(), times: Times::First(1), effect });
    add(Effect::too_many_requests("Wed, 21 Oct 2026 07:28:00 GMT"));
    let later = bench.get(&path).await;
    assert_eq!((later.status.as_u16(), later.header("retry-after")), (429, "Wed, 21 Oct 2026 07:28:00 GMT"));
    add(Effect::html(502));
    let page = bench.get(&path).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (502, "text/html"));
    add(Effect::RedirectWith(308, "/v2/".to_owned()));
    assert_eq!(bench.get(&path).await.status, 308);
    add(Effect::ResetConnection);
    assert!(fails(&bench, &path).await);
}
