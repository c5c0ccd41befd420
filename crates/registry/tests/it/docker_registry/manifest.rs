//! Manifests, tags, the catalog and referrers of docker-registry 2.8.

use bytes::Bytes;
use embedded_registry::sample;
use oci::{Digest, ErrorKind, MediaType, RawManifest, Tag, TagOrDigest, referrers_tag};
use registry::{Catalog, ReferrerFilter, SubjectIndexed};
use serde_json::json;

use super::{by_digest, descriptor, image, methods, open, passes, repository, written};
use crate::bench::{as_referrer, push_blob, tag};

#[tokio::test]
async fn c03_c07_c51_manifests_of_all_kinds_pass() {
    let (_server, client) = open().await;
    let repository = repository(&client, "a/app");
    for (image_type, index_type) in [
        (MediaType::OCI_MANIFEST, MediaType::OCI_INDEX),
        (MediaType::DOCKER_MANIFEST, MediaType::DOCKER_LIST),
    ] {
        let mut children = Vec::new();
        for (number, architecture) in [(1, "amd64"), (2, "arm64")] {
            let image = image(&repository, &image_type, number).await;
            passes(&repository, "one", &image).await;
            let mut child = descriptor(image_type.as_str(), image.bytes());
            child["platform"] = json!({"os": "linux", "architecture": architecture});
            children.push(child);
        }
        let index = written(&index_type, json!({"manifests": children}));
        passes(&repository, "all", &index).await;
        children[0]["digest"] = json!(Digest::sha256(b"gone"));
        let sparse = written(&index_type, json!({"manifests": children}));
        let error = repository.push_manifest(&tag("sparse"), &sparse).await.unwrap_err();
        assert!(error.misses_content() && !error.is_retryable(), "{error}");
    }
    let missing = written(
        &MediaType::OCI_MANIFEST,
        json!({"config": descriptor("x/y", &Bytes::from_static(b"gone")), "layers": []}),
    );
    let error = repository.push_manifest(&tag("missing"), &missing).await.unwrap_err();
    assert!(error.misses_content(), "{error}");
}

#[tokio::test]
async fn c11_schema_1_is_refused_in_words() {
    let (_server, client) = open().await;
    let repository = repository(&client, "a/app");
    let layer = push_blob(&repository, &sample::layer(1, 100)).await.unwrap();
    let text = json!({
        "schemaVersion": 1, "name": "a/app", "tag": "old", "architecture": "amd64",
        "fsLayers": [{"blobSum": layer}], "history": [{"v1Compatibility": "{\"id\":\"1\"}"}],
    });
    let kind = MediaType::new("application/vnd.docker.distribution.manifest.v1+prettyjws");
    let manifest = RawManifest::from_answer(&kind, format!("{text:#}").into(), None).unwrap();
    let error = repository.push_manifest(&tag("old"), &manifest).await.unwrap_err();
    assert!(error.has_code("MANIFEST_INVALID") && !error.is_retryable(), "{error}");
}

#[tokio::test]
async fn c16_c19_tags_come_in_pages_and_a_repository_without_any_is_unknown() {
    let (server, client) = open().await;
    let repository = repository(&client, "a/app");
    let error = repository.tags().next().await.unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.has_code("NAME_UNKNOWN"), "{error}");
    let image = image(&repository, &MediaType::OCI_MANIFEST, 1).await;
    let names: Vec<Tag> = (0..5).map(|number| format!("v{number}").parse().unwrap()).collect();
    for name in &names {
        passes(&repository, name.as_str(), &image).await;
    }
    server.forget_requests();
    let (mut pages, mut tags) = (repository.tags(), Vec::new());
    while let Some(page) = pages.next().await.unwrap() {
        tags.extend(page.tags);
    }
    // Its tags have no order at all.
    tags.sort_unstable_by_key(ToString::to_string);
    assert_eq!(tags, names);
    assert_eq!(server.requests(), ["GET /v2/a/app/tags/list?n=1000 200"]);
}

#[tokio::test]
async fn c16_the_catalog_lists_all_repositories() {
    let (_server, client) = open().await;
    for name in ["a/one", "b/two"] {
        push_blob(&repository(&client, name), &Bytes::from_static(b"x")).await.unwrap();
    }
    let (mut pages, mut found) = (client.catalog(), Vec::new());
    while let Catalog::Page(page) = pages.next().await.unwrap() {
        found.extend(page.repositories.iter().map(ToString::to_string));
    }
    assert_eq!(found, ["a/one", "b/two"]);
}

#[tokio::test]
async fn c22_c64_what_is_missing_is_told_in_the_registrys_words() {
    let (server, client) = open().await;
    client.host_client().await.unwrap();
    let repository = repository(&client, "a/app");
    let nowhere = TagOrDigest::Digest(Digest::sha256(b"nowhere"));
    for reference in [tag("gone"), nowhere] {
        server.forget_requests();
        assert_eq!(repository.resolve(&reference).await.unwrap(), None);
        assert_eq!(methods(&server.requests()), ["HEAD 404"], "its HEAD is believed");
        let error = repository.pull_manifest(&reference).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::NotFound, false));
        assert!(error.has_code("MANIFEST_UNKNOWN"), "{error}");
    }
    let error = repository.pull_blob(&Digest::sha256(b"nowhere"), None).await.err().unwrap();
    assert!(error.has_code("BLOB_UNKNOWN") && error.kind() == ErrorKind::NotFound, "{error}");
    assert!(!repository.has_blob(&Digest::sha256(b"nowhere")).await.unwrap());
}

#[tokio::test]
async fn c52_c56_c57_referrers_are_kept_under_the_tag() {
    let (server, client) = open().await;
    let repository = repository(&client, "a/app");
    let subject = image(&repository, &MediaType::OCI_MANIFEST, 1).await;
    passes(&repository, "v1", &subject).await;
    let mut expected = Vec::new();
    for kind in ["a/sig", "a/sbom"] {
        let config = Bytes::from_static(b"{}");
        push_blob(&repository, &config).await.unwrap();
        let referrer = written(
            &MediaType::OCI_MANIFEST,
            json!({
                "artifactType": kind, "config": descriptor("application/vnd.oci.empty.v1+json", &config),
                "layers": [], "subject": descriptor(subject.media_type().as_str(), subject.bytes()),
            }),
        );
        let pushed = repository.push_manifest(&by_digest(&referrer), &referrer).await.unwrap();
        assert_eq!(pushed.subject, SubjectIndexed::NotByRegistry);
        repository.add_referrer(subject.digest(), &as_referrer(&referrer)).await.unwrap();
        expected.push(as_referrer(&referrer));
    }
    server.forget_requests();
    for _ in 0..2 {
        let found = repository.referrers(subject.digest(), &ReferrerFilter::all()).await.unwrap();
        assert_eq!(found, expected);
    }
    let lists = server.requests().iter().filter(|line| line.contains("/referrers/")).count();
    assert_eq!(lists, 1, "not asked for a second time: {:?}", server.requests());
    let index = repository.pull_manifest(&TagOrDigest::Tag(referrers_tag(subject.digest()))).await.unwrap();
    assert_eq!(*index.media_type(), MediaType::OCI_INDEX);
}
