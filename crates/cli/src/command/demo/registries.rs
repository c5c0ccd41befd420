//! The demo's two registries and the source's content.

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Access, EmbeddedRegistry, Grant, Store, TokenAccess, User};

pub(super) const SOURCE_USER: &str = "robot$library+mirror";
pub(super) const SOURCE_PASSWORD: &str = "demo-harbor-password";
pub(super) const TARGET_USER: &str = "mirror@demo-account";
pub(super) const TARGET_PASSWORD: &str = "demo-acr-password";
pub(super) const REPOSITORY: &str = "library/nginx";
pub(super) const NAMESPACE: &str = "image-syncer";

/// How ACR Enterprise Edition names itself in its challenge: region and instance.
const ACR_SERVICE: &str = "registry.aliyuncs.com:cn-shanghai:china:cri-demo";

/// Source and target. They run until this is dropped.
pub(super) struct Registries {
    pub(super) source: EmbeddedRegistry,
    pub(super) target: EmbeddedRegistry,
}

impl Registries {
    pub(super) async fn start() -> std::io::Result<Self> {
        let harbor_user = User::new(SOURCE_USER, SOURCE_PASSWORD, vec![Grant::pull("library/*")]);
        let acr_user = User::new(TARGET_USER, TARGET_PASSWORD, vec![Grant::push(&format!("{NAMESPACE}/*"))]);
        let harbor = Access::Token(TokenAccess::harbor(vec![harbor_user]));
        let acr = Access::Token(TokenAccess::acr(ACR_SERVICE, vec![acr_user]));
        let source = EmbeddedRegistry::builder().access(harbor).tag_page_size(3).start().await?;
        let target = EmbeddedRegistry::builder().access(acr).start().await?;
        seed(source.store());
        Ok(Self { source, target })
    }
}

/// Pushes two repositories with shared layers, a multi-platform index and a signature.
fn seed(store: &Store) {
    let base = [sample::layer(1, 3 << 20), sample::layer(2, 700 << 10)];
    let with = |number| [&base[..], &[sample::layer(number, 200 << 10)]].concat();
    for (tag, number) in [("1.24.0", 10), ("1.25.3", 11), ("1.26.1", 12)] {
        sample::image(store, REPOSITORY, Some(tag), Flavour::Docker, &with(number), "amd64");
    }
    let amd64 = sample::image(store, REPOSITORY, None, Flavour::Oci, &with(13), "amd64");
    let arm64 = sample::image(store, REPOSITORY, None, Flavour::Oci, &[sample::layer(14, 4 << 20)], "arm64");
    let index = sample::index(store, REPOSITORY, Some("1.27.0"), Flavour::Oci, &[amd64, arm64]);
    sample::signature(store, REPOSITORY, &index.digest);
    sample::image(store, "library/redis", Some("7.2"), Flavour::Docker, &with(20), "amd64");
}
