//! Pushes of manifests.

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Match, Referrers};
use http::Method;
use oci::{ErrorKind, MediaType, RawManifest, TagOrDigest};
use registry::{Access, Repository, SubjectIndexed};

use crate::bench::{Bench, digest, tag};

fn referrer_of(bench: &Bench, repository: &str) -> RawManifest {
    let image = sample::image(bench.server.store(), repository, None, Flavour::Oci, &[], "amd64");
    let referrer = sample::referrer(bench.server.store(), "scratch", &image, "a/sbom", &[]);
    bench.server.store().put_blob(repository, "{}");
    let stored = bench.server.store().manifest("scratch", &referrer.digest).unwrap();
    RawManifest::from_answer(&MediaType::OCI_MANIFEST, stored.bytes, None).unwrap()
}

async fn push(repository: &Repository, manifest: &RawManifest) -> SubjectIndexed {
    let reference = TagOrDigest::Digest(manifest.digest().clone());
    repository.push_manifest(&reference, manifest).await.unwrap().subject
}

#[tokio::test]
async fn c51_by_digest_and_by_tag() {
    let bench = Bench::open().await;
    let image = sample::image(bench.server.store(), "a/app", None, Flavour::Oci, &[], "amd64");
    let repository = bench.repository("a/app", Access::PullPush);
    let by_digest = TagOrDigest::Digest(digest(&image.digest));
    let manifest = repository.pull_manifest(&by_digest).await.unwrap();
    assert_eq!(push(&repository, &manifest).await, SubjectIndexed::NoSubject);
    repository.push_manifest(&tag("v1"), &manifest).await.unwrap();
    assert_eq!(bench.server.store().tags("a/app"), ["v1"]);
    let puts: Vec<_> = bench.lines().into_iter().filter(|line| line.starts_with("PUT")).collect();
    let expected = [image.digest.as_str(), "v1"].map(|name| format!("PUT /v2/a/app/manifests/{name} 201"));
    assert_eq!(puts, expected);
}

#[tokio::test]
async fn c52_who_keeps_the_list_of_referrers_is_told() {
    let bench = Bench::open().await;
    let referrer = referrer_of(&bench, "a/app");
    assert_eq!(
        push(&bench.repository("a/app", Access::PullPush), &referrer).await,
        SubjectIndexed::ByRegistry
    );
    bench.misbehave(Match::put("/manifests/"), Effect::SetHeader("oci-subject", "sha256:other".to_owned()));
    let other = push(&bench.repository("a/app", Access::PullPush), &referrer).await;
    assert_eq!(other, SubjectIndexed::NotByRegistry);

    let bench = Bench::start(EmbeddedRegistry::builder().referrers(Referrers::Absent), None).await;
    let referrer = referrer_of(&bench, "a/app");
    assert_eq!(
        push(&bench.repository("a/app", Access::PullPush), &referrer).await,
        SubjectIndexed::NotByRegistry
    );
}

#[tokio::test]
async fn c52_a_missing_subject_is_legal() {
    let bench = Bench::open().await;
    let referrer = referrer_of(&bench, "a/app");
    bench.server.store().put_blob("b/app", "{}");
    assert_eq!(
        push(&bench.repository("b/app", Access::PullPush), &referrer).await,
        SubjectIndexed::ByRegistry
    );
}

#[tokio::test]
async fn c54_an_immutable_tag_is_recognised() {
    let bench = Bench::open().await;
    let image = sample::image(bench.server.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    let repository = bench.repository("a/app", Access::PullPush);
    let manifest = repository.pull_manifest(&TagOrDigest::Digest(digest(&image.digest))).await.unwrap();
    let words = "Failed to process request due to 'a/app:v1' configured as immutable.";
    bench.misbehave(Match::put("/manifests/"), Effect::refuse(412, "PRECONDITION", words));
    let error = repository.push_manifest(&tag("v1"), &manifest).await.unwrap_err();
    assert!(error.is_immutable_tag() && !error.is_retryable(), "{error}");
}

#[tokio::test]
async fn c53_content_that_is_missing_is_told() {
    let bench = Bench::open().await;
    let image =
        sample::image(bench.server.store(), "a/app", None, Flavour::Oci, &[sample::layer(1, 9)], "amd64");
    let manifest = bench.repository("a/app", Access::Pull);
    let manifest = manifest.pull_manifest(&TagOrDigest::Digest(digest(&image.digest))).await.unwrap();
    let error = bench.repository("b/app", Access::PullPush).push_manifest(&tag("v1"), &manifest).await;
    assert!(error.unwrap_err().misses_content());
}

#[tokio::test]
async fn c09_what_is_too_large_for_the_target_is_refused_for_good() {
    let bench = Bench::open().await;
    let body = format!(r#"{{"manifests":[]{}}}"#, " ".repeat(4 << 20));
    let manifest = RawManifest::from_answer(&MediaType::OCI_INDEX, body.into(), None).unwrap();
    let repository = bench.repository("a/app", Access::PullPush);
    let page = "<html>413 Request Entity Too Large</html>".to_owned();
    bench.misbehave_once(
        Match::new(Method::PUT, "/manifests/"),
        Effect::Status { code: 413, body: page, headers: Vec::new() },
    );
    let error = repository.push_manifest(&tag("big"), &manifest).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::TooLarge, false));
}
