//! The same test with every registry whose quirks are known, from the first blob to its referrers.
//!
//! The host is 127.0.0.1 here, so no profile is found by name: the client must learn the quirks.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use embedded_registry::{
    Access as Login, Builder, Effect, Grant, LoggedRequest, Match, RefusedBasic, ScopePolicy, TokenAccess,
    TokenAnswers, TokenForm, TokenMethods, User, preset, sample,
};
use futures_util::future::join_all;
use oci::{Digest, ErrorKind, MediaType, RawManifest, TagOrDigest};
use registry::{Access, ReferrerFilter, Repository, Start, SubjectIndexed};
use serde_json::{Value, json};

use crate::bench::{Bench, as_referrer, fill, push_blob, read_all, tag};

const MIB: usize = 1 << 20;
const PASSWORD: &str = "correct horse";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Whether mounts are expected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mounting {
    Works,
    Declined,
}

fn users(name: &str) -> Vec<User> {
    vec![User::new(name, PASSWORD, vec![Grant::push("a/*")])]
}

fn basic(name: &str) -> Login {
    Login::Basic(users(name))
}

/// Tokens of a service that is not Harbor.
fn token(service: &str, name: &str) -> TokenAccess {
    TokenAccess {
        service: service.to_owned(),
        realm_path: "/token".to_owned(),
        refused_basic: RefusedBasic::Bearer,
        ..TokenAccess::harbor(users(name))
    }
}

/// As GHCR and Google: only `GET`, opaque tokens, and no unknown scope.
fn strict(service: &str, name: &str) -> Login {
    Login::Token(TokenAccess {
        methods: TokenMethods::Get,
        form: TokenForm::Opaque,
        scopes: ScopePolicy::AllOrNothing,
        ..token(service, name)
    })
}

fn acr(service: &str, name: &str) -> Login {
    Login::Token(TokenAccess::acr(service, users(name)))
}

/// One registry, and its content after the test.
struct Conversation {
    bench: Bench,
    name: &'static str,
}

impl Conversation {
    async fn start(name: &'static str, builder: Builder, login: Login) -> Self {
        let user = match &login {
            Login::Open => None,
            Login::Basic(users) => users.first(),
            Login::Token(access) => access.users.first(),
        };
        let user = user.map(|user| user.name.clone());
        let as_user = user.as_deref().map(|user| (user, PASSWORD));
        let bench = Bench::start(builder.access(login), as_user).await;
        for repository in ["a/app", "a/base"] {
            bench.server.store().create_repository(repository);
        }
        Self { bench, name }
    }

    fn repository(&self, name: &str) -> Repository {
        self.bench.repository(name, Access::PullPush)
    }

    fn stored(&self, repository: &str, digest: &Digest) -> Option<Bytes> {
        self.bench.server.store().blob(repository, &digest.to_string())
    }

    fn refused(&self) -> Vec<String> {
        let is_refused = |request: &LoggedRequest| request.status >= 400 && request.status != 401;
        self.bench.asked().iter().filter(|request| is_refused(request)).map(LoggedRequest::line).collect()
    }

    /// A small blob; a large one, whose first connection breaks; and another, for which everything is learned.
    async fn push_blobs(&self) -> [(Digest, Bytes); 3] {
        let repository = self.repository("a/base");
        let blobs = [sample::layer(1, 300), sample::layer(2, 17 * MIB + 3), sample::layer(3, 20 * MIB)];
        let mut pushed = Vec::new();
        for (at, bytes) in blobs.into_iter().enumerate() {
            if at == 1 {
                self.bench.misbehave_once(Match::patch("/uploads/"), Effect::CutRequestAfter(12 * MIB));
            }
            self.bench.server.clear_requests();
            let digest = push_blob(&repository, &bytes).await;
            let digest =
                digest.unwrap_or_else(|error| panic!("{}: {error} {:?}", self.name, self.bench.lines()));
            assert!(self.stored("a/base", &digest).as_ref() == Some(&bytes), "{}", self.name);
            pushed.push((digest, bytes));
        }
        assert_eq!(self.refused(), [""; 0], "{}: the third blob goes as the others taught", self.name);
        pushed.try_into().unwrap()
    }

    async fn pull_blobs(&self, blobs: &[(Digest, Bytes)]) {
        let repository = self.repository("a/base");
        self.bench.misbehave_once(Match::get("/blobs/"), Effect::CutBodyAfter(5 * MIB));
        for (digest, bytes) in blobs {
            assert!(repository.has_blob(digest).await.unwrap(), "{}", self.name);
            let mut reader = repository.pull_blob(digest, Some(bytes.len() as u64)).await.unwrap();
            let (read, _) = read_all(&mut reader).await.unwrap();
            assert!(read == *bytes, "{}", self.name);
        }
        assert!(!repository.has_blob(&Digest::sha256(b"not there")).await.unwrap(), "{}", self.name);
    }

    async fn mount(&self, (digest, bytes): &(Digest, Bytes), mounting: Mounting) {
        let start = self.repository("a/app").mount_or_start_upload(digest, &"a/base".parse().unwrap()).await;
        match (start.unwrap(), mounting) {
            (Start::Mounted, Mounting::Works) => {}
            (Start::Session(mut session), Mounting::Declined) => {
                fill(&mut session, bytes).await.unwrap();
            }
            _ => panic!("{}: {:?}", self.name, self.bench.lines()),
        }
        assert!(self.stored("a/app", digest).as_ref() == Some(bytes), "{}", self.name);
    }

    async fn push_manifest(&self, document: &Value, reference: Option<&str>) -> RawManifest {
        let text = format!("{document:#}\n");
        let manifest = RawManifest::from_answer(&MediaType::OCI_MANIFEST, text.into(), None).unwrap();
        let repository = self.repository("a/app");
        let by_digest = TagOrDigest::Digest(manifest.digest().clone());
        let pushed = repository.push_manifest(&by_digest, &manifest).await.unwrap();
        if let Some(name) = reference {
            repository.push_manifest(&tag(name), &manifest).await.unwrap();
        }
        if pushed.subject == SubjectIndexed::NotByRegistry {
            let subject = manifest.subject().unwrap().unwrap();
            repository.add_referrer(&subject.digest, &as_referrer(&manifest)).await.unwrap();
        }
        let stored = self.bench.server.store().manifest("a/app", &manifest.digest().to_string());
        assert_eq!(stored.unwrap().bytes, manifest.bytes(), "{}", self.name);
        manifest
    }

    async fn manifests_and_tags(&self, image: &RawManifest) {
        let repository = self.repository("a/app");
        for reference in [tag("v1"), tag("v2"), TagOrDigest::Digest(image.digest().clone())] {
            assert_eq!(
                repository.resolve(&reference).await.unwrap().as_ref(),
                Some(image.digest()),
                "{}",
                self.name
            );
            let read = repository.pull_manifest(&reference).await.unwrap();
            assert_eq!(
                (read.bytes(), read.media_type()),
                (image.bytes(), image.media_type()),
                "{}",
                self.name
            );
        }
        assert_eq!(repository.resolve(&tag("gone")).await.unwrap(), None, "{}", self.name);
        let error = repository.pull_manifest(&tag("gone")).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::NotFound, false), "{}", self.name);
        let (mut pages, mut tags) = (repository.tags(), Vec::new());
        while let Some(page) = pages.next().await.unwrap() {
            tags.extend(page.tags.iter().map(ToString::to_string));
        }
        assert_eq!(tags, ["v1", "v2"], "{}", self.name);
    }

    async fn referrers(&self, image: &RawManifest, content: &Value) {
        let mut expected = HashSet::new();
        for kind in ["a/sig", "a/sbom"] {
            let referrer = json!({
                "schemaVersion": 2, "mediaType": image.media_type().as_str(), "artifactType": kind,
                "config": content, "layers": [],
                "subject": {
                    "mediaType": image.media_type().as_str(), "digest": image.digest(), "size": image.bytes().len(),
                },
            });
            expected.insert(self.push_manifest(&referrer, None).await.digest().clone());
        }
        let repository = self.repository("a/app");
        let found = repository.referrers(image.digest(), &ReferrerFilter::all()).await.unwrap();
        let found: HashSet<_> = found.into_iter().map(|referrer| referrer.digest).collect();
        assert_eq!(found, expected, "{}: {:?}", self.name, self.bench.lines());
        let one = ReferrerFilter { artifact_types: vec![MediaType::new("a/sig")], ..ReferrerFilter::all() };
        let found = repository.referrers(image.digest(), &one).await.unwrap();
        assert_eq!(found.len(), 1, "{}", self.name);
    }
}

async fn converse(name: &'static str, builder: Builder, login: Login, mounting: Mounting) {
    let talk = Conversation::start(name, builder, login).await;
    let blobs = talk.push_blobs().await;
    talk.pull_blobs(&blobs).await;
    for blob in &blobs[..2] {
        talk.mount(blob, mounting).await;
    }
    let descriptor = |media_type: &str, (digest, bytes): &(Digest, Bytes)| json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
    let image = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST.as_str(),
        "config": descriptor(CONFIG, &blobs[0]), "layers": [descriptor(LAYER, &blobs[1])],
    });
    let image = talk.push_manifest(&image, Some("v1")).await;
    talk.repository("a/app").push_manifest(&tag("v2"), &image).await.unwrap();
    talk.manifests_and_tags(&image).await;
    talk.referrers(&image, &descriptor("application/vnd.example.config", &blobs[0])).await;
    assert_eq!(talk.bench.server.store().open_uploads(), 0, "{name}: no session is left behind");
}

#[tokio::test]
async fn c41_uploads_at_the_same_time_all_learn_the_same() {
    for (name, builder, size) in [
        ("google", preset::google(), 17 * MIB),
        ("jfrog", preset::jfrog(), 1000),
        ("ghcr", preset::ghcr(), 17 * MIB),
    ] {
        let talk = Conversation::start(name, builder, Login::Open).await;
        let repository = talk.repository("a/app");
        let blobs: Vec<_> = (0..4).map(|number| sample::layer(number, size)).collect();
        for pushed in join_all(blobs.iter().map(|bytes| push_blob(&repository, bytes))).await {
            pushed.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert_eq!(talk.bench.server.store().blob_count("a/app"), 4, "{name}");
    }
}

#[tokio::test]
async fn c41_docker_hub() {
    let login = Login::Token(token("registry.docker.io", "somebody"));
    converse("docker_hub", preset::docker_hub(), login, Mounting::Works).await;
}

#[tokio::test]
async fn c41_ghcr() {
    converse("ghcr", preset::ghcr(), strict("ghcr.io", "somebody"), Mounting::Works).await;
}

#[tokio::test]
async fn c41_google() {
    let login = strict("europe-docker.pkg.dev", "_json_key");
    converse("google", preset::google(), login, Mounting::Works).await;
}

#[tokio::test]
async fn c41_ecr() {
    converse("ecr", preset::ecr(), basic("AWS"), Mounting::Declined).await;
}

#[tokio::test]
async fn c41_ecr_early() {
    converse("ecr_early", preset::ecr_early(), basic("AWS"), Mounting::Declined).await;
}

#[tokio::test]
async fn c41_quay() {
    let login = Login::Token(TokenAccess { methods: TokenMethods::Get, ..token("quay.io", "team+robot") });
    converse("quay", preset::quay(), login, Mounting::Works).await;
}

#[tokio::test]
async fn c41_azure() {
    let user = "00000000-0000-0000-0000-000000000000";
    let answers = TokenAnswers::RefreshToken;
    let login = Login::Token(TokenAccess { answers, ..token("team.azurecr.io", user) });
    converse("azure", preset::azure(), login, Mounting::Works).await;
}

#[tokio::test]
async fn c41_harbor() {
    let login = Login::Token(TokenAccess::harbor(users("robot$a+mirror")));
    converse("harbor", preset::harbor(), login, Mounting::Works).await;
}

#[tokio::test]
async fn c41_acr_personal() {
    let login = acr("registry.aliyuncs.com:cn-hangzhou:26842", "somebody@example");
    converse("acr_personal", preset::acr_personal(), login, Mounting::Works).await;
}

#[tokio::test]
async fn c41_acr_enterprise() {
    let login = acr("registry.aliyuncs.com:cn-shanghai:china:cri-test", "cr_temp_user");
    converse("acr_enterprise", preset::acr_enterprise(), login, Mounting::Works).await;
}

#[tokio::test]
async fn c41_swr() {
    converse("swr", preset::swr(), basic("cn-north-4@AK"), Mounting::Works).await;
}

#[tokio::test]
async fn c41_tcr() {
    let login = Login::Token(token("token-service", "100000000000"));
    converse("tcr", preset::tcr(), login, Mounting::Works).await;
}

#[tokio::test]
async fn c41_gitlab() {
    let lifetime = Duration::from_secs(300);
    let access = TokenAccess {
        lifetime,
        answers: TokenAnswers::AccessTokenOnly,
        ..token("container_registry", "gitlab-ci-token")
    };
    converse("gitlab", preset::gitlab(), Login::Token(access), Mounting::Works).await;
}

#[tokio::test]
async fn c41_nexus() {
    converse("nexus", preset::nexus(), basic("admin"), Mounting::Works).await;
}

#[tokio::test]
async fn c41_jfrog() {
    converse("jfrog", preset::jfrog(), basic("admin"), Mounting::Works).await;
}

#[tokio::test]
async fn c41_distribution_2() {
    converse("distribution_2", preset::distribution_2(), basic("somebody"), Mounting::Works).await;
}

#[tokio::test]
async fn c41_distribution_3() {
    converse("distribution_3", preset::distribution_3(), basic("somebody"), Mounting::Works).await;
}

#[tokio::test]
async fn c41_zot() {
    converse("zot", preset::zot(), basic("somebody"), Mounting::Works).await;
}
