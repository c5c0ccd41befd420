//! Reading blobs.

use embedded_registry::{EmbeddedRegistry, sample};
use http::Method;

use crate::bench::{Bench, send};

#[tokio::test]
async fn a_blob_is_read_whole_in_parts_and_not_at_all() {
    let bench = Bench::open().await;
    let bytes = sample::layer(1, 1000);
    let digest = bench.server.store().put_blob("a/app", bytes.clone());
    let path = format!("/v2/a/app/blobs/{digest}");

    let whole = bench.get(&path).await;
    assert_eq!((whole.status.as_u16(), &whole.body), (200, &bytes));
    assert_eq!(whole.header("docker-content-digest"), digest);
    assert_eq!(whole.header("docker-distribution-api-version"), "registry/2.0");
    assert!(!whole.header("x-request-id").is_empty());

    let head = bench.ask(Method::HEAD, &path.replace(':', "%3A")).await;
    assert_eq!((head.status.as_u16(), head.header("content-length"), head.body.len()), (200, "1000", 0));

    let part = send(bench.request(Method::GET, &path).header("range", "bytes=10-19")).await;
    assert_eq!((part.status.as_u16(), part.header("content-range")), (206, "bytes 10-19/1000"));
    assert_eq!(part.body, bytes.slice(10..20));

    let changed =
        bench.request(Method::GET, &path).header("range", "bytes=10-").header("if-range", "\"other\"");
    assert_eq!(send(changed).await.status, 200);

    let outside = send(bench.request(Method::GET, &path).header("range", "bytes=1000-")).await;
    assert_eq!((outside.status.as_u16(), outside.header("content-range")), (416, "bytes */1000"));

    let log = bench.server.requests();
    assert!(log.iter().all(|request| request.repository() == Some("a/app")));
    assert_eq!(log.iter().map(|request| request.sent_bytes).collect::<Vec<_>>(), [1000, 0, 10, 1000, 0]);
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_words_of_the_specification() {
    let bench = Bench::open().await;
    let digest = bench.server.store().put_blob("a/app", "bytes");
    let elsewhere = bench.get(&format!("/v2/other/blobs/{digest}")).await;
    assert_eq!(elsewhere.refusal(), (404, "BLOB_UNKNOWN".to_owned()));
    assert_eq!(bench.get("/v2/a/app/blobs/sha256:12").await.refusal(), (400, "DIGEST_INVALID".to_owned()));
    assert_eq!(bench.get("/v2/A/tags/list").await.refusal(), (400, "NAME_INVALID".to_owned()));
    let path = format!("/v2/a/app/blobs/{digest}");
    assert_eq!(bench.ask(Method::DELETE, &path).await.status, 202);
    assert_eq!(bench.ask(Method::HEAD, &path).await.status, 404);
    assert_eq!(bench.server.store().blob_count("a/app"), 0);
}

#[tokio::test]
async fn a_registry_on_object_storage_sends_readers_there() {
    let builder = EmbeddedRegistry::builder().blob_redirect("http://storage.invalid/bucket/".to_owned());
    let bench = Bench::start(builder).await;
    let digest = bench.server.store().put_blob("a/app", "bytes");
    for method in [Method::GET, Method::HEAD] {
        let reply = bench.ask(method, &format!("/v2/a/app/blobs/{digest}")).await;
        assert_eq!(reply.status, 307);
        assert_eq!(reply.header("location"), format!("http://storage.invalid/bucket/{digest}"));
    }
}
