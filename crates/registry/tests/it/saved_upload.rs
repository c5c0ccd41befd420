//! Uploads and downloads that another process continues.

use bytes::Bytes;
use embedded_registry::{EmbeddedRegistry, sample};
use futures_util::stream;
use oci::{BrokenOff, Digest, HashState, Verifier};
use registry::{Access, BlobBody, SavedUpload};

use crate::bench::{Bench, digest, read_all};

const SIZE: usize = 20 << 20;
const SENT: usize = 18 << 20;

fn body(bytes: &Bytes, from: usize, to: usize, end: Option<BrokenOff>) -> BlobBody {
    let pieces = bytes.slice(from..to).chunks(64 << 10).map(Bytes::copy_from_slice).collect::<Vec<_>>();
    Box::pin(stream::iter(pieces.into_iter().map(Ok).chain(end.map(Err))))
}

/// Sends a part of a blob and breaks off; returns the saved upload.
async fn begin(bench: &Bench, bytes: &Bytes, blob: &Digest) -> SavedUpload {
    let mut session = bench.repository("a/app", Access::PullPush).start_upload().await.unwrap();
    let watch = session.watch(Some(SIZE as u64)).unwrap();
    session.send(blob, Some(SIZE as u64), body(bytes, 0, SENT, Some(BrokenOff))).await.unwrap_err();
    watch.now()
}

#[tokio::test]
async fn an_upload_goes_on_in_another_process() {
    let bench = Bench::open().await;
    let bytes = sample::layer(7, SIZE);
    let blob = Digest::sha256(&bytes);
    let saved = begin(&bench, &bytes, &blob).await;
    let again = bench.repository("a/app", Access::PullPush);
    let mut session = again.reopen_upload(&saved, Some(SIZE as u64)).await.unwrap().unwrap();
    let confirmed = usize::try_from(session.confirmed()).unwrap();
    assert!(confirmed > 0 && confirmed <= SENT, "{confirmed}");
    session.send(&blob, Some(SIZE as u64), body(&bytes, confirmed, SIZE, None)).await.unwrap();
    assert_eq!(bench.server.store().blob("a/app", &blob.to_string()).unwrap(), bytes);
    let bodies: u64 = bench.asked().iter().map(|request| request.received_bytes).sum();
    assert!(bodies <= (SIZE + SENT - confirmed) as u64, "what the registry had is not sent again");
}

#[tokio::test]
async fn an_upload_that_is_gone_is_not_gone_on_with() {
    let bench = Bench::open().await;
    let bytes = sample::layer(7, SIZE);
    let saved = begin(&bench, &bytes, &Digest::sha256(&bytes)).await;
    let other = Bench::start(EmbeddedRegistry::builder(), None).await;
    let reopened = other.repository("a/app", Access::PullPush).reopen_upload(&saved, Some(SIZE as u64)).await;
    assert!(reopened.unwrap().is_none());
    let requests = bench.asked().len();
    let unreadable = SavedUpload::new("ftp://elsewhere/1".into(), 0);
    assert!(
        bench.repository("a/app", Access::PullPush).reopen_upload(&unreadable, None).await.unwrap().is_none()
    );
    assert_eq!(requests, bench.asked().len(), "nothing goes to an address of another kind");
}

#[tokio::test]
async fn who_asks_how_much_is_there_takes_nothing_away() {
    let bench = Bench::open().await;
    let bytes = sample::layer(7, SIZE);
    let saved = begin(&bench, &bytes, &Digest::sha256(&bytes)).await;
    let repository = bench.repository("a/app", Access::PullPush);
    let confirmed = repository.confirmed_of(&saved, Some(SIZE as u64)).await.unwrap().unwrap();
    assert!(confirmed > 0 && confirmed <= SENT as u64, "{confirmed}");
    let again = repository.reopen_upload(&saved, Some(SIZE as u64)).await.unwrap().unwrap();
    assert_eq!(again.confirmed(), confirmed);
    let gone = EmbeddedRegistry::builder();
    let other = Bench::start(gone, None).await.repository("a/app", Access::PullPush);
    assert_eq!(other.confirmed_of(&saved, Some(SIZE as u64)).await.unwrap_or_default(), None);
    assert!(!bench.asked().iter().any(|request| request.method == http::Method::DELETE));
}

#[tokio::test]
async fn a_small_blob_leaves_nothing_to_go_on_with() {
    let bench = Bench::open().await;
    let session = bench.repository("a/app", Access::PullPush).start_upload().await.unwrap();
    assert!(session.watch(Some(1 << 20)).is_none());
}

#[tokio::test]
async fn a_download_goes_on_from_a_kept_state() {
    let bench = Bench::open().await;
    let bytes = sample::layer(7, SIZE);
    let blob = digest(&bench.server.store().put_blob("a/app", bytes.clone()));
    let (hashed, offset) = (8 << 20, 12 << 20);
    let mut verifier = Verifier::new(blob.clone(), Some(SIZE as u64));
    verifier.update(&bytes[..hashed]).unwrap();
    let right = verifier.state();
    let mut wrong = Verifier::new(blob.clone(), Some(SIZE as u64));
    wrong.update(&vec![0; hashed]).unwrap();
    let repository = bench.repository("a/app", Access::Pull);
    let read = async |state: Option<&HashState>| {
        let reader = repository.pull_blob_from(&blob, Some(SIZE as u64), offset as u64, state).await;
        read_all(&mut reader.unwrap()).await.map(|(read, _)| read)
    };
    assert!(read(Some(&right)).await.unwrap() == bytes[offset..]);
    assert_eq!(bench.asked()[0].header("range"), Some("bytes=8388608-"), "what is hashed is not read again");
    assert!(read(None).await.unwrap() == bytes[offset..]);
    assert!(read(Some(&wrong.state())).await.is_err(), "the whole digest counts");
}
