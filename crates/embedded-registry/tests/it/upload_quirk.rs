//! Uploads with particular registries' quirks.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use embedded_registry::{
    Access, BrokenUploads, Builder, EarlyCreated, Effect, EmbeddedRegistry, Fault, LargeBodies, Locations,
    Match, SinglePost, Times, UploadAnnex, UploadRanges, UploadStatus, Uploads, sample,
};
use http::{HeaderValue, Method};
use hyper::body::Frame;

use crate::bench::{Bench, Reply, send};

const UPLOADS: &str = "/v2/a/app/blobs/uploads/";

fn builder() -> Builder {
    EmbeddedRegistry::builder()
}

async fn open(bench: &Bench) -> String {
    bench.ask(Method::POST, UPLOADS).await.header("location").to_owned()
}

/// A chunk with its `Content-Range`.
async fn chunk(bench: &Bench, location: &str, first: usize, bytes: &Bytes) -> Reply {
    let range = format!("{first}-{}", first + bytes.len() - 1);
    send(bench.request(Method::PATCH, location).header("content-range", range).body(bytes.clone())).await
}

fn closing(location: &str, bytes: &Bytes) -> String {
    let digest = digest(bytes);
    let separator = if location.contains('?') { '&' } else { '?' };
    format!("{location}{separator}digest={digest}")
}

fn digest(bytes: &Bytes) -> String {
    use sha2::Digest as _;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}

#[tokio::test]
async fn a_small_chunk_may_only_be_the_last() {
    let bench = Bench::start(builder().smallest_chunk(10)).await;
    let session = bench.ask(Method::POST, UPLOADS).await;
    assert_eq!(session.header("oci-chunk-min-length"), "10");
    let bytes = sample::layer(1, 25);
    let whole = chunk(&bench, session.header("location"), 0, &bytes.slice(..10)).await;
    let small = chunk(&bench, whole.header("location"), 10, &bytes.slice(10..15)).await;
    assert_eq!(small.status, 202, "it might have been the last");
    let next = chunk(&bench, small.header("location"), 15, &bytes.slice(15..)).await;
    assert_eq!(next.refusal(), (400, "SIZE_INVALID".to_owned()));
    let done = bench.ask(Method::PUT, &closing(small.header("location"), &bytes.slice(..15))).await;
    assert_eq!(done.status, 201);
}

#[tokio::test]
async fn a_proxy_refuses_large_bodies_before_it_has_read_them() {
    let bench = Bench::start(builder().largest_body(1000, LargeBodies::Answered)).await;
    let location = open(&bench).await;
    let refused = bench.put(&closing(&location, &Bytes::new()), "x/y", vec![0; 1001]).await;
    assert_eq!((refused.status.as_u16(), refused.header("content-type")), (413, "text/html"));
    assert_eq!(refused.header("connection"), "close");
    assert!(refused.body.starts_with(b"<html>"));
    let fitting = sample::layer(1, 1000);
    assert_eq!(bench.put(&closing(&location, &fitting), "x/y", fitting).await.status, 201);
}

#[tokio::test]
async fn a_proxy_refuses_large_bodies_of_unknown_length_on_the_way() {
    let bench = Bench::start(builder().largest_body(1000, LargeBodies::Answered)).await;
    let location = open(&bench).await;
    let mut statuses = Vec::new();
    for size in [1001, 1000] {
        let body = reqwest::Body::wrap(Pieces(vec![sample::layer(1, size - 1), sample::layer(2, 1)]));
        let request = bench.request(Method::PATCH, &location).body(body);
        statuses.push(send(request).await.status.as_u16());
    }
    assert_eq!(statuses, [413, 202], "the registry never heard of the first");
}

#[tokio::test]
async fn a_proxy_may_reset_the_connection_instead() {
    let bench = Bench::start(builder().largest_body(1000, LargeBodies::Reset)).await;
    let location = open(&bench).await;
    let request = bench.request(Method::PUT, &closing(&location, &Bytes::new())).body(vec![0; 5000]);
    assert!(request.send().await.is_err());
    assert_eq!(bench.server.requests().last().unwrap().status, 0);
}

#[tokio::test]
async fn only_what_is_called_a_chunk_may_be_too_large_a_chunk() {
    let bench = Bench::start(builder().largest_chunk(10)).await;
    let location = open(&bench).await;
    let bytes = sample::layer(1, 11);
    let refused = chunk(&bench, &location, 0, &bytes).await;
    assert_eq!(refused.refusal(), (416, "REQUESTED_RANGE_NOT_SATISFIABLE".to_owned()));
    let stream = send(bench.request(Method::PATCH, &location).body(bytes)).await;
    assert_eq!(stream.status, 202);
}

#[tokio::test]
async fn a_second_patch_may_overwrite_the_first() {
    let bench = Bench::start(builder().uploads(Uploads::SingleStream)).await;
    let bytes = sample::layer(1, 20);
    let one = chunk(&bench, &open(&bench).await, 0, &bytes.slice(..10)).await;
    let two = chunk(&bench, one.header("location"), 10, &bytes.slice(10..)).await;
    assert_eq!(two.status, 202);
    let done = bench.ask(Method::PUT, &closing(two.header("location"), &bytes)).await;
    assert_eq!(done.refusal(), (400, "DIGEST_INVALID".to_owned()));
}

#[tokio::test]
async fn a_put_with_much_in_it_may_be_refused() {
    let bench = Bench::start(builder().uploads(Uploads::ChunksOnly(10))).await;
    let (location, bytes) = (open(&bench).await, sample::layer(1, 11));
    let refused = bench.put(&closing(&location, &bytes), "x/y", bytes.clone()).await;
    assert_eq!(refused.refusal(), (413, "SIZE_INVALID".to_owned()));
    let patched = chunk(&bench, &location, 0, &bytes).await;
    let put = bench.put(&closing(patched.header("location"), &bytes), "x/y", "").await;
    assert_eq!(put.status, 201);
}

#[tokio::test]
async fn a_patch_may_end_the_upload() {
    let bytes = sample::layer(1, 20);
    let known = EarlyCreated::Digests(vec![digest(&bytes)]);
    for (early, statuses) in [(EarlyCreated::EveryPatch, [201, 404]), (known, [202, 201])] {
        let bench = Bench::start(builder().early_created(early)).await;
        let one = chunk(&bench, &open(&bench).await, 0, &bytes.slice(..10)).await;
        let next = if one.status == 201 {
            UPLOADS.to_owned() + "session-1?_state=x"
        } else {
            one.header("location").to_owned()
        };
        let two = chunk(&bench, &next, 10, &bytes.slice(10..)).await;
        assert_eq!([one.status.as_u16(), two.status.as_u16()], statuses);
        assert_eq!((bench.server.store().blob_count("a/app"), bench.server.store().open_uploads()), (1, 0));
    }
}

#[tokio::test]
async fn ranges_of_sessions_take_four_forms() {
    let rows = [
        (UploadRanges::Whole, ["0-9", "0-14"]),
        (UploadRanges::LastChunk, ["0-9", "10-14"]),
        (UploadRanges::Stuck, ["0-9", "0-9"]),
        (UploadRanges::Missing, ["", ""]),
    ];
    for (ranges, expected) in rows {
        let bench = Bench::start(builder().upload_ranges(ranges)).await;
        let bytes = sample::layer(1, 15);
        let one = chunk(&bench, &open(&bench).await, 0, &bytes.slice(..10)).await;
        let two = chunk(&bench, one.header("location"), 10, &bytes.slice(10..)).await;
        assert_eq!([one.header("range"), two.header("range")], expected, "{ranges:?}");
        assert_eq!(bench.get(two.header("location")).await.header("range"), expected[1]);
    }
}

#[tokio::test]
async fn the_status_of_a_session_may_be_a_secret() {
    for (status, expected) in [(UploadStatus::NotFound, 404), (UploadStatus::NotAllowed, 405)] {
        let bench = Bench::start(builder().upload_status(status)).await;
        assert_eq!(bench.get(&open(&bench).await).await.status, expected);
        assert_eq!(bench.server.store().open_uploads(), 1);
    }
}

#[tokio::test]
async fn what_a_broken_request_leaves() {
    let rows = [
        (BrokenUploads::KeepBytes, 204, "0-13"),
        (BrokenUploads::LoseBytes, 204, "0-9"),
        (BrokenUploads::LoseSession, 404, ""),
    ];
    for (broken, status, range) in rows {
        let bench = Bench::start(builder().broken_uploads(broken)).await;
        let bytes = sample::layer(1, 20);
        let one = chunk(&bench, &open(&bench).await, 0, &bytes.slice(..10)).await;
        let effect = Effect::CutRequestAfter(4);
        bench.server.misbehave(Fault { when: Match::patch("/uploads/"), times: Times::First(1), effect });
        let request = bench.request(Method::PATCH, one.header("location")).body(bytes.slice(10..));
        assert!(request.send().await.is_err());
        let reply = bench.get(one.header("location")).await;
        assert_eq!((reply.status.as_u16(), reply.header("range")), (status, range), "{broken:?}");
    }
}

#[tokio::test]
async fn one_post_may_do() {
    let bench = Bench::start(builder().single_post(SinglePost::Accepted)).await;
    let bytes = sample::layer(1, 20);
    let reply = send(bench.request(Method::POST, &closing(UPLOADS, &bytes)).body(bytes.clone())).await;
    assert_eq!((reply.status.as_u16(), reply.header("docker-content-digest")), (201, &*digest(&bytes)));
    let wrong = send(bench.request(Method::POST, &closing(UPLOADS, &bytes)).body("other")).await;
    assert_eq!(wrong.refusal(), (400, "DIGEST_INVALID".to_owned()));
    assert_eq!(bench.server.store().open_uploads(), 0);
}

#[tokio::test]
async fn locations_take_many_forms() {
    let uploads = |builder: Builder| async {
        let bench = Bench::start(builder).await;
        let slash = open(&bench).await;
        let bare = bench.ask(Method::POST, UPLOADS.trim_end_matches('/')).await;
        (bench, slash, bare.header("location").to_owned())
    };
    let (_, slash, bare) = uploads(builder().locations(Locations::PathRelative)).await;
    let is_relative =
        |location: &str, start: &str| location.starts_with(start) && location.contains("?_state=");
    assert!(is_relative(&slash, "session-"), "{slash}");
    assert!(is_relative(&bare, "uploads/session-"), "{bare}");
    let (_, proxied, _) = uploads(builder().location_origin("https://registry.example:8443/")).await;
    assert!(proxied.starts_with("https://registry.example:8443/v2/a/app/blobs/uploads/"), "{proxied}");
    let (bench, location, _) = uploads(builder().locations(Locations::WithoutQuery)).await;
    assert!(!location.contains('?'), "{location}");
    let bytes = sample::layer(1, 20);
    assert_eq!(chunk(&bench, &location, 0, &bytes).await.status, 202);
    assert_eq!(bench.ask(Method::PUT, &closing(&location, &bytes)).await.status, 201);
}

#[tokio::test]
async fn other_statuses_for_what_is_taken() {
    for status in [200, 204] {
        let bench = Bench::start(builder().patch_status(status).put_status(status)).await;
        let bytes = sample::layer(1, 20);
        let patched = chunk(&bench, &open(&bench).await, 0, &bytes).await;
        let done = bench.ask(Method::PUT, &closing(patched.header("location"), &bytes)).await;
        assert_eq!([patched.status.as_u16(), done.status.as_u16()], [status; 2]);
        assert_eq!(bench.server.store().blob("a/app", &digest(&bytes)), Some(bytes));
    }
}

#[tokio::test]
async fn uploads_are_sent_elsewhere() {
    let bench = Bench::start(builder().upload_redirect("http://elsewhere.invalid/")).await;
    let location = open(&bench).await;
    let path = location.split_once("/v2/").unwrap().1;
    for method in [Method::PATCH, Method::PUT] {
        let reply = bench.ask(method, &location).await;
        assert_eq!(reply.status, 307);
        assert_eq!(reply.header("location"), format!("http://elsewhere.invalid/v2/{path}"));
    }
}

#[tokio::test]
async fn uploads_are_sent_to_a_second_port_that_wants_no_login() {
    let user = embedded_registry::User::new("u", "p", vec![embedded_registry::Grant::push("*")]);
    let builder = builder().upload_annex(UploadAnnex::Present).access(Access::Basic(vec![user]));
    let bench = Bench::start(builder).await;
    let ask = |method, address: &str| bench.request(method, address).basic_auth("u", Some("p"));
    let session = send(ask(Method::POST, UPLOADS)).await;
    let bytes = sample::layer(1, 20);
    let there = send(ask(Method::PUT, &closing(session.header("location"), &bytes))).await;
    assert_eq!(there.status, 307);
    let annex = bench.server.annex().unwrap().to_string();
    assert!(there.header("location").starts_with(&format!("http://{annex}/v2/")));
    let done = bench.put(there.header("location"), "x/y", bytes.clone()).await;
    assert_eq!(
        (done.status.as_u16(), bench.server.store().blob("a/app", &digest(&bytes))),
        (201, Some(bytes))
    );
    let log = bench.server.requests();
    assert_eq!(
        log.iter().map(|request| request.header("host").unwrap() == annex).collect::<Vec<_>>(),
        [false, false, true]
    );
    let hidden = HeaderValue::from_static("Basic");
    assert_eq!(
        (log[0].headers.get("authorization"), log[2].headers.get("authorization")),
        (Some(&hidden), None)
    );
}

/// A body in pieces, without a known length.
struct Pieces(Vec<Bytes>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.pop().map(|piece| Ok(Frame::data(piece))))
    }
}
