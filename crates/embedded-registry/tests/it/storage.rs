//! Blobs that are read in parts, not at all, or from a storage service.

use embedded_registry::{BlobHeads, Builder, EmbeddedRegistry, EntityTags, Ranges, Storage, Times, sample};
use http::Method;

use crate::bench::{Bench, Reply, send};

/// A bench with a blob of a hundred bytes, and its path.
async fn with_blob(builder: Builder) -> (Bench, String) {
    let bench = Bench::start(builder).await;
    let digest = bench.server.store().put_blob("a/app", sample::layer(1, 100));
    (bench, format!("/v2/a/app/blobs/{digest}"))
}

async fn part(bench: &Bench, address: &str, range: &str) -> Reply {
    send(bench.request(Method::GET, address).header("range", range)).await
}

#[tokio::test]
async fn ranges_are_honoured_ignored_refused_and_got_wrong() {
    let rows = [
        (Ranges::Honoured, 206, "bytes 10-19/100", 10..20),
        (Ranges::Ignored, 200, "", 0..100),
        (Ranges::Refused, 416, "bytes */100", 0..0),
        (Ranges::Wrong, 206, "bytes 0-9/100", 0..10),
    ];
    for (ranges, status, told, bytes) in rows {
        let (bench, path) = with_blob(EmbeddedRegistry::builder().ranges(ranges)).await;
        let reply = part(&bench, &path, "bytes=10-19").await;
        assert_eq!((reply.status.as_u16(), reply.header("content-range")), (status, told));
        assert_eq!(reply.body, sample::layer(1, 100).slice(bytes), "{ranges:?}");
        assert_eq!(bench.get(&path).await.body.len(), 100);
    }
}

#[tokio::test]
async fn entity_tags_say_more_or_less() {
    for (entity_tags, start) in
        [(EntityTags::Weak, "W/\"sha256:"), (EntityTags::Missing, ""), (EntityTags::Changing, "\"")]
    {
        let (bench, path) = with_blob(EmbeddedRegistry::builder().entity_tags(entity_tags)).await;
        let first = bench.get(&path).await;
        assert!(
            first.header("etag").starts_with(start) && first.headers.contains_key("etag") != start.is_empty()
        );
        let request = bench.request(Method::GET, &path).header("range", "bytes=10-");
        let again = send(request.header("if-range", first.header("etag"))).await;
        assert_eq!(again.status, 200, "{entity_tags:?}");
        assert_eq!(again.header("etag") == first.header("etag"), entity_tags != EntityTags::Changing);
    }
}

#[tokio::test]
async fn heads_of_blobs_are_refused() {
    let (bench, path) = with_blob(EmbeddedRegistry::builder().blob_heads(BlobHeads::Refused(405))).await;
    assert_eq!(bench.ask(Method::HEAD, &path).await.status, 405);
    assert_eq!(bench.get(&path).await.status, 200);
}

#[tokio::test]
async fn storage_serves_who_has_a_signed_address_and_nothing_else() {
    let storage = Storage::start().await.unwrap();
    let (bench, path) = with_blob(EmbeddedRegistry::builder().storage(&storage).redirect_status(302)).await;
    let redirect = bench.get(&path).await;
    assert_eq!(redirect.status, 302);
    let address = redirect.header("location").to_owned();
    assert!(address.starts_with(&format!("http://{}/", storage.host())) && address.contains("Signature="));
    assert_ne!(bench.ask(Method::HEAD, &path).await.header("location"), address, "signed anew");

    assert_eq!(bench.get(&address).await.body, sample::layer(1, 100));
    let head = bench.ask(Method::HEAD, &address).await;
    assert_eq!((head.status.as_u16(), head.header("content-length")), (200, "100"));
    assert_eq!(part(&bench, &address, "bytes=90-").await.header("content-range"), "bytes 90-99/100");
    storage.set_ranges(Ranges::Ignored);
    assert_eq!(part(&bench, &address, "bytes=90-").await.status, 200);

    let both = send(bench.request(Method::GET, &address).bearer_auth("x")).await;
    assert_eq!((both.status.as_u16(), both.header("content-type")), (400, "application/xml"));
    assert_eq!(bench.get(&address.replace("sig%2F", "sig%2F9")).await.status, 403);
    assert_eq!(bench.put(&address, "x/y", "").await.status, 405);
    let logins: Vec<_> =
        storage.requests().iter().map(|request| request.headers.contains_key("authorization")).collect();
    assert_eq!(logins, [false, false, false, false, true, false, false]);
}

#[tokio::test]
async fn signatures_wear_out_and_expire_and_storage_can_be_too_busy() {
    let storage = Storage::start().await.unwrap();
    let (bench, path) = with_blob(EmbeddedRegistry::builder().storage(&storage)).await;
    storage.limit_uses(1);
    let once = bench.get(&path).await.header("location").to_owned();
    let statuses = [bench.get(&once).await, bench.get(&once).await].map(|reply| reply.status.as_u16());
    assert_eq!(statuses, [200, 403]);
    let unused = bench.get(&path).await.header("location").to_owned();
    storage.expire_all();
    let expired = bench.get(&unused).await;
    assert!(expired.status == 403 && expired.body.ends_with(b"</Error>"));
    storage.slow_down(Times::First(1));
    let busy = bench.get(&unused).await;
    assert_eq!(busy.status, 503);
    assert!(String::from_utf8_lossy(&busy.body).contains("<Code>SlowDown</Code>"));
}
