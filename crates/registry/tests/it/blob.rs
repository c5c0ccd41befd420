//! Blobs in both directions.

use bytes::{Bytes, BytesMut};
use embedded_registry::{Effect, EmbeddedRegistry, Match, Mounts, sample};
use futures_util::{StreamExt as _, stream};
use http::Method;
use oci::{BrokenOff, Digest, ErrorKind};
use registry::{Access, Error, Start};

use crate::bench::{Bench, body, digest};

async fn pull(bench: &Bench, of: &Digest, size: u64) -> Result<Bytes, Error> {
    let mut reader = bench.repository("a/app", Access::Pull).pull_blob(of, Some(size)).await?;
    let mut bytes = BytesMut::new();
    while let Some(piece) = reader.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

async fn push(bench: &Bench, bytes: &Bytes) -> Result<Digest, Error> {
    let digest = Digest::sha256(bytes);
    let mut session = bench.repository("a/app", Access::PullPush).start_upload().await?;
    session.send(&digest, Some(bytes.len() as u64), body(bytes)).await?;
    Ok(digest)
}

#[tokio::test]
async fn c05_a_blob_arrives_whole() {
    let bench = Bench::open().await;
    for size in [0, 1, 100_000, 3_000_000] {
        let bytes = sample::layer(7, size);
        let stored = digest(&bench.server.store().put_blob("a/app", bytes.clone()));
        assert_eq!(pull(&bench, &stored, size as u64).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn c05_the_last_piece_is_held_back_when_a_byte_is_wrong() {
    let bench = Bench::open().await;
    let bytes = sample::layer(7, 1_000_000);
    let stored = digest(&bench.server.store().put_blob("a/app", bytes.clone()));
    bench.misbehave(Match::new(Method::GET, "/blobs/"), Effect::CorruptByteAt(999_999));
    let mut reader =
        bench.repository("a/app", Access::Pull).pull_blob(&stored, Some(1_000_000)).await.unwrap();
    let mut given = 0;
    let error = loop {
        match reader.next().await {
            Ok(Some(piece)) => given += piece.len(),
            Ok(None) => panic!("a wrong blob was given whole"),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Mismatch, true));
    assert!(given < 1_000_000, "{given}");
}

#[tokio::test]
async fn c05_more_or_fewer_bytes_than_promised_are_refused() {
    let bench = Bench::open().await;
    let stored = digest(&bench.server.store().put_blob("a/app", sample::layer(7, 1000)));
    assert_eq!(pull(&bench, &stored, 999).await.unwrap_err().kind(), ErrorKind::Mismatch);
    // Too few bytes may come from a broken connection: when asked for the rest, the registry says that there is none.
    assert_eq!(pull(&bench, &stored, 1001).await.unwrap_err().kind(), ErrorKind::Mismatch);
}

#[tokio::test]
async fn p10_a_size_that_is_wrong_by_one_is_an_error_that_names_both() {
    let bench = Bench::open().await;
    let stored = digest(&bench.server.store().put_blob("a/app", sample::layer(7, 1000)));
    for size in [999, 1001] {
        let error = pull(&bench, &stored, size).await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("the descriptor of {stored} says {size} bytes, but 1000 came")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_blob_of_another_length_than_its_descriptor_says_is_asked_for_twice_in_all() {
    for (size, answers) in [(1001, &[200, 416][..]), (999, &[200, 200])] {
        let bench = Bench::open().await;
        let stored = digest(&bench.server.store().put_blob("a/app", sample::layer(7, 1000)));
        bench.server.clear_requests();
        let mut error = pull(&bench, &stored, size).await.unwrap_err();
        if error.is_retryable() {
            error = pull(&bench, &stored, size).await.unwrap_err();
        }
        assert!(!error.is_retryable(), "{error}");
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        let told = format!("says {size} bytes, but 1000 came, also the second time");
        assert!(error.to_string().ends_with(&told), "{error}");
        let asked: Vec<_> = bench.asked().iter().map(|asked| asked.status).collect();
        assert_eq!(asked, answers, "{size}");
        // With the right size, the blob can be read.
        assert_eq!(pull(&bench, &stored, 1000).await.unwrap().len(), 1000);
    }
}

#[tokio::test]
async fn p10_a_blob_that_is_compressed_on_the_way_is_an_error_that_names_the_encoding() {
    let bench = Bench::open().await;
    let text = "text that something on the way compresses";
    let stored = digest(&bench.server.store().put_blob("a/app", text));
    let answers = |body: &str| {
        let headers = vec![("content-encoding", "gzip".to_owned())];
        let effect = Effect::Status { code: 200, body: body.to_owned(), headers };
        bench.misbehave_once(Match::new(Method::GET, "/blobs/"), effect);
    };
    // Shorter, longer, and as long as the descriptor says.
    for compressed in ["\u{1f}short", &"x".repeat(text.len() + 1), &"x".repeat(text.len())] {
        answers(compressed);
        let error = pull(&bench, &stored, text.len() as u64).await.unwrap_err();
        assert!(error.to_string().contains("`Content-Encoding: gzip`"), "{error}");
        assert_eq!(error.kind(), ErrorKind::Mismatch);
    }
    // Bytes with the right digest are right, whatever the header says.
    answers(text);
    assert_eq!(pull(&bench, &stored, text.len() as u64).await.unwrap(), text);
}

#[tokio::test]
async fn a_body_that_is_cut_is_a_passing_failure() {
    let bench = Bench::open().await;
    let stored = digest(&bench.server.store().put_blob("a/app", sample::layer(7, 500_000)));
    bench.misbehave(Match::new(Method::GET, "/blobs/"), Effect::CutBodyAfter(100_000));
    let error = pull(&bench, &stored, 500_000).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Network, true));
}

#[tokio::test]
async fn c32_c33_c34_small_blobs_go_in_one_put_large_ones_in_a_patch() {
    for relative in [false, true] {
        let builder = EmbeddedRegistry::builder();
        let builder = if relative { builder.relative_locations() } else { builder };
        let bench = Bench::start(builder, None).await;
        let small = push(&bench, &sample::layer(1, 100_000)).await.unwrap();
        let methods =
            |bench: &Bench| bench.asked().into_iter().map(|request| request.method).collect::<Vec<_>>();
        assert_eq!(methods(&bench), [Method::POST, Method::PUT]);
        bench.server.clear_requests();
        let large = push(&bench, &sample::layer(2, 17 << 20)).await.unwrap();
        assert_eq!(methods(&bench), [Method::POST, Method::PATCH, Method::PUT]);
        for pushed in [small, large] {
            assert!(bench.server.store().blob("a/app", &pushed.to_string()).is_some());
        }
        assert_eq!(bench.server.store().open_uploads(), 0);
    }
}

#[tokio::test]
async fn c12_an_empty_blob_can_be_sent() {
    let bench = Bench::open().await;
    let empty = push(&bench, &Bytes::new()).await.unwrap();
    assert!(bench.server.store().blob("a/app", &empty.to_string()).is_some());
}

#[tokio::test]
async fn c05_an_upload_that_is_broken_off_is_not_kept_as_a_blob() {
    let bench = Bench::open().await;
    let bytes = sample::layer(3, 200_000);
    let digest = Digest::sha256(&bytes);
    let half = body(&bytes).take(10).chain(stream::iter([Err(BrokenOff)]));
    let mut session = bench.repository("a/app", Access::PullPush).start_upload().await.unwrap();
    let error = session.send(&digest, Some(200_000), Box::pin(half)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(bench.server.store().blob("a/app", &digest.to_string()).is_none());
    session.cancel().await;
    assert_eq!(bench.asked().last().unwrap().method, Method::DELETE, "c43: the session is cancelled");
}

#[tokio::test]
async fn c43_a_cancelled_session_is_gone() {
    let bench = Bench::open().await;
    let session = bench.repository("a/app", Access::PullPush).start_upload().await.unwrap();
    assert_eq!(bench.server.store().open_uploads(), 1);
    session.cancel().await;
    assert_eq!(bench.server.store().open_uploads(), 0);
}

#[tokio::test]
async fn c46_a_mount_is_one_request_and_a_declined_one_is_already_the_upload() {
    let bytes = sample::layer(4, 1000);
    for (mounts, expected) in [(Mounts::Accepted, 1), (Mounts::Declined, 2)] {
        let bench = Bench::start(EmbeddedRegistry::builder().mounts(mounts), None).await;
        let blob = digest(&bench.server.store().put_blob("a/base", bytes.clone()));
        let repository = bench.repository("a/app", Access::PullPush);
        match repository.mount_or_start_upload(&blob, &"a/base".parse().unwrap()).await.unwrap() {
            Start::Mounted => assert_eq!(mounts, Mounts::Accepted),
            Start::Session(mut session) => session.send(&blob, Some(1000), body(&bytes)).await.unwrap(),
        }
        assert_eq!(bench.asked().len(), expected, "{:?}", bench.lines());
        assert_eq!(bench.server.store().blob("a/app", &blob.to_string()), Some(bytes.clone()));
    }
}

#[tokio::test]
async fn c49_a_registry_that_chokes_on_a_mount_gets_a_plain_upload() {
    for status in [400, 404, 405] {
        let bench = Bench::open().await;
        bench.misbehave_once(
            Match::new(Method::POST, "/blobs/uploads/"),
            Effect::refuse(status, "UNSUPPORTED", "no mounts"),
        );
        let repository = bench.repository("a/app", Access::PullPush);
        let blob = Digest::sha256(b"x");
        let start = repository.mount_or_start_upload(&blob, &"a/base".parse().unwrap()).await.unwrap();
        assert!(matches!(start, Start::Session(_)));
        assert!(bench.asked()[1].query.is_none());
    }
}

#[tokio::test]
async fn the_registrys_refusal_of_an_upload_is_told_in_its_words() {
    let bench = Bench::open().await;
    let effect = Effect::refuse(403, "DENIED", "Quota exceeded when processing the request");
    bench.misbehave(Match::new(Method::PUT, "/blobs/uploads/"), effect);
    let error = push(&bench, &sample::layer(1, 10)).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Denied, false));
    assert!(error.to_string().contains("DENIED: Quota exceeded"), "{error}");
}
