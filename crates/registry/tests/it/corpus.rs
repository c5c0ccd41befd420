//! Images of every shape that the specifications allow: copied by the client, then compared byte for byte.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};
use embedded_registry::{EmbeddedRegistry, Store};
use oci::{Algorithm, Digest, MediaType, RawManifest, TagOrDigest};
use registry::{Access, Repository};
use serde_json::{Value, json};

use crate::bench::{Bench, body};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A repository that the test fills directly, without the client.
struct Seed<'a>(&'a Store);

impl Seed<'_> {
    fn blob(&self, media_type: &str, bytes: &'static [u8]) -> Value {
        let digest = self.0.put_blob("source", bytes);
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    fn config(&self) -> Value {
        self.blob("application/vnd.oci.image.config.v1+json", br#"{"os":"linux","architecture":"amd64"}"#)
    }

    fn empty(&self) -> Value {
        self.blob("application/vnd.oci.empty.v1+json", b"{}")
    }

    /// Stores a document by its digest and under the tag `case`; returns its descriptor.
    fn put(&self, media_type: &str, document: &Value) -> Value {
        self.put_text(media_type, format!("{document:#}\n"))
    }

    fn put_text(&self, media_type: &str, text: String) -> Value {
        let size = text.len();
        let digest = self.0.put_manifest("source", "case", media_type, text);
        json!({"mediaType": media_type, "digest": digest, "size": size})
    }

    fn image(&self, layers: &[Value]) -> Value {
        let config = self.config();
        self.put(
            MANIFEST,
            &json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}),
        )
    }

    fn index(&self, children: &[Value]) -> Value {
        self.put(INDEX, &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}))
    }
}

/// Copies a manifest with everything below it, children first.
async fn copy(from: &Repository, to: &Repository, reference: &TagOrDigest) -> RawManifest {
    let manifest = from.pull_manifest(reference).await.unwrap();
    let links = manifest.links().unwrap();
    for child in links.manifests {
        Box::pin(copy(from, to, &TagOrDigest::Digest(child.digest))).await;
    }
    for blob in links.blobs.iter().filter(|blob| blob.is_kept_by_registries()) {
        let mut reader = from.pull_blob(&blob.digest, blob.size).await.unwrap();
        let mut bytes = BytesMut::new();
        while let Some(piece) = reader.next().await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        let bytes = bytes.freeze();
        let mut session = to.start_upload().await.unwrap();
        session.send(&blob.digest, Some(bytes.len() as u64), body(&bytes)).await.unwrap();
    }
    to.push_manifest(reference, &manifest).await.unwrap();
    manifest
}

/// Copies the case and compares both sides of the registry.
async fn passes(name: &str, seed: impl FnOnce(&Seed<'_>) -> Value) -> (Bench, RawManifest) {
    let bench = Bench::start(EmbeddedRegistry::builder(), None).await;
    let store = bench.server.store();
    seed(&Seed(store));
    let (from, to) = (bench.repository("source", Access::Pull), bench.repository("target", Access::PullPush));
    let manifest = copy(&from, &to, &crate::bench::tag("case")).await;
    let expected = store.manifest("source", "case").unwrap();
    assert_eq!(store.manifest("target", "case").unwrap(), expected, "{name}");
    assert_eq!(*manifest.bytes(), expected.bytes, "{name}");
    assert_eq!(manifest.digest().to_string(), expected.digest, "{name}");
    let links = manifest.links().unwrap();
    for blob in links.blobs.iter().filter(|blob| blob.is_kept_by_registries()) {
        let digest = blob.digest.to_string();
        assert!(store.blob("source", &digest).is_some(), "{name}: {digest}");
        assert_eq!(store.blob("target", &digest), store.blob("source", &digest), "{name}: {digest}");
    }
    (bench, manifest)
}

#[tokio::test]
async fn c11_indexes_of_every_shape() {
    passes("nested index", |seed| {
        let image = seed.image(&[seed.blob(LAYER, b"layer")]);
        let inner = seed.index(std::slice::from_ref(&image));
        seed.index(&[inner, image])
    })
    .await;
    passes("empty index", |seed| seed.index(&[])).await;
    passes("entries with and without platform", |seed| {
        let mut with = seed.image(&[]);
        with["platform"] = json!({"os": "linux", "architecture": "amd64", "os.features": ["x"]});
        let without = seed.image(&[seed.blob(LAYER, b"layer")]);
        seed.index(&[with, without])
    })
    .await;
    passes("index with a subject that is not there", |seed| {
        let image = seed.image(&[]);
        let missing = json!({"mediaType": MANIFEST, "digest": Digest::sha256(b"gone"), "size": 4});
        seed.put(
            INDEX,
            &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [image], "subject": missing,
                "artifactType": "a/bundle"}),
        )
    })
    .await;
}

#[tokio::test]
async fn c11_a_sparse_index_is_read_and_the_registry_says_what_it_misses() {
    let bench = Bench::open().await;
    let gone = json!({"mediaType": MANIFEST, "digest": Digest::sha256(b"gone"), "size": 4});
    let seed = Seed(bench.server.store());
    let image = seed.image(&[]);
    seed.index(&[image, gone]);
    let reference = crate::bench::tag("case");
    let manifest = bench.repository("source", Access::Pull).pull_manifest(&reference).await.unwrap();
    assert_eq!(*manifest.bytes(), bench.server.store().manifest("source", "case").unwrap().bytes);
    assert_eq!(manifest.links().unwrap().manifests.len(), 2);
    // Registries may refuse a sparse index, as this one does; without the missing child it is accepted.
    let target = bench.repository("source", Access::PullPush);
    assert!(target.push_manifest(&reference, &manifest).await.unwrap_err().misses_content());
    let gone = Digest::sha256(b"gone");
    let cut = manifest.with_children(|child| *child != gone).unwrap();
    target.push_manifest(&reference, &cut).await.unwrap();
}

#[tokio::test]
async fn c11_manifests_of_every_shape() {
    passes("no layers", |seed| seed.image(&[])).await;
    passes("zero-byte blob", |seed| seed.image(&[seed.blob(LAYER, b"")])).await;
    passes("unknown fields", |seed| {
        let text = format!(
            "{{\"config\":{},\n\t\"layers\":[], \"x\": [1.50, null] , \"mediaType\":\"{MANIFEST}\"}}",
            seed.config()
        );
        seed.put_text(MANIFEST, text)
    })
    .await;
    passes("without mediaType", |seed| {
        seed.put(MANIFEST, &json!({"schemaVersion": 2, "config": seed.config(), "layers": []}))
    })
    .await;
    passes("layers that are kept elsewhere", |seed| {
        let elsewhere = json!({
            "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "digest": Digest::sha256(b"windows"), "size": 7, "urls": ["https://mcr.microsoft.invalid/x"],
        });
        seed.image(&[elsewhere, seed.blob(LAYER, b"ours")])
    })
    .await;
    passes("Docker, version 2 schema 2", |seed| {
        let media_type = MediaType::DOCKER_MANIFEST.to_string();
        let config = seed.blob("application/vnd.docker.container.image.v1+json", b"{\"os\":\"linux\"}");
        let layer = seed.blob("application/vnd.docker.image.rootfs.diff.tar.gzip", b"layer");
        seed.put(
            &media_type,
            &json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer]}),
        )
    })
    .await;
    let (bench, manifest) = passes("4 MiB", |seed| {
        let text = format!("{{\"config\":{},\"layers\":[]}}", seed.config());
        seed.put_text(MANIFEST, format!("{text}{}", " ".repeat((4 << 20) - text.len())))
    })
    .await;
    assert_eq!((manifest.bytes().len(), bench.asked().len() > 2), (4 << 20, true));
}

#[tokio::test]
async fn c11_c14_a_repeated_layer_is_sent_once() {
    let (bench, _) = passes("repeated layer", |seed| {
        let layer = seed.blob(LAYER, b"layer");
        seed.image(&[layer.clone(), layer.clone(), layer])
    })
    .await;
    let starts = bench.asked().iter().filter(|request| request.is_upload_start()).count();
    assert_eq!(starts, 2, "config and layer");
}

#[tokio::test]
async fn c11_c13_artifacts_with_an_empty_config_and_data_in_descriptors() {
    let (_, manifest) = passes("artifact", |seed| {
        let mut config = seed.empty();
        config["data"] = json!("e30=");
        let missing = json!({"mediaType": MANIFEST, "digest": Digest::sha256(b"gone"), "size": 4});
        seed.put(
            MANIFEST,
            &json!({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "a/sbom", "config": config,
                "layers": [seed.empty()], "subject": missing, "annotations": {"k": "v"}}),
        )
    })
    .await;
    let config = manifest.links().unwrap().config.unwrap();
    assert!(config.digest.to_string().starts_with("sha256:44136fa3"));
    assert_eq!(manifest.subject().unwrap().unwrap().digest, Digest::sha256(b"gone"));
}

#[tokio::test]
async fn c13_the_empty_config_can_be_pushed_from_memory() {
    let bench = Bench::open().await;
    let empty = Bytes::from_static(b"{}");
    let digest = Digest::sha256(&empty);
    let repository = bench.repository("target", Access::PullPush);
    let mut session = repository.start_upload().await.unwrap();
    session.send(&digest, Some(2), body(&empty)).await.unwrap();
    assert_eq!(bench.server.store().blob("target", &digest.to_string()), Some(empty));
}

#[tokio::test]
async fn c11_c06_an_image_named_by_sha512() {
    let bench = Bench::open().await;
    let store = bench.server.store();
    let seed = Seed(store);
    let text =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": seed.config(), "layers": []}).to_string();
    let name = Algorithm::Sha512.digest(text.as_bytes());
    store.put_manifest("source", &name.to_string(), MANIFEST, text.clone());
    let child = json!({"mediaType": MANIFEST, "digest": name, "size": text.len()});
    seed.index(&[child]);
    let (from, to) = (bench.repository("source", Access::Pull), bench.repository("target", Access::PullPush));
    copy(&from, &to, &crate::bench::tag("case")).await;
    assert_eq!(store.manifest("target", "case"), store.manifest("source", "case"));
    assert_eq!(store.manifest("target", &name.to_string()).unwrap().bytes, text);
    assert_eq!(to.resolve(&TagOrDigest::Digest(name.clone())).await.unwrap(), Some(name));
}

/// The signed payload, and the whole manifest with its signature.
fn signed(layer: &Value) -> (String, String) {
    let start =
        format!("{{\n   \"schemaVersion\": 1,\n   \"fsLayers\": [{{\"blobSum\": {}}}]", layer["digest"]);
    let protected =
        json!({"formatLength": start.len(), "formatTail": URL_SAFE_NO_PAD.encode("\n}")}).to_string();
    let signature = json!([{"protected": URL_SAFE_NO_PAD.encode(protected)}]);
    (format!("{start}\n}}"), format!("{start},\n   \"signatures\": {signature}\n}}"))
}

#[tokio::test]
async fn c11_signed_schema_1_is_named_by_what_was_signed() {
    let media_type = MediaType::DOCKER_SCHEMA1_SIGNED.to_string();
    // A registry that uses the digest of all bytes.
    let seed_it = |seed: &Seed<'_>| {
        let (_, whole) = signed(&seed.blob(LAYER, b"layer"));
        seed.put_text(&media_type, whole)
    };
    passes("schema 1", seed_it).await;

    // One that uses the digest of the payload, as distribution does.
    let bench = Bench::open().await;
    let layer = Seed(bench.server.store()).blob(LAYER, b"layer");
    let (payload, whole) = signed(&layer);
    let named = Digest::sha256(payload.as_bytes());
    bench.server.store().put_manifest("source", "case", &media_type, whole.clone());
    bench.misbehave(
        embedded_registry::Match::path("/manifests/"),
        embedded_registry::Effect::SetHeader("docker-content-digest", named.to_string()),
    );
    let (from, to) = (bench.repository("source", Access::Pull), bench.repository("target", Access::PullPush));
    let manifest = copy(&from, &to, &crate::bench::tag("case")).await;
    assert_eq!((manifest.digest(), &manifest.bytes()[..]), (&named, whole.as_bytes()));
    assert_eq!(bench.server.store().manifest("target", "case").unwrap().bytes, whole);
}
