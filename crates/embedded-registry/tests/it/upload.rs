//! Writing blobs: sessions, chunks, mounts.

use std::time::Duration;

use bytes::Bytes;
use embedded_registry::{Access, EmbeddedRegistry, Grant, Locations, Mounts, Uploads, User, sample};
use http::Method;
use tokio::io::AsyncWriteExt as _;

use crate::bench::{Bench, Reply, send};

const UPLOADS: &str = "/v2/a/app/blobs/uploads/";

async fn patch(bench: &Bench, location: &str, range: Option<&str>, bytes: &Bytes) -> Reply {
    let request = bench.request(Method::PATCH, location).body(bytes.clone());
    let request = match range {
        Some(range) => request.header("content-range", range),
        None => request,
    };
    send(request).await
}

fn closing(location: &str, digest: &str) -> String {
    format!("{location}&digest={digest}")
}

#[tokio::test]
async fn a_blob_goes_up_in_one_put() {
    for (locations, start) in [(Locations::Absolute, "http://127.0.0.1:"), (Locations::Relative, "/v2/")] {
        let bench = Bench::start(EmbeddedRegistry::builder().locations(locations)).await;
        let bytes = sample::layer(1, 100_000);
        let digest = Bench::open().await.server.store().put_blob("x", bytes.clone());
        let session = bench.ask(Method::POST, UPLOADS).await;
        assert_eq!(session.status, 202);
        let location = session.header("location");
        assert!(location.starts_with(start), "{location}");
        let done = bench.put(&closing(location, &digest), "application/octet-stream", bytes.clone()).await;
        assert_eq!((done.status.as_u16(), done.header("docker-content-digest")), (201, digest.as_str()));
        assert_eq!(bench.server.store().blob("a/app", &digest), Some(bytes));
        let put = bench.server.requests().pop().unwrap();
        assert_eq!(
            (put.received_bytes, put.content_type.as_deref()),
            (100_000, Some("application/octet-stream"))
        );
        assert!(put.is_upload_step(&Method::PUT));
    }
}

#[tokio::test]
async fn chunks_must_come_in_order_and_by_the_newest_location() {
    let bench = Bench::open().await;
    let bytes = sample::layer(2, 30);
    let first = bench.ask(Method::POST, UPLOADS).await;
    let one = patch(&bench, first.header("location"), Some("0-9"), &bytes.slice(..10)).await;
    assert_eq!((one.status.as_u16(), one.header("range")), (202, "0-9"));

    let outdated = patch(&bench, first.header("location"), Some("10-19"), &bytes.slice(10..20)).await;
    assert_eq!(outdated.refusal(), (400, "BLOB_UPLOAD_INVALID".to_owned()));
    let gap = patch(&bench, one.header("location"), Some("20-29"), &bytes.slice(20..)).await;
    assert_eq!((gap.status.as_u16(), gap.header("range")), (416, "0-9"));
    let short = patch(&bench, one.header("location"), Some("10-19"), &bytes.slice(10..15)).await;
    assert_eq!(short.refusal(), (400, "SIZE_INVALID".to_owned()));

    let status = bench.get(first.header("location")).await;
    assert_eq!((status.status.as_u16(), status.header("range")), (204, "0-9"));
    assert_eq!(status.header("location"), one.header("location"));
    let rest = patch(&bench, status.header("location"), None, &bytes.slice(10..)).await;
    let digest = Bench::open().await.server.store().put_blob("x", bytes.clone());
    let done = bench.ask(Method::PUT, &closing(rest.header("location"), &digest)).await;
    assert_eq!(done.status, 201);
    assert_eq!(bench.server.store().blob("a/app", &digest), Some(bytes));
}

#[tokio::test]
async fn wrong_bytes_end_the_session() {
    let bench = Bench::open().await;
    let session = bench.ask(Method::POST, UPLOADS).await;
    let location = closing(session.header("location"), &format!("sha256:{}", "0".repeat(64)));
    assert_eq!(bench.put(&location, "x/y", "wrong").await.refusal(), (400, "DIGEST_INVALID".to_owned()));
    assert_eq!(bench.server.store().open_uploads(), 0);
    let gone = bench.get(session.header("location")).await;
    assert_eq!(gone.refusal(), (404, "BLOB_UPLOAD_UNKNOWN".to_owned()));
}

#[tokio::test]
async fn sessions_belong_to_a_repository_and_can_be_cancelled() {
    let bench = Bench::open().await;
    let session = bench.ask(Method::POST, &format!("{UPLOADS}?digest=sha256:1")).await;
    assert_eq!((session.status.as_u16(), bench.server.store().open_uploads()), (202, 1));
    let elsewhere = session.header("location").replace("/a/app/", "/b/app/");
    assert_eq!(bench.get(&elsewhere).await.status, 404);
    assert_eq!(bench.ask(Method::DELETE, session.header("location")).await.status, 204);
    assert_eq!(bench.server.store().open_uploads(), 0);
}

#[tokio::test]
async fn of_a_body_that_breaks_off_the_session_keeps_what_came() {
    let bench = Bench::open().await;
    let session = bench.ask(Method::POST, UPLOADS).await;
    let location = session.header("location").to_owned();
    let path = location.split_once("/v2/").unwrap().1;
    let mut stream = tokio::net::TcpStream::connect(bench.server.address()).await.unwrap();
    let head = format!("PATCH /v2/{path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&[7; 400]).await.unwrap();
    for _ in 0..100 {
        if bench.server.requests().last().unwrap().received_bytes == 400 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(stream);
    let status = bench.get(&location).await;
    assert_eq!(status.header("range"), "0-399");
    let rest = patch(&bench, status.header("location"), Some("400-999"), &vec![7; 600].into()).await;
    assert_eq!((rest.status.as_u16(), rest.header("range")), (202, "0-999"));
    let broken = &bench.server.requests()[1];
    // 400 or no answer at all, depending on timing: the client has disconnected and does not read it.
    assert!(broken.received_bytes == 400 && matches!(broken.status, 0 | 400), "{broken:?}");
}

#[tokio::test]
async fn chunks_can_be_refused() {
    let bench = Bench::start(EmbeddedRegistry::builder().uploads(Uploads::MonolithicOnly)).await;
    let session = bench.ask(Method::POST, UPLOADS).await;
    let refused = patch(&bench, session.header("location"), None, &Bytes::from_static(b"x")).await;
    assert_eq!(refused.refusal(), (405, "UNSUPPORTED".to_owned()));
}

#[tokio::test]
async fn a_mount_needs_the_blob_in_the_other_repository_which_may_be_the_same() {
    for (mounts, expected) in [(Mounts::Accepted, [201, 201, 202]), (Mounts::Declined, [202; 3])] {
        let bench = Bench::start(EmbeddedRegistry::builder().mounts(mounts)).await;
        let digest = bench.server.store().put_blob("a/base", "bytes");
        let mut statuses = Vec::new();
        for from in ["a/base", "a/app", "a/none"] {
            let reply = bench.ask(Method::POST, &format!("{UPLOADS}?mount={digest}&from={from}")).await;
            statuses.push(reply.status.as_u16());
        }
        assert_eq!(statuses, expected);
        assert!(bench.server.requests().iter().all(embedded_registry::LoggedRequest::is_mount));
    }
}

#[tokio::test]
async fn a_mount_from_where_one_may_not_read_is_an_upload() {
    let user = User::new("u", "p", vec![Grant::push("a/*")]);
    let bench = Bench::start(EmbeddedRegistry::builder().access(Access::Basic(vec![user]))).await;
    let digest = bench.server.store().put_blob("secret/base", "bytes");
    let address = format!("{UPLOADS}?mount={digest}&from=secret/base");
    let reply = send(bench.request(Method::POST, &address).basic_auth("u", Some("p"))).await;
    assert_eq!(reply.status, 202);
    assert_eq!(bench.server.store().blob_count("a/app"), 0);
}
