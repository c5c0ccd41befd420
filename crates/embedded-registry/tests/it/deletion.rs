//! The effect of DELETE at each registry.

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Builder, EmbeddedRegistry, ImmutableTags, SameDigest, TagDeletion, preset};
use embedded_registry::{DigestDeletion, Store};
use http::Method;
use serde_json::json;

use crate::bench::{Bench, Reply};

/// The remaining tags and manifests after one of an image's two tags was deleted.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    status: u16,
    tags: Vec<String>,
    image: bool,
}

/// An image with the tags `a` and `b`, an accessory of it, and an index `i` of another image.
struct Scene {
    bench: Bench,
    image: String,
    accessory: String,
    index: String,
    child: String,
}

impl Scene {
    async fn new(builder: Builder) -> Self {
        let bench = Bench::start(builder).await;
        let store = bench.server.store();
        let image = |number| {
            sample::image(store, "p/x/app", None, Flavour::Oci, &[sample::layer(number, 9)], "amd64")
        };
        let (tagged, child) = (image(1), image(2));
        let index =
            sample::index(store, "p/x/app", Some("i"), Flavour::Oci, std::slice::from_ref(&child)).digest;
        store.tag("p/x/app", "a", &tagged.digest);
        store.tag("p/x/app", "b", &tagged.digest);
        let manifest = json!({"subject": {"digest": tagged.digest}}).to_string();
        let accessory = digest_of(store, manifest);
        Self { image: tagged.digest, accessory, index, child: child.digest, bench }
    }

    async fn delete(&self, reference: &str) -> Reply {
        self.bench.ask(Method::DELETE, &format!("/v2/p/x/app/manifests/{reference}")).await
    }

    fn has(&self, digest: &str) -> bool {
        self.bench.server.store().manifest("p/x/app", digest).is_some()
    }

    fn left(&self, reply: &Reply) -> Left {
        let tags = self.bench.server.store().tags("p/x/app");
        Left { status: reply.status.as_u16(), tags, image: self.has(&self.image) }
    }
}

fn digest_of(store: &Store, manifest: String) -> String {
    let digest = sample_digest(&manifest);
    store.put_manifest("p/x/app", &digest, "application/vnd.oci.image.manifest.v1+json", manifest)
}

fn sample_digest(text: &str) -> String {
    use sha2::Digest as _;
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(text)))
}

fn left(status: u16, tags: &[&str], image: bool) -> Left {
    Left { status, tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), image }
}

fn harbor() -> Builder {
    preset::harbor().immutable_tags(ImmutableTags::None, SameDigest::Taken)
}

type Row = (&'static str, fn() -> Builder, Left, Left);

/// The table: a tag, and the digest of an image with two tags.
fn rows() -> [Row; 12] {
    let (all, others) = (&["a", "b", "i"][..], &["i"][..]);
    let nothing = |status| left(status, all, true);
    let odd = || EmbeddedRegistry::builder().deletion(TagDeletion::DeletesManifest, DigestDeletion::Alone);
    [
        ("distribution 2, off", preset::distribution_2, nothing(405), nothing(405)),
        ("distribution 2, on", preset::distribution_2_with_delete, nothing(400), left(202, others, false)),
        ("distribution 3", preset::distribution_3, left(202, &["b", "i"], true), left(202, others, false)),
        ("Harbor", harbor, nothing(400), left(202, others, false)),
        ("Harbor, immutable", preset::harbor, nothing(400), nothing(412)),
        ("Quay", preset::quay, left(202, &["b", "i"], true), left(202, others, true)),
        ("Azure", preset::azure, nothing(400), left(202, others, false)),
        ("ECR", preset::ecr, left(202, &["b", "i"], true), left(202, others, false)),
        ("GHCR", preset::ghcr, nothing(405), nothing(405)),
        ("Docker Hub", preset::docker_hub, nothing(405), nothing(405)),
        ("GitLab", preset::gitlab, left(202, &["b", "i"], true), left(202, others, false)),
        ("one that takes the image along", odd, left(202, others, false), left(202, others, false)),
    ]
}

#[tokio::test]
async fn the_matrix_of_deletion() {
    for (name, builder, by_tag, by_digest) in rows() {
        let scene = Scene::new(builder()).await;
        let reply = scene.delete("a").await;
        assert_eq!(scene.left(&reply), by_tag, "{name}, by tag");
        let scene = Scene::new(builder()).await;
        let reply = scene.delete(&scene.image).await;
        assert_eq!(scene.left(&reply), by_digest, "{name}, by digest");
        if name == "distribution 2, on" {
            assert_eq!(scene.delete("a").await.refusal(), (400, "DIGEST_INVALID".to_owned()));
            assert_eq!(scene.delete(&scene.image).await.refusal(), (404, "MANIFEST_UNKNOWN".to_owned()));
        }
    }
}

#[tokio::test]
async fn what_an_index_names_is_guarded_by_some() {
    for (builder, expected, is_there) in [
        (preset::distribution_2_with_delete as fn() -> Builder, (202, ""), false),
        (harbor, (412, "VIOLATE_FOREIGN_KEY_CONSTRAINT"), true),
        (preset::ecr, (400, "ImageReferencedByManifestList"), true),
    ] {
        let scene = Scene::new(builder()).await;
        let reply = scene.delete(&scene.child).await;
        assert_eq!(reply.status.as_u16(), expected.0);
        if !expected.1.is_empty() {
            assert_eq!(reply.refusal().1, expected.1);
        }
        assert_eq!(scene.has(&scene.child), is_there);
        assert_eq!(
            scene.bench.get("/v2/p/x/app/manifests/i").await.status,
            200,
            "the index is served anyway"
        );
    }
}

#[tokio::test]
async fn harbor_takes_the_family_along() {
    let scene = Scene::new(harbor()).await;
    assert_eq!(scene.delete(&scene.index).await.status, 202);
    assert!(!scene.has(&scene.child), "nothing else names it");
    assert_eq!(scene.delete(&scene.image).await.status, 202);
    assert!(!scene.has(&scene.accessory));
    let scene = Scene::new(preset::distribution_3()).await;
    assert_eq!(scene.delete(&scene.index).await.status, 202);
    assert_eq!(scene.delete(&scene.image).await.status, 202);
    assert!(scene.has(&scene.child) && scene.has(&scene.accessory));
}

#[tokio::test]
async fn the_last_tag_of_ecr_takes_the_image_along() {
    let scene = Scene::new(preset::ecr()).await;
    for (tag, is_left) in [("a", true), ("b", false)] {
        assert_eq!(scene.delete(tag).await.status, 202);
        assert_eq!(scene.has(&scene.image), is_left, "{tag}");
    }
    assert_eq!(scene.delete("a").await.status, 404);
}

#[tokio::test]
async fn apis_take_tags_away() {
    for (builder, path, status) in [
        (harbor as fn() -> Builder, "/api/v2.0/projects/p/repositories/x%252Fapp/artifacts/a/tags/a", 200),
        (preset::azure, "/acr/v1/p/x/app/_tags/a", 202),
    ] {
        let scene = Scene::new(builder()).await;
        let reply = scene.bench.ask(Method::DELETE, path).await;
        assert_eq!(scene.left(&reply), left(status, &["b", "i"], true), "{path}");
        assert_eq!(scene.bench.ask(Method::DELETE, path).await.status, 404, "{path}");
    }
    let scene = Scene::new(preset::harbor()).await;
    let path = "/api/v2.0/projects/p/repositories/x%252Fapp/artifacts/a/tags/a";
    assert_eq!(scene.bench.ask(Method::DELETE, path).await.refusal(), (412, "PRECONDITION".to_owned()));
    assert_eq!(scene.bench.get("/api/version").await.json(), json!({"version": "v2.0"}));
    let open = Bench::open().await;
    assert_eq!(open.get("/api/version").await.status, 404, "others have no such API");
}
