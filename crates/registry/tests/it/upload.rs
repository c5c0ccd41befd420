//! Uploads in the shapes that registries want, and uploads that break.

use std::time::Duration;

use bytes::Bytes;
use embedded_registry::{
    Access as ServerAccess, BrokenUploads, Builder, EarlyCreated, Effect, EmbeddedRegistry, Grant,
    LargeBodies, LoggedRequest, Match, Mounts, TokenAccess, UploadAnnex, UploadRanges, UploadStatus, Uploads,
    User, sample,
};
use http::Method;
use oci::{Digest, ErrorKind};
use registry::{Access, Error, Patience, Registry, Start};

use crate::bench::{Bench, digest, patient_client, push_blob};

const MIB: usize = 1 << 20;

async fn push_with(client: &Registry, bytes: &Bytes) -> Result<Digest, Error> {
    push_blob(&client.repository(&"a/app".parse().unwrap(), Access::PullPush), bytes).await
}

/// Sends a blob of this size; the registry must have it then.
async fn push(bench: &Bench, size: usize) -> Vec<LoggedRequest> {
    bench.server.clear_requests();
    let bytes = sample::layer(5, size);
    let digest = push_with(&bench.client, &bytes).await.unwrap();
    assert!(bench.server.store().blob("a/app", &digest.to_string()) == Some(bytes));
    bench.asked()
}

async fn bench(knobs: impl FnOnce(Builder) -> Builder) -> Bench {
    Bench::start(knobs(EmbeddedRegistry::builder()), None).await
}

fn by(requests: &[LoggedRequest], method: &Method) -> Vec<LoggedRequest> {
    requests.iter().filter(|request| request.method == *method).cloned().collect()
}

/// The body bytes that the registry received, in all requests together.
fn received(requests: &[LoggedRequest]) -> u64 {
    requests.iter().map(|request| request.received_bytes).sum()
}

fn refused(code: u16) -> Effect {
    Effect::refuse(code, "UNSUPPORTED", "not here")
}

#[tokio::test]
async fn c34_c35_a_session_is_opened_without_a_body_and_filled_with_octets() {
    let bench = Bench::open().await;
    let requests = push(&bench, 17 * MIB).await;
    assert_eq!(by(&requests, &Method::POST)[0].header("content-length"), Some("0"));
    let patches = by(&requests, &Method::PATCH);
    assert_eq!(patches.len(), 1);
    assert_eq!(patches[0].header("content-type"), Some("application/octet-stream"));
    assert_eq!(patches[0].header("content-length").unwrap(), (17 * MIB).to_string());
    assert_eq!(
        patches[0].header("content-range"),
        None,
        "one stream needs no range: GHCR refuses large ones"
    );
}

#[tokio::test]
async fn c35_c41_c42_a_413_leads_to_chunks_that_are_halved_until_they_fit() {
    for refusal in [LargeBodies::Answered, LargeBodies::Reset] {
        let limit = if refusal == LargeBodies::Answered { 5 * MIB } else { MIB };
        let bench = bench(|builder| builder.largest_body(limit, refusal)).await;
        let size = 20 * MIB + 123;
        let requests = push(&bench, size).await;
        let patches: Vec<_> =
            by(&requests, &Method::PATCH).into_iter().filter(|patch| patch.status == 202).collect();
        let chunk = if refusal == LargeBodies::Answered { 4 * MIB } else { MIB };
        assert_eq!(patches.len(), size.div_ceil(chunk), "{refusal:?}");
        let mut next = 0;
        for patch in &patches {
            let (first, last) = patch.header("content-range").unwrap().split_once('-').unwrap();
            let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
            assert_eq!(first, next, "in order, inclusive, without a unit");
            assert_eq!(patch.header("content-length").unwrap(), (last - first + 1).to_string());
            next = last + 1;
        }
        assert_eq!(next, size);
        if refusal == LargeBodies::Answered {
            let second = push(&bench, 9 * MIB).await;
            assert!(second.iter().all(|request| request.status != 413), "learned: {:?}", bench.lines());
        }
    }
}

#[tokio::test]
async fn c42_a_registry_that_takes_nothing_is_told_with_its_status() {
    let bench = bench(|builder| builder.largest_body(MIB / 2, LargeBodies::Answered)).await;
    let error = push_with(&bench.client, &sample::layer(5, 3 * MIB)).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 413);
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn c36_chunks_are_not_smaller_than_the_registry_wants() {
    let bench =
        bench(|builder| builder.smallest_chunk(5 * MIB).largest_body(6 * MIB, LargeBodies::Answered)).await;
    let requests = push(&bench, 18 * MIB).await;
    let lengths: Vec<usize> = by(&requests, &Method::PATCH)
        .iter()
        .filter(|patch| patch.status == 202)
        .map(|patch| patch.header("content-length").unwrap().parse().unwrap())
        .collect();
    assert!(lengths[..lengths.len() - 1].iter().all(|length| *length >= 5 * MIB), "{lengths:?}");
}

#[tokio::test]
async fn c33_c37_c39_a_broken_patch_goes_on_from_what_the_registry_has() {
    let bench = Bench::open().await;
    bench.misbehave_once(Match::patch("/uploads/"), Effect::CutRequestAfter(12 * MIB));
    let size = 40 * MIB;
    let requests = push(&bench, size).await;
    assert_eq!(by(&requests, &Method::GET).len(), 1, "one look at the session: {:?}", bench.lines());
    assert_eq!(by(&requests, &Method::POST).len(), 1, "no new session");
    let twice = received(&requests) - size as u64;
    assert!(twice < MIB as u64, "only what was on its way when it broke: {twice}");
    let second = &by(&requests, &Method::PATCH)[1];
    assert!(second.header("content-range").unwrap().starts_with(&format!("{}-", 12 * MIB)));
}

#[tokio::test]
async fn c42_one_connection_that_breaks_early_leaves_a_blob_in_one_body() {
    for loses in [false, true] {
        let bench =
            bench(|builder| if loses { builder.broken_uploads(BrokenUploads::LoseBytes) } else { builder })
                .await;
        // With something at the registry each time, no number of breaks is a sign of a limit.
        let breaks = if loses { 1 } else { 2 };
        bench.server.misbehave(embedded_registry::Fault {
            when: Match::patch("/uploads/"),
            times: embedded_registry::Times::First(breaks),
            effect: Effect::CutRequestAfter(MIB),
        });
        let requests = push(&bench, 40 * MIB).await;
        assert_eq!(by(&requests, &Method::PATCH).len(), breaks + 1, "{loses}: {:?}", bench.lines());
    }
}

#[tokio::test]
async fn c38_offsets_that_cannot_be_right_are_not_believed() {
    for ranges in [UploadRanges::LastChunk, UploadRanges::Stuck, UploadRanges::Missing] {
        let bench =
            bench(|builder| builder.upload_ranges(ranges).largest_body(6 * MIB, LargeBodies::Answered));
        let bench = bench.await;
        // First, so that the registry's chunk size is learned.
        push(&bench, 17 * MIB).await;
        bench.misbehave(Match::patch("/uploads/"), Effect::Delay(Duration::ZERO));
        bench.server.behave();
        bench.server.misbehave(embedded_registry::Fault {
            when: Match::patch("/uploads/"),
            times: embedded_registry::Times::After(2, 1),
            effect: Effect::CutRequestAfter(MIB),
        });
        let requests = push(&bench, 20 * MIB).await;
        assert!(by(&requests, &Method::PATCH).len() > 5, "{ranges:?} {:?}", bench.lines());
    }
}

#[tokio::test]
async fn c37_c39_c43_a_session_that_cannot_be_asked_or_is_gone_is_left_for_a_new_one() {
    type Knob = fn(Builder) -> Builder;
    let knobs: [(&str, Knob); 4] = [
        ("404 to status", |builder| builder.upload_status(UploadStatus::NotFound)),
        ("405 to status", |builder| builder.upload_status(UploadStatus::NotAllowed)),
        ("session lost", |builder| builder.broken_uploads(BrokenUploads::LoseSession)),
        ("bytes lost", |builder| builder.broken_uploads(BrokenUploads::LoseBytes)),
    ];
    for (name, knob) in knobs {
        let bench = bench(knob).await;
        bench.misbehave_once(Match::patch("/uploads/"), Effect::CutRequestAfter(12 * MIB));
        let requests = push(&bench, 20 * MIB).await;
        if name == "bytes lost" {
            assert_eq!(by(&requests, &Method::POST).len(), 1, "{name}: it says so, and the session is used");
        } else {
            assert_eq!(by(&requests, &Method::POST).len(), 2, "{name}");
            assert_eq!(by(&requests, &Method::DELETE).len(), 1, "{name}: the old one is cancelled");
        }
        assert_eq!(bench.server.store().open_uploads(), 0, "{name}");
    }
}

#[tokio::test]
async fn c39_when_only_the_answer_got_lost_nothing_is_sent_again() {
    for size in [MIB, 17 * MIB] {
        let bench = Bench::open().await;
        bench.misbehave_once(Match::put("/uploads/"), Effect::LoseAnswer);
        let requests = push(&bench, size).await;
        assert_eq!(received(&requests), size as u64);
        assert_eq!(by(&requests, &Method::HEAD).len(), 1, "the blob is asked for: {:?}", bench.lines());
        assert_eq!(by(&requests, &Method::POST).len(), 1);
    }
    // The last byte was sent in a PATCH whose answer is missing: the session knows that.
    let bench = Bench::open().await;
    bench.misbehave_once(Match::patch("/uploads/"), Effect::LoseAnswer);
    let requests = push(&bench, 17 * MIB).await;
    assert_eq!(received(&requests), 17 * MIB as u64);
}

#[tokio::test]
async fn c40_created_after_a_patch_needs_no_put() {
    let bench = bench(|builder| builder.early_created(EarlyCreated::EveryPatch)).await;
    let requests = push(&bench, 17 * MIB).await;
    assert_eq!(by(&requests, &Method::PUT), [], "{:?}", bench.lines());
}

#[tokio::test]
async fn c40_other_successes_are_successes() {
    for (patch, put) in [(200, 200), (204, 204), (201, 201)] {
        let bench = bench(|builder| builder.patch_status(patch).put_status(put)).await;
        for size in [MIB, 17 * MIB] {
            push(&bench, size).await;
        }
    }
}

#[tokio::test]
async fn c41_a_registry_without_patch_gets_everything_in_one_put() {
    let bench = bench(|builder| builder.uploads(Uploads::MonolithicOnly)).await;
    let requests = push(&bench, 17 * MIB).await;
    assert_eq!(by(&requests, &Method::PATCH).len(), 1);
    assert_eq!(by(&requests, &Method::PUT).len(), 1);
    let again = push(&bench, 18 * MIB).await;
    assert_eq!(by(&again, &Method::PATCH), [], "learned");
}

#[tokio::test]
async fn c41_who_refuses_large_ranges_or_overwrites_gets_the_blob_in_one_go() {
    for uploads in [Uploads::Resumable, Uploads::SingleStream] {
        let bench = bench(|builder| {
            let builder = builder.uploads(uploads);
            if uploads == Uploads::Resumable { builder.largest_chunk(4 * MIB) } else { builder }
        });
        let bench = bench.await;
        bench.misbehave_once(Match::patch("/uploads/"), Effect::CutRequestAfter(9 * MIB));
        let requests = push(&bench, 20 * MIB).await;
        assert_eq!(by(&requests, &Method::POST).len(), 2, "{uploads:?} {:?}", bench.lines());
    }
}

#[tokio::test]
async fn c29_an_upload_that_is_sent_elsewhere_goes_there_without_the_login() {
    let users = vec![User::new("u", "p", vec![Grant::push("*")])];
    let access = ServerAccess::Token(TokenAccess::harbor(users));
    let builder = EmbeddedRegistry::builder().upload_annex(UploadAnnex::Present).access(access);
    let bench = Bench::start(builder, Some(("u", "p"))).await;
    let requests = push(&bench, 17 * MIB).await;
    let annex = bench.server.annex().unwrap().to_string();
    let elsewhere: Vec<_> =
        requests.iter().filter(|request| request.header("host") == Some(&annex)).collect();
    assert!(!elsewhere.is_empty(), "{:?}", bench.lines());
    assert!(
        elsewhere.iter().all(|request| request.authorization == embedded_registry::Authorization::Absent)
    );
}

#[tokio::test]
async fn c44_a_registry_that_stores_another_blob_is_told_on() {
    let bench = Bench::open().await;
    bench.misbehave(Match::put("/uploads/"), Effect::WrongDigestHeader);
    let error = push_with(&bench.client, &sample::layer(5, 1000)).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Protocol, false));
}

#[tokio::test]
async fn c25_an_upload_that_nobody_reads_is_replaced() {
    let bench = Bench::open().await;
    let patience = Patience { upload: Duration::from_millis(300), ..Patience::default() };
    let client = patient_client(&bench.server.host(), None, patience);
    bench.misbehave_once(Match::patch("/uploads/"), Effect::StallRequestAfter(MIB));
    let bytes = sample::layer(5, 40 * MIB);
    let digest = push_with(&client, &bytes).await.unwrap();
    assert!(bench.server.store().blob("a/app", &digest.to_string()) == Some(bytes));
}

#[tokio::test]
async fn c79_a_login_that_ends_in_mid_upload_is_renewed_at_the_same_offset() {
    let users = vec![User::new("u", "p", vec![Grant::push("*")])];
    let access = ServerAccess::Token(TokenAccess::harbor(users));
    let builder = EmbeddedRegistry::builder().access(access).largest_body(6 * MIB, LargeBodies::Answered);
    let bench = Bench::start(builder, Some(("u", "p"))).await;
    push(&bench, 17 * MIB).await;
    bench.server.misbehave(embedded_registry::Fault {
        when: Match::patch("/uploads/"),
        times: embedded_registry::Times::After(2, 1),
        effect: Effect::Unauthorized,
    });
    let requests = push(&bench, 20 * MIB).await;
    assert_eq!(by(&requests, &Method::POST).len(), 1, "the same session: {:?}", bench.lines());
    let taken: Vec<_> =
        by(&requests, &Method::PATCH).into_iter().filter(|patch| patch.status == 202).collect();
    assert_eq!(received(&taken), 20 * MIB as u64, "no chunk twice");
}

#[tokio::test]
async fn c49_whatever_a_registry_says_to_a_mount_the_upload_goes_on() {
    let blob = Digest::sha256(b"x");
    for status in [400, 404, 405, 500, 503] {
        let bench = Bench::open().await;
        bench.misbehave(Match::post("mount="), refused(status));
        let repository = bench.repository("a/app", Access::PullPush);
        let start = repository.mount_or_start_upload(&blob, &"a/base".parse().unwrap()).await.unwrap();
        assert!(matches!(start, Start::Session(_)), "{status}");
    }
}

#[tokio::test]
async fn c48_a_mount_that_is_refused_for_want_of_rights_is_not_asked_for_again() {
    let bench = Bench::open().await;
    bench.misbehave(Match::post("mount="), Effect::refuse(403, "DENIED", "no"));
    let repository = bench.repository("a/app", Access::PullPush);
    for _ in 0..3 {
        let from = "a/base".parse().unwrap();
        let start = repository.mount_or_start_upload(&Digest::sha256(b"x"), &from).await.unwrap();
        assert!(matches!(start, Start::Session(_)));
    }
    let mounts = || bench.asked().iter().filter(|post| post.parameter("mount").is_some()).count();
    assert_eq!(mounts(), 1, "{:?}", bench.lines());
    repository.mount_or_start_upload(&Digest::sha256(b"x"), &"b/base".parse().unwrap()).await.unwrap();
    assert_eq!(mounts(), 2, "e13: what one repository refuses another may allow");
}

#[tokio::test]
async fn c47_no_mount_without_a_name_where_it_is_not_known_to_work() {
    let bench = bench(|builder| builder.mounts(Mounts::Accepted)).await;
    let blob = digest(&bench.server.store().put_blob("a/base", sample::layer(1, 1000)));
    let start = bench.repository("a/app", Access::PullPush).start_upload_of(&blob).await.unwrap();
    assert!(matches!(start, Start::Session(_)));
    assert_eq!(bench.asked()[0].query, None);
}

#[tokio::test]
async fn c39_bytes_that_are_sent_again_and_again_are_no_progress() {
    let bench = bench(|builder| builder.largest_body(MIB, LargeBodies::Answered)).await;
    // As behind a load balancer whose registries don't know each other's sessions.
    let unknown = || Effect::refuse(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
    bench.misbehave(Match::get("/blobs/uploads/"), unknown());
    bench.misbehave(Match::put("/blobs/uploads/"), unknown());
    let error = push_with(&bench.client, &sample::layer(1, 3 * MIB)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}
