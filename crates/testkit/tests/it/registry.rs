//! docker-registry with and without a password, the seeder, the judge and the comparison.

use std::path::{Path, PathBuf};

use testkit::seed::{Flavour, Image, Pusher, layer};
use testkit::{DockerRegistry, Skopeo, compare};

use crate::seed_index;

#[tokio::test]
async fn seeded_images_are_complete_to_skopeo() {
    let registry = DockerRegistry::open().await.unwrap();
    let (host, pusher) = (registry.host(), Pusher::new(registry.host()));
    for (repository, flavour) in [("library/docker", Flavour::Docker), ("library/oci", Flavour::Oci)] {
        let index = seed_index(&pusher, repository, flavour).await;
        Skopeo::image_is_complete(&host, repository, "v1", None).await.unwrap();
        assert_eq!(Skopeo::digest(&host, repository, "v1", None).await.unwrap(), index.digest);
        let signature = format!("{}.sig", index.digest.replace(':', "-"));
        assert_eq!(Skopeo::list_tags(&host, repository, None).await.unwrap(), [signature.as_str(), "v1"]);
        assert_eq!(pusher.tags(repository).await.unwrap(), [signature.as_str(), "v1"]);
        let (media_type, bytes) = pusher.manifest(repository, "v1").await.unwrap().unwrap();
        assert_eq!((media_type, bytes.len() as u64), (index.media_type, index.size));
    }
}

#[tokio::test]
async fn artifact_with_subject_is_stored_verbatim() {
    let registry = DockerRegistry::open().await.unwrap();
    let pusher = Pusher::new(registry.host());
    let index = seed_index(&pusher, "library/app", Flavour::Oci).await;
    let chart = pusher.artifact("library/app", "sbom", "application/spdx+json", Some(&index)).await.unwrap();
    let (_, bytes) = pusher.manifest("library/app", &chart.digest).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains(&index.digest));
}

#[tokio::test]
async fn wrong_password_is_refused() {
    let registry = DockerRegistry::htpasswd("robot$sync", "s:e$cret").await.unwrap();
    let host = registry.host();
    let pusher = Pusher::new(&host).basic("robot$sync", "s:e$cret");
    let image = Image::new(Flavour::Oci).layer(layer(1, 100));
    pusher.image("library/app", "v1", &image).await.unwrap();
    Skopeo::image_is_complete(&host, "library/app", "v1", Some(("robot$sync", "s:e$cret"))).await.unwrap();

    let wrong = Pusher::new(&host).basic("robot$sync", "wrong");
    assert!(wrong.tags("library/app").await.unwrap_err().to_string().contains("401"));
    assert!(Pusher::new(&host).tags("library/app").await.is_err());
    assert!(Skopeo::inspect_raw(&host, "library/app", "v1", Some(("robot$sync", "wrong"))).await.is_err());
}

#[tokio::test]
async fn only_foreign_requests_count() {
    let registry = DockerRegistry::open().await.unwrap();
    let host = registry.host();
    seed_index(&Pusher::new(&host), "library/app", Flavour::Oci).await;
    Skopeo::image_is_complete(&host, "library/app", "v1", None).await.unwrap();
    assert_eq!(registry.requests(), [""; 0]);

    let url = format!("http://{host}/v2/library/app/manifests/v2");
    let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    client.head(&url).send().await.unwrap();
    assert_eq!(registry.requests(), ["HEAD /v2/library/app/manifests/v2 404"]);
    registry.forget_requests();
    assert_eq!(registry.requests(), [""; 0]);
    assert!(registry.log().contains("listening on"));
}

#[tokio::test]
async fn data_and_port_survive_a_crash() {
    let mut registry = DockerRegistry::open().await.unwrap();
    let host = registry.host();
    let pusher = Pusher::new(&host);
    seed_index(&pusher, "library/app", Flavour::Oci).await;
    registry.stop();
    assert!(pusher.tags("library/app").await.is_err());
    registry.restart().await.unwrap();
    assert_eq!(registry.host(), host);
    Skopeo::image_is_complete(&host, "library/app", "v1", None).await.unwrap();
}

#[tokio::test]
async fn nothing_is_left_after_drop() {
    let registry = DockerRegistry::builder().redirect_blobs().start().await.unwrap();
    let folder = registry.data_dir().to_owned();
    let process = PathBuf::from(format!("/proc/{}", registry.process_id().unwrap()));
    assert!(folder.exists() && process.exists());
    drop(registry);
    assert!(!folder.exists() && !process.exists());
    assert!(!names_in_any_process(&folder));
}

/// Whether any process was started with a path below `folder`'s parent.
fn names_in_any_process(folder: &Path) -> bool {
    let name = folder.parent().unwrap().to_string_lossy().into_owned();
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|command| String::from_utf8_lossy(&command).contains(&name))
}

#[tokio::test]
async fn blobs_are_redirected_to_storage_that_takes_no_credentials() {
    let builder = DockerRegistry::builder().htpasswd("user", "password").redirect_blobs().relative_urls();
    let registry = builder.start().await.unwrap();
    let host = registry.host();
    seed_index(&Pusher::new(&host).basic("user", "password"), "library/app", Flavour::Oci).await;
    Skopeo::image_is_complete(&host, "library/app", "v1", Some(("user", "password"))).await.unwrap();
    assert_eq!(registry.storage_requests(), [""; 0], "skopeo is not counted there either");

    let blob = testkit::digest_of(&layer(1, 5000));
    let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
    let get =
        client.get(format!("http://{host}/v2/library/app/blobs/{blob}")).basic_auth("user", Some("password"));
    assert_eq!(get.send().await.unwrap().bytes().await.unwrap(), layer(1, 5000));
    assert_eq!(registry.storage_requests().len(), 1);
}

#[tokio::test]
async fn read_only_registry_refuses_pushes() {
    let registry = DockerRegistry::builder().read_only().start().await.unwrap();
    let refused = Pusher::new(registry.host()).push_blob("library/app", "bytes").await.unwrap_err();
    assert!(refused.to_string().contains("405"), "{refused}");
}

#[tokio::test]
async fn comparison_names_every_difference() {
    let source = DockerRegistry::open().await.unwrap();
    let target = DockerRegistry::open().await.unwrap();
    let (from, to) = (Pusher::new(source.host()), Pusher::new(target.host()));
    let index = seed_index(&from, "library/app", Flavour::Oci).await;
    let image = |number| Image::new(Flavour::Oci).layer(layer(number, 300));
    from.image("library/app", "moved", &image(7)).await.unwrap();

    let differences = compare::repositories(&from, "library/app", &to, "mirror/app").await.unwrap();
    assert_eq!(differences.len(), 3, "{differences:?}");

    seed_index(&to, "mirror/app", Flavour::Oci).await;
    to.image("mirror/app", "moved", &image(7)).await.unwrap();
    assert_eq!(compare::repositories(&from, "library/app", &to, "mirror/app").await.unwrap(), [""; 0]);

    to.image("mirror/app", "moved", &image(8)).await.unwrap();
    let damaged = testkit::digest_of(&layer(2, 70_000));
    std::fs::write(target.blob_file(&damaged), layer(9, 70_000)).unwrap();
    let removed = testkit::digest_of(&layer(3, 70_000));
    to.delete_blob("mirror/app", &removed).await.unwrap();
    let differences =
        compare::repositories(&from, "library/app", &to, "mirror/app").await.unwrap().join("\n");
    assert!(differences.contains("tag moved is sha256:"), "{differences}");
    assert!(differences.contains(&format!("blob {damaged} is damaged")), "{differences}");
    assert!(differences.contains(&format!("blob {removed} is missing")), "{differences}");
    assert!(Skopeo::image_is_complete(&target.host(), "mirror/app", "v1", None).await.is_err());
    to.delete_manifest("mirror/app", &index.digest).await.unwrap();
    assert!(compare::missing_content(&to, "mirror/app", "v1").await.unwrap()[0].contains("manifest v1"));
}
