//! Alibaba Cloud's side of a migration: an Enterprise Edition registry with its token server and API.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use testkit::seed::Pusher;
use testkit::{AcrApi, AcrInstance, DockerRegistry, HarborBench, TokenServer, compare};

use crate::process::Workplace;

pub(crate) const KEY: (&str, &str) = ("LTAI-test", "key-secret-hunter2");
pub(crate) const INSTANCE: &str = "cri-test";
const SERVICE: &str = "registry.aliyuncs.com:cn-shanghai:china:cri-test";

pub(crate) struct Acr {
    pub(crate) api: AcrApi,
    pub(crate) tokens: TokenServer,
    pub(crate) registry: DockerRegistry,
}

impl Acr {
    /// An instance without namespaces, whose logins come only from its API.
    pub(crate) async fn start() -> Result<Self> {
        Self::with(TokenServer::acr(Vec::new(), SERVICE).await?).await
    }

    /// Like [`Acr::start`], with tokens that expire after three seconds.
    pub(crate) async fn with_short_tokens() -> Result<Self> {
        let tokens = TokenServer::acr(Vec::new(), SERVICE).await?;
        Self::with(tokens.lifetime(Duration::from_secs(3))).await
    }

    async fn with(tokens: TokenServer) -> Result<Self> {
        let registry = DockerRegistry::token(&tokens).await?;
        let api = AcrApi::start().await?;
        api.add_key(KEY.0, KEY.1);
        api.add_instance(AcrInstance::new(INSTANCE, "my"));
        api.hand_out_logins_for(&tokens, &["pull", "push"]);
        api.show_content_of(INSTANCE, &registry);
        Ok(Self { api, tokens, registry })
    }

    pub(crate) fn host(&self) -> String {
        self.registry.host()
    }

    pub(crate) fn pusher(&self) -> Pusher {
        Pusher::new(self.registry.host()).token(&self.tokens)
    }

    /// The registry's entry in `auth`.
    pub(crate) fn entry(&self, more: &str) -> String {
        format!(
            r#""{}": {{"provider": "acr", "endpoint": "{}", "insecure": true{more}}}"#,
            self.host(),
            self.api.url()
        )
    }

    /// The number of API calls.
    pub(crate) fn calls(&self) -> usize {
        self.api.requests().len()
    }
}

/// The entry of Harbor in `auth`.
pub(crate) fn harbor_entry(harbor: &HarborBench, (user, password): (&str, &str)) -> String {
    format!(r#""{}": {{"username": "{user}", "password": "{password}", "insecure": true}}"#, harbor.host())
}

/// A workplace with the access key in its environment.
pub(crate) fn workplace() -> Result<Workplace> {
    let mut workplace = Workplace::new()?;
    workplace.variable("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.0);
    workplace.variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY.1);
    Ok(workplace)
}

/// Writes `c.json` with these entries and one rule.
pub(crate) fn configure(workplace: &Workplace, entries: &[String], source: &str, target: &str) -> Result<()> {
    let auth = entries.join(", ");
    let text = format!(r#"{{"auth": {{{auth}}}, "images": {{"{source}": "{target}"}}}}"#);
    workplace.write("c.json", &text)?;
    Ok(())
}

/// Fails unless all tags of these repositories are complete below `namespace`.
pub(crate) async fn assert_arrived(
    from: &Pusher,
    to: &Pusher,
    repositories: &[String],
    target_of: impl Fn(&str) -> String,
) -> Result<usize> {
    let mut tags = 0;
    for repository in repositories {
        let target = target_of(repository);
        let differences = compare::repositories(from, repository, to, &target).await?;
        ensure!(differences.is_empty(), "{repository}: {differences:?}");
        let here = from.tags(repository).await.with_context(|| repository.clone())?;
        ensure!(!here.is_empty(), "{repository} has no tags");
        tags += here.len();
    }
    Ok(tags)
}
