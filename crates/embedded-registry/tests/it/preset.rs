//! Every preset works as a registry: it takes an image and returns it, to a client that knows its quirks.

use bytes::Bytes;
use embedded_registry::{preset, sample};
use http::Method;
use serde_json::json;
use sha2::Digest as _;

use crate::bench::{Bench, send};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}

/// Uploads a blob in one `PUT`, or in one `PATCH` if that is refused.
async fn put_blob(bench: &Bench, bytes: &Bytes) {
    let session = bench.ask(Method::POST, "/v2/a/app/blobs/uploads/").await;
    let close = |location: &str| {
        let separator = if location.contains('?') { '&' } else { '?' };
        format!("{location}{separator}digest={}", digest(bytes))
    };
    let location = session.header("location").to_owned();
    let put = bench.put(&close(&location), "application/octet-stream", bytes.clone()).await;
    if put.status != 201 {
        let patched = send(bench.request(Method::PATCH, &location).body(bytes.clone())).await;
        if patched.status != 201 {
            assert_eq!(patched.status, 202);
            assert_eq!(bench.put(&close(patched.header("location")), "x/y", "").await.status, 201);
        }
    }
}

#[tokio::test]
async fn every_preset_takes_an_image() {
    let presets = [
        ("docker_hub", preset::docker_hub()),
        ("ghcr", preset::ghcr()),
        ("google", preset::google()),
        ("ecr", preset::ecr()),
        ("ecr_early", preset::ecr_early()),
        ("quay", preset::quay()),
        ("azure", preset::azure()),
        ("harbor", preset::harbor()),
        ("acr_personal", preset::acr_personal()),
        ("acr_enterprise", preset::acr_enterprise()),
        ("swr", preset::swr()),
        ("tcr", preset::tcr()),
        ("gitlab", preset::gitlab()),
        ("nexus", preset::nexus()),
        ("jfrog", preset::jfrog()),
        ("distribution_2", preset::distribution_2()),
        ("distribution_3", preset::distribution_3()),
        ("zot", preset::zot()),
    ];
    for (name, builder) in presets {
        let bench = Bench::start(builder).await;
        bench.server.store().create_repository("a/app");
        let blobs = [sample::layer(1, 100), sample::layer(2, 1000)];
        for blob in &blobs {
            put_blob(&bench, blob).await;
        }
        let [config, layer] =
            blobs.map(|blob| json!({"mediaType": "x/y", "digest": digest(&blob), "size": blob.len()}));
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer]}).to_string();
        assert_eq!(bench.put("/v2/a/app/manifests/v1", OCI, manifest.clone()).await.status, 201, "{name}");
        assert_eq!(bench.get("/v2/a/app/manifests/v1").await.body, manifest, "{name}");
    }
}
