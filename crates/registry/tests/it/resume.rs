//! Downloads that break off, and storage services behind redirects.

use std::time::Duration;

use bytes::Bytes;
use embedded_registry::{
    Authorization, Effect, EmbeddedRegistry, EntityTags, Fault, LoggedRequest, Match, Ranges, Storage, Times,
    sample,
};
use oci::{Digest, ErrorKind};
use registry::{Access, Error, Patience, RequestKind};

use crate::bench::{Bench, digest, patient_client, read_all};

const SIZE: usize = 3_000_000;

fn seed(bench: &Bench) -> (Bytes, Digest) {
    let bytes = sample::layer(7, SIZE);
    let stored = digest(&bench.server.store().put_blob("a/app", bytes.clone()));
    (bytes, stored)
}

async fn pull(bench: &Bench, blob: &Digest) -> Result<(Bytes, Vec<ErrorKind>), Error> {
    let repository = bench.repository("a/app", Access::Pull);
    read_all(&mut repository.pull_blob(blob, Some(SIZE as u64)).await?).await
}

fn ranges(requests: &[LoggedRequest]) -> Vec<Option<&str>> {
    requests.iter().map(|request| request.header("range")).collect()
}

#[tokio::test]
async fn c23_a_broken_download_goes_on_where_it_stood() {
    let bench = Bench::open().await;
    let (bytes, blob) = seed(&bench);
    bench.misbehave_once(Match::get("/blobs/"), Effect::CutBodyAfter(1_000_000));
    let (read, errors) = pull(&bench, &blob).await.unwrap();
    assert!(read == bytes);
    assert_eq!(errors, [ErrorKind::Network]);
    let asked = bench.asked();
    assert_eq!(ranges(&asked), [None, Some("bytes=1000000-")]);
    assert_eq!(asked[1].header("if-range").unwrap(), format!("\"{blob}\""));
    let sent: u64 = asked.iter().map(|request| request.sent_bytes).sum();
    assert_eq!(sent, SIZE as u64, "not a byte twice");
}

#[tokio::test]
async fn c23_all_three_answers_to_a_range_are_understood() {
    for (setting, expected_requests) in [(Ranges::Ignored, 2), (Ranges::Refused, 3), (Ranges::Wrong, 3)] {
        let bench = Bench::start(EmbeddedRegistry::builder().ranges(setting), None).await;
        let (bytes, blob) = seed(&bench);
        bench.misbehave_once(Match::get("/blobs/"), Effect::CutBodyAfter(1_000_000));
        let (read, errors) = pull(&bench, &blob).await.unwrap();
        assert!(read == bytes, "{setting:?}");
        assert!(errors.iter().all(|kind| *kind == ErrorKind::Network), "{setting:?} {errors:?}");
        assert!(bench.asked().len() >= expected_requests, "{setting:?} {:?}", bench.lines());
    }
}

#[tokio::test]
async fn c23_only_a_strong_entity_tag_is_shown() {
    for (tags, shown) in [(EntityTags::Weak, 0), (EntityTags::Missing, 0), (EntityTags::Changing, 1)] {
        let bench = Bench::start(EmbeddedRegistry::builder().entity_tags(tags), None).await;
        let (bytes, blob) = seed(&bench);
        bench.misbehave_once(Match::get("/blobs/"), Effect::CutBodyAfter(1_000_000));
        let (read, _) = pull(&bench, &blob).await.unwrap();
        assert!(read == bytes, "{tags:?}");
        let with_tag = bench.asked().iter().filter(|request| request.header("if-range").is_some()).count();
        assert_eq!(with_tag, shown, "{tags:?}");
    }
}

#[tokio::test]
async fn c23_what_was_read_can_be_read_again_in_part() {
    let bench = Bench::open().await;
    let (bytes, blob) = seed(&bench);
    let repository = bench.repository("a/app", Access::Pull);
    let mut reader = repository.pull_blob(&blob, Some(SIZE as u64)).await.unwrap();
    let history = reader.history().unwrap();
    read_all(&mut reader).await.unwrap();
    bench.server.clear_requests();
    let (rest, _) = read_all(&mut history.read_from(2_500_000).await.unwrap()).await.unwrap();
    assert!(rest == bytes.slice(2_500_000..));
    let sent = bench.asked()[0].sent_bytes;
    assert!(sent < 2_000_000, "read from the last checkpoint, not from the start: {sent}");
    // The whole digest is still checked.
    bench.misbehave_once(Match::get("/blobs/"), Effect::CorruptByteAt(0));
    let mut reader = history.read_from(2_500_000).await.unwrap();
    assert_eq!(read_all(&mut reader).await.unwrap_err().kind(), ErrorKind::Mismatch);
    assert_eq!(reader.next().await.unwrap_err().kind(), ErrorKind::Mismatch, "and it stays so");
}

#[tokio::test]
async fn c12_an_empty_blob_is_never_asked_for_in_part() {
    let bench = Bench::open().await;
    let stored = digest(&bench.server.store().put_blob("a/app", Bytes::new()));
    let repository = bench.repository("a/app", Access::Pull);
    let mut reader = repository.pull_blob(&stored, Some(0)).await.unwrap();
    let (read, _) = read_all(&mut reader).await.unwrap();
    assert!(read.is_empty());
    assert_eq!(ranges(&bench.asked()), [None]);
}

#[tokio::test]
async fn c24_a_link_that_has_expired_is_asked_for_anew() {
    let storage = Storage::start().await.unwrap();
    let bench = Bench::start(EmbeddedRegistry::builder().storage(&storage), None).await;
    let (bytes, blob) = seed(&bench);
    for status in [401, 403, 410] {
        storage.misbehave(Fault {
            when: Match::get(""),
            times: Times::First(1),
            effect: Effect::Status { code: status, body: "<Error/>".to_owned(), headers: Vec::new() },
        });
        bench.server.clear_requests();
        assert!(pull(&bench, &blob).await.unwrap().0 == bytes, "{status}");
        assert_eq!(bench.asked().len(), 2, "the registry gives a new link");
    }
}

#[tokio::test]
async fn c24_c27_a_broken_body_goes_on_under_a_new_link_and_no_login_goes_along() {
    let storage = Storage::start().await.unwrap();
    storage.limit_uses(1);
    let users = vec![embedded_registry::User::new("u", "p", vec![embedded_registry::Grant::push("*")])];
    let access = embedded_registry::Access::Token(embedded_registry::TokenAccess::harbor(users));
    let builder = EmbeddedRegistry::builder().storage(&storage).access(access);
    let bench = Bench::start(builder, Some(("u", "p"))).await;
    let (bytes, blob) = seed(&bench);
    storage.misbehave(Fault {
        when: Match::get(""),
        times: Times::First(1),
        effect: Effect::CutBodyAfter(1_000_000),
    });
    assert!(pull(&bench, &blob).await.unwrap().0 == bytes);
    let at_storage = storage.requests();
    assert_eq!(ranges(&at_storage), [None, Some("bytes=1000000-")]);
    assert_ne!(at_storage[0].query, at_storage[1].query, "each link is used once");
    assert!(at_storage.iter().all(|request| {
        request.authorization == Authorization::Absent && request.header("cookie").is_none()
    }));
}

#[tokio::test]
async fn c25_a_download_that_stands_still_is_replaced() {
    let bench = Bench::open().await;
    let (bytes, blob) = seed(&bench);
    let patience = Patience { answer: Duration::from_millis(200), ..Patience::default() };
    let client = patient_client(&bench.server.host(), None, patience);
    bench.misbehave_once(Match::get("/blobs/"), Effect::StallBodyAfter(1_000_000));
    let repository = client.repository(&"a/app".parse().unwrap(), Access::Pull);
    let mut reader = repository.pull_blob(&blob, Some(SIZE as u64)).await.unwrap();
    let (read, errors) = read_all(&mut reader).await.unwrap();
    assert!(read == bytes);
    assert_eq!(errors, [ErrorKind::Stalled]);
    bench.misbehave_once(Match::get("/blobs/"), Effect::Hang);
    let error = repository.pull_blob(&blob, None).await.err().unwrap();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Stalled, true));
}

#[tokio::test]
async fn c25_a_slow_download_may_take_longer_than_the_time_out() {
    let bench = Bench::open().await;
    let bytes = sample::layer(7, 100_000);
    let blob = digest(&bench.server.store().put_blob("a/app", bytes.clone()));
    let patience = Patience { answer: Duration::from_millis(300), ..Patience::default() };
    let client = patient_client(&bench.server.host(), None, patience);
    let pause = Duration::from_millis(50);
    bench.misbehave_once(Match::get("/blobs/"), Effect::Trickle { bytes: 10_000, pause });
    let repository = client.repository(&"a/app".parse().unwrap(), Access::Pull);
    let (read, errors) = read_all(&mut repository.pull_blob(&blob, None).await.unwrap()).await.unwrap();
    assert!(read == bytes);
    assert_eq!(errors, []);
}

#[tokio::test]
async fn c26_announced_lengths_are_only_hints() {
    let bench = Bench::open().await;
    let (bytes, blob) = seed(&bench);
    bench.misbehave_once(Match::get("/blobs/"), Effect::OmitHeader("content-length"));
    assert!(pull(&bench, &blob).await.unwrap().0 == bytes);
    bench.misbehave_once(Match::get("/blobs/"), Effect::ShortBody(1_000_000));
    assert!(pull(&bench, &blob).await.unwrap().0 == bytes, "the rest is asked for");
    bench.misbehave_once(Match::get("/blobs/"), Effect::SetHeader("content-length", "4000000".to_owned()));
    assert!(pull(&bench, &blob).await.unwrap().0 == bytes, "all bytes came before the connection broke");
    bench.misbehave_once(Match::get("/blobs/"), Effect::TrailingBytes("more".to_owned()));
    assert_eq!(pull(&bench, &blob).await.unwrap_err().kind(), ErrorKind::Mismatch);
    let encodings: Vec<_> =
        bench.asked().iter().map(|get| get.header("accept-encoding").map(str::to_owned)).collect();
    assert!(encodings.iter().all(|encoding| encoding.as_deref() == Some("identity")), "{encodings:?}");
}

#[tokio::test]
async fn c31_trouble_of_the_storage_service_does_not_slow_the_registry() {
    let storage = Storage::start().await.unwrap();
    let bench = Bench::start(EmbeddedRegistry::builder().storage(&storage), None).await;
    let (_, blob) = seed(&bench);
    storage.slow_down(Times::First(1));
    let repository = bench.repository("a/app", Access::Pull);
    let error = repository.pull_blob(&blob, None).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let limits = bench.client.limits();
    let reads = |host: &str| {
        let found = limits.iter().find(|limit| limit.host == host && limit.kind == RequestKind::Read);
        found.map(|limit| limit.too_much)
    };
    assert_eq!(reads(&storage.host()), Some(1));
    assert_eq!(reads(&bench.server.host()), Some(0));
}
