//! The same protocol with Debian's docker-registry 2.8: bare, behind nginx with a limit on bodies, with tokens.

mod deletion;
mod manifest;

use bytes::Bytes;
use embedded_registry::sample;
use futures_util::stream;
use oci::{Algorithm, BrokenOff, Digest, ErrorKind, MediaType, RawManifest, TagOrDigest};
use registry::{Access, Catalog, Registry, Repository, Start};
use serde_json::{Value, json};
use testkit::{CertificateAuthority, DockerRegistry, TlsFront, TokenServer, TokenUser};

use crate::bench::{body, client, fill, push_blob, read_all, tag};
use crate::small_server::breaking_way;

const MIB: usize = 1 << 20;
const USER: (&str, &str) = ("mirror", "correct horse");

fn repository(client: &Registry, name: &str) -> Repository {
    client.repository(&name.parse().unwrap(), Access::PullPush)
}

async fn open() -> (DockerRegistry, Registry) {
    let server = DockerRegistry::open().await.unwrap();
    let client = client(&server.host(), None);
    (server, client)
}

fn descriptor(media_type: &str, bytes: &Bytes) -> Value {
    json!({"mediaType": media_type, "digest": Digest::sha256(bytes), "size": bytes.len()})
}

/// A manifest with an indentation that no serializer would produce again.
fn written(media_type: &MediaType, mut document: Value) -> RawManifest {
    document["schemaVersion"] = json!(2);
    document["mediaType"] = json!(media_type.as_str());
    RawManifest::from_answer(media_type, format!("{document:#}\n").into(), None).unwrap()
}

/// Sends config and layer, and returns a manifest of them.
async fn image(repository: &Repository, media_type: &MediaType, number: u64) -> RawManifest {
    let (config, layer) =
        (Bytes::from(r#"{"os":"linux","architecture":"amd64"}"#), sample::layer(number, 999));
    for blob in [&config, &layer] {
        push_blob(repository, blob).await.unwrap();
    }
    let (config_type, layer_type) = if *media_type == MediaType::OCI_MANIFEST {
        ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip")
    } else {
        (
            "application/vnd.docker.container.image.v1+json",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
        )
    };
    let (config, layer) = (descriptor(config_type, &config), descriptor(layer_type, &layer));
    written(media_type, json!({"config": config, "layers": [layer]}))
}

fn by_digest(manifest: &RawManifest) -> TagOrDigest {
    TagOrDigest::Digest(manifest.digest().clone())
}

/// Pushes by digest and by tag, and reads both back.
async fn passes(repository: &Repository, name: &str, manifest: &RawManifest) {
    for reference in [by_digest(manifest), tag(name)] {
        repository.push_manifest(&reference, manifest).await.unwrap();
        assert_eq!(repository.resolve(&reference).await.unwrap().as_ref(), Some(manifest.digest()));
        let read = repository.pull_manifest(&reference).await.unwrap();
        assert_eq!((read.bytes(), read.media_type()), (manifest.bytes(), manifest.media_type()));
    }
}

/// The lines of one method, without the sessions' ids.
fn methods(lines: &[String]) -> Vec<String> {
    let short = |line: &String| {
        let parts: Vec<_> = line.split(' ').collect();
        format!("{} {}", parts[0], parts[2])
    };
    lines.iter().map(short).collect()
}

async fn comes_back(repository: &Repository, bytes: &Bytes) {
    let digest = Digest::sha256(bytes);
    let mut reader = repository.pull_blob(&digest, Some(bytes.len() as u64)).await.unwrap();
    assert!(read_all(&mut reader).await.unwrap().0 == *bytes);
}

#[tokio::test]
async fn c12_c32_c34_c41_blobs_of_every_size_arrive_in_the_same_requests_as_anywhere() {
    for builder in [DockerRegistry::builder(), DockerRegistry::builder().relative_urls()] {
        let server = builder.start().await.unwrap();
        let client = client(&server.host(), None);
        let repository = repository(&client, "a/app");
        client.host_client().await.unwrap();
        for (size, expected) in [
            (0, vec!["POST 202", "PUT 201"]),
            (1000, vec!["POST 202", "PUT 201"]),
            (17 * MIB, vec!["POST 202", "PATCH 202", "PUT 201"]),
        ] {
            server.forget_requests();
            let bytes = sample::layer(1, size);
            let digest = push_blob(&repository, &bytes).await.unwrap();
            assert_eq!(methods(&server.requests()), expected, "{size}");
            assert!(std::fs::read(server.blob_file(&digest.to_string())).unwrap() == bytes);
            assert!(repository.has_blob(&digest).await.unwrap());
            comes_back(&repository, &bytes).await;
        }
    }
}

#[tokio::test]
async fn c27_blobs_that_are_elsewhere_come_without_the_login() {
    let builder = DockerRegistry::builder().htpasswd(USER.0, USER.1).redirect_blobs();
    let server = builder.start().await.unwrap();
    let client = client(&server.host(), Some(USER));
    let repository = repository(&client, "a/app");
    let bytes = sample::layer(1, 300_000);
    push_blob(&repository, &bytes).await.unwrap();
    comes_back(&repository, &bytes).await;
    assert_eq!(methods(&server.storage_requests()), ["GET 200"], "it answers 400 where a login comes along");
}

#[tokio::test]
async fn c23_c37_c39_a_broken_way_costs_a_blob_its_session_and_a_download_nothing() {
    let server = DockerRegistry::open().await.unwrap();
    let way = breaking_way(server.host(), 12 * MIB, 6 * MIB);
    let client = client(&way, None);
    let repository = repository(&client, "a/app");
    let bytes = sample::layer(1, 20 * MIB);
    let digest = push_blob(&repository, &bytes).await.unwrap();
    assert!(std::fs::read(server.blob_file(&digest.to_string())).unwrap() == bytes);
    let asked = methods(&server.requests());
    // 2.8 drops a session whose file is longer than the last reported offset: https://github.com/distribution/distribution,
    // `registry/handlers/blobupload.go`, "upload resumed at wrong offest".
    let count = |wanted: &str| asked.iter().filter(|line| *line == wanted).count();
    assert_eq!(
        [count("POST 202"), count("GET 404"), count("PATCH 202"), count("PUT 201")],
        [2, 1, 1, 1],
        "{asked:?}"
    );
    server.forget_requests();
    let mut reader = repository.pull_blob(&digest, Some(bytes.len() as u64)).await.unwrap();
    let (read, errors) = read_all(&mut reader).await.unwrap();
    assert!(read == bytes);
    assert_eq!(errors, [ErrorKind::Network]);
    assert_eq!(methods(&server.requests()), ["GET 200", "GET 206"]);
}

#[tokio::test]
async fn c42_what_nginx_finds_too_large_goes_in_chunks() {
    let server = DockerRegistry::open().await.unwrap();
    let authority = CertificateAuthority::generate().unwrap();
    let limit = 3 * MIB as u64;
    let front = TlsFront::builder(&authority, server.host()).max_body_bytes(limit).start().await.unwrap();
    for host in [front.host(), breaking_way(front.host(), 9 * MIB, usize::MAX)] {
        let client = client(&host, None);
        let repository = repository(&client, "a/app");
        for (number, size) in [(1, 20 * MIB + 5), (2, 9 * MIB), (3, 1000)] {
            front.forget_requests();
            let bytes = sample::layer(number, size);
            let digest = push_blob(&repository, &bytes).await.unwrap();
            assert!(std::fs::read(server.blob_file(&digest.to_string())).unwrap() == bytes);
            let asked = methods(&front.requests());
            let sessions = asked.iter().filter(|line| *line == "POST 202").count();
            if number > 1 {
                assert!(asked.iter().all(|line| !line.ends_with("413")), "learned: {asked:?}");
                let patches = if size > MIB { size.div_ceil(2 * MIB) } else { 0 };
                assert_eq!(asked.iter().filter(|line| *line == "PATCH 202").count(), patches, "{asked:?}");
                assert_eq!(sessions, 1, "{asked:?}");
            } else {
                let broke = usize::from(host != front.host());
                assert!((1..=1 + broke).contains(&sessions), "413 leaves the session as it was: {asked:?}");
            }
            std::fs::remove_file(server.blob_file(&digest.to_string())).unwrap();
        }
    }
}

#[tokio::test]
async fn c43_a_cancelled_session_is_gone_and_a_broken_off_blob_is_none() {
    let (server, client) = open().await;
    let repository = repository(&client, "a/app");
    let bytes = sample::layer(1, 1000);
    let digest = Digest::sha256(&bytes);
    let mut session = repository.start_upload().await.unwrap();
    let broken = stream::iter([Ok(bytes.slice(..500)), Err(BrokenOff)]);
    session.send(&digest, Some(1000), Box::pin(broken)).await.unwrap_err();
    session.cancel().await;
    assert!(methods(&server.requests()).ends_with(&["DELETE 204".to_owned()]), "{:?}", server.requests());
    assert!(!repository.has_blob(&digest).await.unwrap());
}

#[tokio::test]
async fn c05_bytes_that_are_not_the_blob_are_refused() {
    let (_server, client) = open().await;
    let mut session = repository(&client, "a/app").start_upload().await.unwrap();
    let (bytes, other) = (Bytes::from_static(b"one"), Digest::sha256(b"other"));
    let error = session.send(&other, Some(3), body(&bytes)).await.unwrap_err();
    assert!(error.has_code("DIGEST_INVALID") && !error.is_retryable(), "{error}");
}

#[tokio::test]
async fn c06_blobs_by_sha512_pass_and_manifests_are_refused_in_words() {
    let (_server, client) = open().await;
    let repository = repository(&client, "a/app");
    let bytes = Bytes::from_static(b"content");
    let digest = Algorithm::Sha512.digest(&bytes);
    let mut session = repository.start_upload().await.unwrap();
    session.send(&digest, Some(7), body(&bytes)).await.unwrap();
    let mut reader = repository.pull_blob(&digest, Some(7)).await.unwrap();
    assert_eq!(read_all(&mut reader).await.unwrap().0, bytes);
    let image = image(&repository, &MediaType::OCI_MANIFEST, 1).await;
    let by_sha512 = Algorithm::Sha512.digest(image.bytes());
    let manifest =
        RawManifest::from_answer(image.media_type(), image.bytes().clone(), Some(&by_sha512)).unwrap();
    let error = repository.push_manifest(&by_digest(&manifest), &manifest).await.unwrap_err();
    assert!(error.has_code("DIGEST_INVALID") && !error.is_retryable(), "{error}");
}

#[tokio::test]
async fn c46_a_mount_is_one_request_and_what_is_not_there_is_an_upload() {
    let (server, client) = open().await;
    let bytes = sample::layer(1, 1000);
    let blob = push_blob(&repository(&client, "a/base"), &bytes).await.unwrap();
    let target = repository(&client, "b/app");
    let base = "a/base".parse().unwrap();
    server.forget_requests();
    assert!(matches!(target.mount_or_start_upload(&blob, &base).await.unwrap(), Start::Mounted));
    assert_eq!(methods(&server.requests()), ["POST 201"]);
    comes_back(&target, &bytes).await;
    let bytes = sample::layer(2, 1000);
    let start = target.mount_or_start_upload(&Digest::sha256(&bytes), &base).await.unwrap();
    let Start::Session(mut session) = start else { panic!("there is nothing to mount") };
    fill(&mut session, &bytes).await.unwrap();
    comes_back(&target, &bytes).await;
}

#[tokio::test]
async fn c48_c72_c76_tokens_serve_uploads_mounts_lists_and_the_catalog_behind_nginx() {
    let user = TokenUser::new(USER.0, USER.1).grant("*", &["pull", "push"]);
    let tokens = TokenServer::harbor(vec![user]).await.unwrap();
    let server = DockerRegistry::token(&tokens).await.unwrap();
    let authority = CertificateAuthority::generate().unwrap();
    let front = TlsFront::builder(&authority, server.host()).token_server(&tokens).start().await.unwrap();
    let client = client(&front.host(), Some(USER));
    let base = repository(&client, "a/base");
    let bytes = sample::layer(1, 17 * MIB);
    let blob = push_blob(&base, &bytes).await.unwrap();
    let target = repository(&client, "b/app");
    let mounted = target.mount_or_start_upload(&blob, base.name()).await.unwrap();
    assert!(matches!(mounted, Start::Mounted));
    let image = image(&target, &MediaType::OCI_MANIFEST, 2).await;
    passes(&target, "v1", &image).await;
    comes_back(&target, &bytes).await;
    let page = target.tags().next().await.unwrap().unwrap();
    assert_eq!(page.tags, ["v1".parse().unwrap()]);
    let Catalog::Page(page) = client.catalog().next().await.unwrap() else { panic!("no catalog") };
    assert_eq!(page.repositories.len(), 2);
    assert!(tokens.requests() <= 4, "{:?}", tokens.request_lines());
}

#[tokio::test]
async fn c64_c75_who_may_not_write_is_told_so_once() {
    let user = TokenUser::new(USER.0, USER.1).grant("a/*", &["pull"]);
    let tokens = TokenServer::harbor(vec![user]).await.unwrap();
    let server = DockerRegistry::token(&tokens).await.unwrap();
    let client = client(&server.host(), Some(USER));
    let error = repository(&client, "a/app").start_upload().await.err().unwrap();
    assert!(matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unauthorized), "{error}");
    assert!(!error.is_retryable(), "{error}");
    let posts = server.requests().iter().filter(|line| line.starts_with("POST")).count();
    assert!(posts <= 2, "{:?}", server.requests());
}

#[tokio::test]
async fn c67_a_registry_that_is_read_only_refuses_for_good() {
    let server = DockerRegistry::builder().read_only().start().await.unwrap();
    let client = client(&server.host(), None);
    let error = repository(&client, "a/app").start_upload().await.err().unwrap();
    assert_eq!((error.status().unwrap().as_u16(), error.is_retryable()), (405, false), "{error}");
}
