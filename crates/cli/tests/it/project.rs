//! A whole Harbor to an Enterprise Edition instance by one rule, with a temporary login; then again.

use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::HarborBench;
use testkit::seed::{Flavour, Image, Pusher, layer};

use crate::acr_world::{Acr, KEY, assert_arrived, configure, harbor_entry, workplace};
use crate::process::{Ran, Workplace};

const RICH: &str = "library/deep/er/rich";

struct Migration {
    harbor: HarborBench,
    acr: Acr,
    workplace: Workplace,
    repositories: Vec<String>,
}

impl Migration {
    /// Harbor with `count` small repositories, one with an index and signatures, and a proxy-cache project.
    async fn start(count: usize) -> Result<Self> {
        Self::start_with(count, Acr::start().await?).await
    }

    async fn start_with(count: usize, acr: Acr) -> Result<Self> {
        let harbor = HarborBench::start().await?;
        let mut repositories = harbor.seed_small(count).await?;
        rich(&harbor.pusher()).await?;
        repositories.push(RICH.to_owned());
        harbor
            .pusher()
            .image("cache/hub/alpine", "v1", &Image::new(Flavour::Oci).layer(layer(9, 64)))
            .await?;
        harbor.add_proxy_project("cache");
        harbor.forget_requests();
        let workplace = workplace()?;
        let entries = [harbor_entry(&harbor, HarborBench::ADMINISTRATOR), acr.entry(r#", "create": true"#)];
        let (source, target) = (format!("{}/**", harbor.host()), format!("{}/image-syncer", acr.host()));
        configure(&workplace, &entries, &source, &target)?;
        Ok(Self { harbor, acr, workplace, repositories })
    }

    fn run(&self, flags: &str) -> Result<Ran> {
        self.workplace.run(&format!("--config c.json --proc 10 {flags}"))?.hides(&[KEY.1])
    }

    async fn assert_arrived(&self) -> Result<usize> {
        let (from, to) = (self.harbor.pusher(), self.acr.pusher());
        assert_arrived(&from, &to, &self.repositories, |name| format!("image-syncer/{name}")).await
    }
}

/// An index, a cosign signature under a tag, and an SBOM with the index as its subject.
async fn rich(registry: &Pusher) -> Result<()> {
    let image = |number| Image::new(Flavour::Oci).layer(layer(number, 700));
    let amd64 = registry.image(RICH, None, &image(1)).await?;
    let arm64 = registry.image(RICH, None, &image(2).platform("linux/arm64/v8")).await?;
    let index = registry.index(RICH, "v1", &[amd64, arm64]).await?;
    registry.signature(RICH, &index.digest).await?;
    registry.artifact(RICH, None, "application/spdx+json", Some(&index)).await?;
    Ok(())
}

/// The number of lines that contain this text.
fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|line| line.contains(what)).count()
}

#[tokio::test]
async fn one_rule_copies_130_repositories_and_the_next_run_hardly_asks() -> Result<()> {
    let migration = Migration::start(130).await?;
    let (harbor, acr) = (&migration.harbor, &migration.acr);
    let ran = migration.run("")?.expect_code(0)?;
    ran.says(&["along            1 ", "project `cache` is a cache of another registry: it is left out"])?;
    let tags = migration.assert_arrived().await?;
    ensure!(tags == 145, "{tags}");
    ensure!(acr.api.calls("CreateNamespace") == 1 && acr.api.calls("GetAuthorizationToken") == 1);
    ensure!(acr.api.calls("GetRepository") == 0, "an empty namespace is known to be empty");
    ensure!(acr.pusher().tags("image-syncer/cache/hub/alpine").await?.is_empty(), "the cache stays behind");

    harbor.forget_requests();
    acr.registry.forget_requests();
    let before = acr.calls();
    migration.run("")?.expect_code(0)?.says(&["copied           0 images", "unchanged      145 images"])?;
    let (at_source, at_target) = (harbor.requests(), acr.registry.requests());
    // One list of tags, and one of artifacts: each repository has far fewer than a hundred tags.
    let lists = [count(&at_source, "/tags/list"), count(&at_source, "/artifacts?")];
    ensure!(lists == [131, 131], "{lists:?}");
    // cosign's tags for signatures are not in the list of artifacts.
    let heads: Vec<_> = at_source.iter().filter(|line| line.starts_with("HEAD ")).collect();
    ensure!(heads.len() == 1 && heads[0].contains(".sig "), "{heads:?}");
    // How many repositories share a token depends on which lists overlap in time.
    let others = at_source.len() - 262;
    ensure!(others <= 40, "projects, repositories, tokens, one signature: {others}");
    ensure!(count(&at_source, "/referrers/") == 3, "only where something refers to an image");
    let by_tag = |line: &&String| line.contains("/manifests/") && !line.contains("/manifests/sha256");
    ensure!(at_target.iter().find(by_tag).is_none() && at_target.len() <= 4, "{at_target:#?}");
    let calls = acr.api.requests()[before..].to_vec();
    let called = |action: &str| calls.iter().filter(|call| call.action == action).count();
    ensure!(called("ListRepoTag") == 131 && called("ListRepository") == 2 && calls.len() == 134, "{calls:?}");
    Ok(())
}

#[tokio::test]
async fn a_hundred_unchanged_tags_cost_one_request_at_each_api() -> Result<()> {
    let migration = Migration::start(0).await?;
    let (harbor, acr) = (&migration.harbor, &migration.acr);
    let pusher = harbor.pusher();
    let one = pusher.image("library/many", "t000", &Image::new(Flavour::Oci).layer(layer(1, 64))).await?;
    let (media_type, bytes) = pusher.manifest("library/many", &one.digest).await?.unwrap_or_default();
    let mut manifest: serde_json::Value = serde_json::from_slice(&bytes)?;
    for number in 1..250 {
        let tag = format!("t{number:03}");
        manifest["annotations"] = serde_json::json!({"number": tag});
        pusher.push_manifest("library/many", &tag, &media_type, manifest.to_string()).await?;
    }
    migration.run("")?.expect_code(0)?;
    harbor.forget_requests();
    acr.registry.forget_requests();
    let before = acr.calls();
    migration.run("")?.expect_code(0)?.says(&["unchanged      252 images"])?;
    let at_source: Vec<_> = harbor.requests().into_iter().filter(|line| line.contains("many")).collect();
    ensure!(count(&at_source, "/artifacts?") == 3 && count(&at_source, "/tags/list") == 1, "{at_source:?}");
    ensure!(at_source.len() <= 5, "and perhaps a token: {at_source:?}");
    ensure!(count(&acr.registry.requests(), "/many/") == 0, "the registry itself is not asked");
    let calls = acr.api.requests()[before..].to_vec();
    let pages =
        |call: &&testkit::ApiRequest| call.parameter("RepoId") == Some("crr-image-syncer-library/many");
    ensure!(calls.iter().filter(pages).count() == 3, "{calls:?}");
    Ok(())
}

#[tokio::test]
async fn logins_and_tokens_that_end_meanwhile_are_renewed() -> Result<()> {
    let migration = Migration::start_with(40, Acr::with_short_tokens().await?).await?;
    // So short that it must be renewed during the run.
    migration.acr.api.set_login_lifetime(Duration::from_millis(400));
    migration.run("")?.expect_code(0)?;
    migration.assert_arrived().await?;
    let (logins, tokens) =
        (migration.acr.api.calls("GetAuthorizationToken"), migration.acr.tokens.request_lines());
    ensure!(logins > 1 && tokens.iter().all(|line| line.ends_with(" 200")), "{logins} {tokens:?}");
    Ok(())
}

#[tokio::test]
async fn what_refers_to_images_is_counted_where_it_is_left() -> Result<()> {
    let migration = Migration::start(1).await?;
    migration.run("--referrers=false")?.expect_code(0)?.says(&["left             2 signatures, SBOMs"])?;
    Ok(())
}
