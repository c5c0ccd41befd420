//! Manifests with particular registries' quirks.

use embedded_registry::{
    Attestations, Builder, EmbeddedRegistry, ImmutableTags, Indexes, ManifestHeads, SameDigest, TagParameters,
};
use http::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, Reply};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn builder() -> Builder {
    EmbeddedRegistry::builder()
}

/// Pushes a manifest without any blobs; `number` makes it unique.
async fn put(bench: &Bench, reference: &str, number: u8) -> Reply {
    let manifest = json!({"schemaVersion": 2, "number": number}).to_string();
    bench.put(&format!("/v2/a/app/manifests/{reference}"), OCI, manifest).await
}

async fn put_json(bench: &Bench, media_type: &str, manifest: Value) -> Reply {
    bench.put("/v2/a/app/manifests/v1", media_type, manifest.to_string()).await
}

#[tokio::test]
async fn heads_tell_less_than_they_should() {
    let rows = [
        (ManifestHeads::Whole, 200, true, "30"),
        (ManifestHeads::Refused(405), 405, false, ""),
        (ManifestHeads::WithoutDigest, 200, false, "30"),
        (ManifestHeads::ZeroLength, 200, true, "0"),
    ];
    for (heads, status, has_digest, length) in rows {
        let bench = Bench::start(builder().manifest_heads(heads)).await;
        assert_eq!(put(&bench, "v1", 1).await.status, 201);
        let head = bench.ask(Method::HEAD, "/v2/a/app/manifests/v1").await;
        assert_eq!(head.status, status);
        assert_eq!(head.headers.contains_key("docker-content-digest"), has_digest, "{heads:?}");
        if !length.is_empty() {
            assert_eq!(head.header("content-length"), length);
        }
        assert_eq!(bench.get("/v2/a/app/manifests/v1").await.body.len(), 30);
    }
}

#[tokio::test]
async fn manifests_may_be_too_large() {
    let bench = Bench::start(builder().largest_manifest(28)).await;
    assert_eq!(put(&bench, "v1", 1).await.refusal(), (413, "SIZE_INVALID".to_owned()));
}

#[tokio::test]
async fn immutable_tags_stay() {
    let rows = [
        (ImmutableTags::None, SameDigest::Refused, [201, 201]),
        (ImmutableTags::Harbor, SameDigest::Taken, [201, 412]),
        (ImmutableTags::Ecr, SameDigest::Refused, [400, 400]),
    ];
    for (immutable, same, expected) in rows {
        let bench = Bench::start(builder().immutable_tags(immutable, same)).await;
        assert_eq!(put(&bench, "v1", 1).await.status, 201);
        let digest = bench.server.store().manifest("a/app", "v1").unwrap().digest;
        let statuses = [put(&bench, "v1", 1).await, put(&bench, "v1", 2).await];
        assert_eq!(statuses.map(|reply| reply.status.as_u16()), expected, "{immutable:?}");
        assert_eq!(put(&bench, &digest, 1).await.status, 201, "by digest there is no tag to keep");
    }
}

#[tokio::test]
async fn attestations_and_media_types_are_refused() {
    let attestation =
        json!({"layers": [{"mediaType": "application/vnd.in-toto+json", "digest": "x", "urls": ["x"]}]});
    let child = json!({"digest": "x", "annotations": {"vnd.docker.reference.type": "attestation-manifest"}});
    let index = json!({"manifests": [child]});
    let rows = [
        (Attestations::Taken, [201, 201]),
        (Attestations::RefusedInIndexes, [201, 400]),
        (Attestations::Refused, [400, 400]),
        (Attestations::Denied, [403, 201]),
    ];
    for (attestations, expected) in rows {
        let bench = Bench::start(builder().attestations(attestations).indexes(Indexes::Sparse)).await;
        let statuses =
            [put_json(&bench, OCI, attestation.clone()).await, put_json(&bench, INDEX, index.clone()).await];
        assert_eq!(statuses.map(|reply| reply.status.as_u16()), expected, "{attestations:?}");
    }
    let bench = Bench::start(builder().refused_media_types(&["x/config", "x/artifact"])).await;
    let invalid = (400, "MANIFEST_INVALID".to_owned());
    for refused in
        [json!({"config": {"mediaType": "x/config", "digest": "x"}}), json!({"artifactType": "x/artifact"})]
    {
        assert_eq!(put_json(&bench, OCI, refused).await.refusal(), invalid);
    }
    assert_eq!(put_json(&bench, "x/artifact", json!({})).await.refusal(), invalid);
    let bench = Bench::start(builder().denied_classes(&["x/empty"])).await;
    let empty = json!({"config": {"mediaType": "x/empty", "digest": "x"}});
    assert_eq!(put_json(&bench, OCI, empty).await.refusal(), (403, "DENIED".to_owned()));
    assert_eq!(put_json(&bench, OCI, json!({"artifactType": "x/other"})).await.status, 201);
}

#[tokio::test]
async fn sparse_indexes_may_be_taken() {
    let rows =
        [(Indexes::Whole, 400), (Indexes::Sparse, 201), (Indexes::Invalid, 400), (Indexes::Denied, 403)];
    for (indexes, status) in rows {
        let bench = Bench::start(builder().indexes(indexes)).await;
        let index = json!({"manifests": [{"digest": format!("sha256:{}", "1".repeat(64))}]});
        assert_eq!(put_json(&bench, INDEX, index).await.status, status);
    }
}

#[tokio::test]
async fn what_was_written_is_not_seen_at_once() {
    let bench = Bench::start(builder().manifest_lag(2)).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(put(&bench, "v1", 1).await.status.as_u16());
    }
    assert_eq!(statuses, [400, 400, 201]);
}

#[tokio::test]
async fn one_put_may_set_many_tags() {
    let digest = {
        let bench = Bench::open().await;
        put(&bench, "v1", 1).await.header("docker-content-digest").to_owned()
    };
    for (parameters, expected) in [(TagParameters::Ignored, vec![]), (TagParameters::Taken, vec!["a", "b"])] {
        let bench = Bench::start(builder().tag_parameters(parameters)).await;
        let reply = put(&bench, &format!("{digest}?tag=a&tag=b"), 1).await;
        let told: Vec<_> = reply.headers.get_all("oci-tag").iter().collect();
        assert_eq!(reply.status, 201);
        assert_eq!(told, expected);
        assert_eq!(bench.server.store().tags("a/app"), expected);
    }
}
