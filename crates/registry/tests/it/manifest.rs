//! HEAD, GET and PUT of manifests.

use bytes::Bytes;
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, Match};
use http::Method;
use oci::{Algorithm, ErrorKind, MediaType, RawManifest, TagOrDigest};
use registry::{Access, Error};

use crate::bench::{Bench, digest, tag};

fn seeded(bench: &Bench) -> sample::Sample {
    sample::image(
        bench.server.store(),
        "a/app",
        Some("v1"),
        Flavour::Docker,
        &[sample::layer(1, 100)],
        "amd64",
    )
}

#[tokio::test]
async fn c03_c07_bytes_and_media_type_arrive_as_they_are_and_go_on_so() {
    let bench = Bench::open().await;
    let child = seeded(&bench);
    let index = sample::index(bench.server.store(), "a/app", Some("multi"), Flavour::Docker, &[child]);
    let source = bench.repository("a/app", Access::PullPush);
    let manifest = source.pull_manifest(&tag("multi")).await.unwrap();
    let stored = bench.server.store().manifest("a/app", "multi").unwrap();
    assert_eq!((manifest.bytes(), manifest.digest().to_string()), (&stored.bytes, index.digest));
    assert_eq!(*manifest.media_type(), MediaType::DOCKER_LIST);

    source.push_manifest(&tag("again"), &manifest).await.unwrap();
    assert_eq!(bench.server.store().manifest("a/app", "again").unwrap(), stored);
}

#[tokio::test]
async fn c06_sha512_names_manifests_and_blobs() {
    let bench = Bench::open().await;
    let layer = Bytes::from_static(b"layer");
    let blob = Algorithm::Sha512.digest(&layer);
    let repository = bench.repository("a/app", Access::PullPush);
    let mut session = repository.start_upload().await.unwrap();
    session.send(&blob, Some(5), crate::bench::body(&layer)).await.unwrap();
    assert!(repository.has_blob(&blob).await.unwrap());

    let body = format!(r#"{{"schemaVersion":2,"layers":[{{"digest":"{blob}","size":5}}]}}"#);
    let named = Algorithm::Sha512.digest(body.as_bytes());
    let manifest = RawManifest::from_answer(&MediaType::OCI_MANIFEST, body.into(), Some(&named)).unwrap();
    let reference = TagOrDigest::Digest(named.clone());
    repository.push_manifest(&reference, &manifest).await.unwrap();
    assert_eq!(repository.resolve(&reference).await.unwrap(), Some(named.clone()));
    assert_eq!(*repository.pull_manifest(&reference).await.unwrap().digest(), named);
}

#[tokio::test]
async fn c04_a_manifest_that_is_not_what_was_asked_for_is_refused_for_good() {
    let bench = Bench::open().await;
    let image = seeded(&bench);
    bench.misbehave(Match::new(Method::GET, "/manifests/"), Effect::CorruptByteAt(30));
    let repository = bench.repository("a/app", Access::Pull);
    for reference in [tag("v1"), TagOrDigest::Digest(digest(&image.digest))] {
        let error = repository.pull_manifest(&reference).await.unwrap_err();
        assert!(matches!(error, Error::Manifest { .. }), "{error:?}");
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn c04_a_tag_without_digest_header_is_computed() {
    let bench = Bench::open().await;
    let image = seeded(&bench);
    bench.misbehave(Match::any(), Effect::OmitHeader("docker-content-digest"));
    let repository = bench.repository("a/app", Access::Pull);
    assert_eq!(repository.resolve(&tag("v1")).await.unwrap().unwrap().to_string(), image.digest);
    let methods: Vec<_> = bench.asked().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, [Method::HEAD, Method::GET], "c22: GET only where HEAD does not tell");
}

#[tokio::test]
async fn c22_a_head_of_no_use_is_tried_once() {
    for fault in [
        Effect::OmitHeader("docker-content-digest"),
        Effect::SetHeader("content-length", "0".to_owned()),
        Effect::Status { code: 405, body: String::new(), headers: Vec::new() },
    ] {
        let bench = Bench::open().await;
        let image = seeded(&bench);
        bench.misbehave(Match::head("/manifests/"), fault);
        let repository = bench.repository("a/app", Access::Pull);
        for _ in 0..2 {
            assert_eq!(repository.resolve(&tag("v1")).await.unwrap().unwrap().to_string(), image.digest);
        }
        assert_eq!(repository.resolve(&tag("none")).await.unwrap(), None);
        let methods: Vec<_> = bench.asked().into_iter().map(|request| request.method).collect();
        assert_eq!(methods, [Method::HEAD, Method::GET, Method::GET, Method::GET]);
    }
}

#[tokio::test]
async fn c22_a_registrys_own_404_needs_no_second_question() {
    let bench = Bench::open().await;
    seeded(&bench);
    let repository = bench.repository("a/app", Access::Pull);
    assert_eq!(repository.resolve(&tag("none")).await.unwrap(), None);
    assert_eq!(bench.asked().len(), 1);
}

#[tokio::test]
async fn c04_a_head_that_contradicts_the_digest_is_checked_by_the_bytes() {
    let bench = Bench::open().await;
    let image = seeded(&bench);
    bench.misbehave_once(Match::head("/manifests/"), Effect::WrongDigestHeader);
    let reference = TagOrDigest::Digest(digest(&image.digest));
    let repository = bench.repository("a/app", Access::Pull);
    assert_eq!(repository.resolve(&reference).await.unwrap().unwrap().to_string(), image.digest);
    assert_eq!(bench.asked().len(), 2);
}

#[tokio::test]
async fn c09_a_manifest_without_end_is_not_read_to_its_end() {
    let bench = Bench::open().await;
    bench.server.store().put_manifest("a/app", "big", "application/json", vec![b' '; 9 << 20]);
    let repository = bench.repository("a/app", Access::Pull);
    let error = repository.pull_manifest(&tag("big")).await.unwrap_err();
    assert!(error.to_string().contains("more than 8388608 bytes"), "{error}");
}

#[tokio::test]
async fn c44_a_registry_that_stores_something_else_is_told_on() {
    let bench = Bench::open().await;
    seeded(&bench);
    let repository = bench.repository("a/app", Access::PullPush);
    let manifest = repository.pull_manifest(&tag("v1")).await.unwrap();
    let other = oci::Digest::sha256(b"other").to_string();
    bench
        .misbehave(Match::new(Method::PUT, "/manifests/"), Effect::SetHeader("docker-content-digest", other));
    let error = repository.push_manifest(&tag("v2"), &manifest).await.unwrap_err();
    assert!(error.to_string().contains("stored"), "{error}");
}

#[tokio::test]
async fn c64_refusals_carry_the_registrys_own_words() {
    let bench = Bench::open().await;
    let repository = bench.repository("a/app", Access::Pull);
    let error = repository.pull_manifest(&tag("none")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.has_code("MANIFEST_UNKNOWN") && error.to_string().contains("manifest unknown"), "{error}");
    let Error::Refused(refusal) = error else { panic!() };
    assert!(refusal.request_id.unwrap().starts_with("embedded-"));

    let page = "<html><body><h1>502 Bad Gateway</h1></body></html>";
    let effect = Effect::Status {
        code: 502,
        body: page.to_owned(),
        headers: vec![("content-type", "text/html".to_owned())],
    };
    bench.misbehave(Match::any(), effect);
    let error = repository.resolve(&tag("v1")).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true));
    let error = repository.pull_manifest(&tag("v1")).await.unwrap_err();
    assert!(error.to_string().contains("502 Bad Gateway"), "{error}");
}
