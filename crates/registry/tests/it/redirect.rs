//! Redirects over the wire: which are followed with which body, and which are not.

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Access as Login, Authorization, Effect, EmbeddedRegistry, Grant, Match, User};
use http::Method;
use registry::{Access, Error, TransportFailure};

use crate::bench::{Bench, digest, tag};
use crate::small_server;

/// A registry with a login, and an open one to which it redirects.
async fn benches() -> (Bench, EmbeddedRegistry) {
    let user = Login::Basic(vec![User::new("u", "secret", vec![Grant::push("*")])]);
    let bench = Bench::start(EmbeddedRegistry::builder().access(user), Some(("u", "secret"))).await;
    (bench, EmbeddedRegistry::builder().start().await.unwrap())
}

#[tokio::test]
async fn c27_every_kind_of_redirect_is_followed_by_reads_without_the_login() {
    for status in [301, 302, 303, 307, 308] {
        let (bench, storage) = benches().await;
        sample::image(storage.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
        let to = format!("http://{}/v2/a/app/manifests/v1", storage.host());
        bench.misbehave(Match::path("/manifests/"), Effect::RedirectWith(status, to));
        let repository = bench.repository("a/app", Access::Pull);
        let found = repository.resolve(&tag("v1")).await.unwrap();
        assert_eq!(*repository.pull_manifest(&tag("v1")).await.unwrap().digest(), found.unwrap());
        let asked: Vec<_> =
            storage.requests().into_iter().map(|request| (request.method, request.authorization)).collect();
        assert_eq!(asked, [(Method::HEAD, Authorization::Absent), (Method::GET, Authorization::Absent)]);
    }
}

#[tokio::test]
async fn c29_writes_keep_method_and_body_or_are_refused() {
    let (bench, other) = benches().await;
    let image = sample::image(bench.server.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    sample::image(other.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    let repository = bench.repository("a/app", Access::PullPush);
    let manifest = repository.pull_manifest(&tag("v1")).await.unwrap();
    for status in [307, 308] {
        bench.server.behave();
        let to = format!("http://{}/v2/a/app/manifests/s{status}", other.host());
        bench.misbehave(Match::new(Method::PUT, "/manifests/"), Effect::RedirectWith(status, to));
        repository.push_manifest(&tag("v2"), &manifest).await.unwrap();
        let put = other.requests().pop().unwrap();
        assert_eq!((put.method, put.authorization), (Method::PUT, Authorization::Absent));
        assert_eq!(put.received_bytes, manifest.bytes().len() as u64);
    }
    assert_eq!(manifest.digest().to_string(), image.digest);
    other.clear_requests();
    for status in [301, 302, 303] {
        bench.server.behave();
        let to = format!("http://{}/elsewhere?sig=hidden", other.host());
        bench.misbehave(Match::new(Method::PUT, "/manifests/"), Effect::RedirectWith(status, to));
        let error = repository.push_manifest(&tag("v2"), &manifest).await.unwrap_err();
        assert!(error.to_string().contains("another request than the one that was sent"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
    }
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn c28_metadata_services_are_not_asked_even_for_a_registry_on_this_machine() {
    let bench = Bench::open().await;
    let blob = bench.server.store().put_blob("a/app", "bytes");
    for address in ["169.254.169.254", "100.100.100.200", "[fd00:ec2::254]", "0.0.0.0"] {
        bench.server.behave();
        let to = format!("http://{address}/latest/meta-data?token=hidden");
        bench.misbehave(Match::get("/blobs/"), Effect::Redirect(to));
        let repository = bench.repository("a/app", Access::Pull);
        let error = repository.pull_blob(&digest(&blob), None).await.err().unwrap();
        assert!(matches!(error, Error::Transport { failure: TransportFailure::Inside, .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
    }
}

#[tokio::test]
async fn c30_a_storage_that_does_not_answer_is_named_without_its_signature() {
    let bench = Bench::open().await;
    let blob = bench.server.store().put_blob("a/app", "bytes");
    let to = "http://127.0.0.1:1/bucket/blob?X-Amz-Signature=hidden&X-Amz-Credential=hidden".to_owned();
    bench.misbehave(Match::get("/blobs/"), Effect::Redirect(to));
    let error = bench.repository("a/app", Access::Pull).pull_blob(&digest(&blob), None).await.err().unwrap();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("127.0.0.1:1/bucket/blob?…") && !shown.contains("hidden"), "{shown}");
}

#[tokio::test]
async fn c26_nothing_is_compressed_on_the_way() {
    let (host, asked) = small_server::answering("127.0.0.1", "404 Not Found", "{}");
    let client = crate::bench::client(&host, None);
    let repository = client.repository(&"a/app".parse().unwrap(), Access::Pull);
    repository.resolve(&tag("v1")).await.unwrap();
    repository.pull_manifest(&tag("v1")).await.unwrap_err();
    let lines = asked.lines();
    let requests = lines.iter().filter(|line| line.ends_with("HTTP/1.1")).count();
    let identities = lines.iter().filter(|line| line.as_str() == "accept-encoding: identity").count();
    assert!(requests >= 3, "{lines:?}");
    assert_eq!(requests, identities, "{lines:?}");
}
