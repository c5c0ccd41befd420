//! The registries of the seed scenario: a Harbor with token login, an ACR that accepts pushes to one namespace.

use anyhow::{Result, ensure};
use testkit::seed::{Flavour, Image, Pusher, layer};
use testkit::{DockerRegistry, Skopeo, TokenServer, TokenUser, compare};

use crate::process::Workplace;

pub(crate) const HARBOR: (&str, &str) = ("robot$library+mirror", "harbor-secret-password");
pub(crate) const ACR: (&str, &str) = ("mirror@account", "acr-secret-password");
pub(crate) const SECRETS: [&str; 2] = [HARBOR.1, ACR.1];

pub(crate) struct World {
    pub(crate) source: DockerRegistry,
    pub(crate) target: DockerRegistry,
    pub(crate) source_tokens: TokenServer,
    pub(crate) target_tokens: TokenServer,
    pub(crate) workplace: Workplace,
}

impl World {
    pub(crate) async fn start() -> Result<Self> {
        let harbor_user = TokenUser::new(HARBOR.0, HARBOR.1).grant("library/*", &["pull"]);
        let acr_user = TokenUser::new(ACR.0, ACR.1).grant("image-syncer/*", &["pull", "push"]);
        let source_tokens = TokenServer::harbor(vec![harbor_user]).await?;
        let service = "registry.aliyuncs.com:cn-shanghai:china:cri-test";
        let target_tokens = TokenServer::acr(vec![acr_user], service).await?;
        let world = Self {
            source: DockerRegistry::token(&source_tokens).await?,
            target: DockerRegistry::token(&target_tokens).await?,
            source_tokens,
            target_tokens,
            workplace: Workplace::new()?,
        };
        seed(&world.source_pusher(), "library/nginx").await?;
        Ok(world)
    }

    pub(crate) fn source_pusher(&self) -> Pusher {
        Pusher::new(self.source.host()).token(&self.source_tokens)
    }

    pub(crate) fn target_pusher(&self) -> Pusher {
        Pusher::new(self.target.host()).token(&self.target_tokens)
    }

    /// The seed's `harbor-to-acr.json`, possibly with other rules.
    pub(crate) fn config(&self, images: &str, password: &str) -> String {
        format!(
            r#"{{"auth": {{"{}": {{"username": "{}", "password": "{password}", "insecure": true}},
                "{}": {{"username": "{}", "password": "{}", "insecure": true}}}},
            "images": {images}}}"#,
            self.source.host(),
            HARBOR.0,
            self.target.host(),
            ACR.0,
            ACR.1,
        )
    }

    /// The seed's command.
    pub(crate) fn command(&self) -> String {
        format!(
            "--proc=10 --config=./harbor-to-acr.json --registry={} --namespace=image-syncer --retries=10 --log=./log",
            self.target.host(),
        )
    }

    pub(crate) fn forget_requests(&self) {
        self.source.forget_requests();
        self.target.forget_requests();
    }
}

/// Six tags of different kinds: Docker and OCI, shared layers, an indented index, a signature, an artifact.
pub(crate) async fn seed(registry: &Pusher, repository: &str) -> Result<()> {
    let image = |number, flavour| Image::new(flavour).layer(layer(1, 400_000)).layer(layer(number, 50_000));
    registry.image(repository, "1.24", &image(10, Flavour::Docker)).await?;
    registry.image(repository, "1.25", &image(11, Flavour::Docker)).await?;
    registry.image(repository, "1.26", &image(12, Flavour::Oci)).await?;
    let amd64 = registry.image(repository, None, &image(13, Flavour::Oci)).await?;
    let arm64 = registry.image(repository, None, &image(14, Flavour::Oci).platform("linux/arm64/v8")).await?;
    let index = registry.index(repository, "1.27", &[amd64, arm64]).await?;
    registry.signature(repository, &index.digest).await?;
    // Larger than a single PUT.
    registry.image(repository, "large", &Image::new(Flavour::Docker).layer(layer(20, 17 << 20))).await?;
    Ok(())
}

/// Fails unless every tag of the source is at the target, complete and with the same digest; skopeo confirms it.
pub(crate) async fn assert_same(
    source: &Pusher,
    from: &str,
    target: &Pusher,
    target_host: &str,
    to: &str,
    login: Option<(&str, &str)>,
) -> Result<()> {
    let differences = compare::repositories(source, from, target, to).await?;
    ensure!(differences.is_empty(), "{differences:?}");
    let mut tags = source.tags(from).await?;
    tags.sort();
    ensure!(!tags.is_empty(), "the source has no tags");
    ensure!(Skopeo::list_tags(target_host, to, login).await? == tags, "skopeo lists other tags");
    for tag in tags {
        let digest = Skopeo::digest(target_host, to, &tag, login).await?;
        ensure!(source.digest(from, &tag).await? == Some(digest), "skopeo sees another digest for {tag}");
    }
    Ok(())
}
