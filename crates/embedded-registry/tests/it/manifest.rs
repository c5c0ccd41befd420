//! Manifests, and their referrers.

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{EmbeddedRegistry, Referrers};
use http::Method;
use serde_json::json;

use crate::bench::{Bench, send};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

#[tokio::test]
async fn an_image_and_its_index_are_kept_byte_for_byte() {
    let bench = Bench::open().await;
    let store = bench.server.store();
    let image = sample::image(store, "a/app", None, Flavour::Oci, &[sample::layer(1, 100)], "amd64");
    let index = sample::index(store, "a/app", Some("v1"), Flavour::Docker, &[image]);
    let stored = store.manifest("a/app", "v1").unwrap();
    assert!(stored.bytes.starts_with(b"{\n  "), "printed again it would be another");

    let pushed = bench.put("/v2/a/app/manifests/v2", &stored.media_type, stored.bytes.clone()).await;
    assert_eq!(
        (pushed.status.as_u16(), pushed.header("docker-content-digest")),
        (201, index.digest.as_str())
    );
    for reference in ["v2", &index.digest] {
        let read = bench.get(&format!("/v2/a/app/manifests/{reference}")).await;
        assert_eq!((&read.body, read.header("content-type")), (&stored.bytes, stored.media_type.as_str()));
    }
    let head = bench.ask(Method::HEAD, "/v2/a/app/manifests/v2").await;
    assert_eq!(head.header("content-length"), index.size.to_string());
    assert_eq!(store.tags("a/app"), ["v1", "v2"]);
    assert_eq!(bench.ask(Method::DELETE, &format!("/v2/a/app/manifests/{}", index.digest)).await.status, 202);
    assert!(store.tags("a/app").is_empty());
}

#[tokio::test]
async fn a_manifest_whose_parts_are_missing_is_refused() {
    let bench = Bench::open().await;
    let source = Bench::open().await;
    let store = source.server.store();
    let image = sample::image(store, "x", Some("v1"), Flavour::Oci, &[sample::layer(1, 100)], "amd64");
    let image = store.manifest("x", &image.digest).unwrap();
    let child = json!({"mediaType": OCI, "digest": image.digest, "size": image.bytes.len()});
    let index = json!({"schemaVersion": 2, "manifests": [child]}).to_string();
    let unknown = (400, "MANIFEST_BLOB_UNKNOWN".to_owned());
    assert_eq!(bench.put("/v2/a/app/manifests/v1", OCI, image.bytes.clone()).await.refusal(), unknown);
    let index_type = "application/vnd.oci.image.index.v1+json";
    assert_eq!(bench.put("/v2/a/app/manifests/v1", index_type, index).await.refusal(), unknown);
    assert!(bench.server.store().repositories().is_empty());

    let foreign = json!({"schemaVersion": 2, "layers": [
        {"digest": format!("sha256:{}", "1".repeat(64)), "urls": ["http://elsewhere.invalid/"]},
    ]});
    assert_eq!(bench.put("/v2/a/app/manifests/v1", OCI, foreign.to_string()).await.status, 201);
}

#[tokio::test]
async fn what_is_not_a_manifest_is_refused() {
    let bench = Bench::open().await;
    let wrong = format!("/v2/a/app/manifests/sha256:{}", "0".repeat(64));
    assert_eq!(bench.put(&wrong, OCI, "{}").await.refusal(), (400, "DIGEST_INVALID".to_owned()));
    let path = "/v2/a/app/manifests/v1";
    assert_eq!(bench.put(path, OCI, "<html>").await.refusal(), (400, "MANIFEST_INVALID".to_owned()));
    let other = r#"{"mediaType":"application/json"}"#;
    assert_eq!(bench.put(path, OCI, other).await.refusal(), (400, "MANIFEST_INVALID".to_owned()));
    assert_eq!(bench.put("/v2/a/app/manifests/-x", OCI, "{}").await.refusal().1, "TAG_INVALID");
    let large = vec![b' '; (4 << 20) + 1];
    assert_eq!(bench.put(path, OCI, large).await.refusal(), (413, "SIZE_INVALID".to_owned()));
}

#[tokio::test]
async fn only_who_knows_the_media_type_gets_it() {
    let bench = Bench::open().await;
    sample::image(bench.server.store(), "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    let ask = |accept: &'static str| {
        send(bench.request(Method::GET, "/v2/a/app/manifests/v1").header("accept", accept))
    };
    assert_eq!(ask("application/json").await.refusal(), (404, "MANIFEST_UNKNOWN".to_owned()));
    let listed = "application/json, application/vnd.oci.image.manifest.v1+json;q=0.9";
    assert_eq!(ask(listed).await.status, 200);
}

#[tokio::test]
async fn referrers_are_listed_and_filtered() {
    let bench = Bench::open().await;
    let store = bench.server.store();
    let image = sample::image(store, "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    let sbom = sample::referrer(store, "a/app", &image, "text/spdx", &["{}".into()]);
    sample::referrer(store, "a/app", &image, "text/other", &[]);
    let path = format!("/v2/a/app/referrers/{}", image.digest);

    let all = bench.get(&path).await;
    assert_eq!(all.header("content-type"), "application/vnd.oci.image.index.v1+json");
    assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 2);
    let filtered = bench.get(&format!("{path}?artifactType=text/spdx")).await;
    assert_eq!(filtered.header("oci-filters-applied"), "artifactType");
    assert_eq!(filtered.json()["manifests"][0]["digest"], sbom.digest);
    assert_eq!(filtered.json()["manifests"].as_array().unwrap().len(), 1);

    let again = store.manifest("a/app", &sbom.digest).unwrap();
    let pushed = bench.put(&format!("/v2/a/app/manifests/{}", sbom.digest), OCI, again.bytes).await;
    assert_eq!((pushed.status.as_u16(), pushed.header("oci-subject")), (201, image.digest.as_str()));
}

#[tokio::test]
async fn a_registry_before_oci_1_1_knows_no_referrers() {
    let bench = Bench::start(EmbeddedRegistry::builder().referrers(Referrers::Absent)).await;
    let store = bench.server.store();
    let image = sample::image(store, "a/app", Some("v1"), Flavour::Oci, &[], "amd64");
    let sbom = sample::referrer(store, "a/app", &image, "text/spdx", &[]);
    assert_eq!(bench.get(&format!("/v2/a/app/referrers/{}", image.digest)).await.status, 404);
    let again = store.manifest("a/app", &sbom.digest).unwrap();
    let pushed = bench.put(&format!("/v2/a/app/manifests/{}", sbom.digest), OCI, again.bytes).await;
    assert_eq!((pushed.status.as_u16(), pushed.header("oci-subject")), (201, ""));
}
