//! The mission: a whole Harbor to an Enterprise Edition instance by one rule, under a temporary login; then again.

use std::time::Instant;

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
    /// Harbor with so many small repositories, one with an index and signatures, and a project that is a cache.
    async fn start(count: usize) -> Result<Self> {
        let (harbor, acr) = (HarborBench::start().await?, Acr::start().await?);
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

/// An index, a signature of cosign's under a tag, and an SBOM that refers to the index.
async fn rich(registry: &Pusher) -> Result<()> {
    let image = |number| Image::new(Flavour::Oci).layer(layer(number, 700));
    let amd64 = registry.image(RICH, None, &image(1)).await?;
    let arm64 = registry.image(RICH, None, &image(2).platform("linux/arm64/v8")).await?;
    let index = registry.index(RICH, "v1", &[amd64, arm64]).await?;
    registry.signature(RICH, &index.digest).await?;
    registry.artifact(RICH, None, "application/spdx+json", Some(&index)).await?;
    Ok(())
}

fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|line| line.contains(what)).count()
}

#[tokio::test]
async fn one_rule_copies_130_repositories_and_the_next_run_asks_two_requests_a_hundred_tags() -> Result<()> {
    let migration = Migration::start(130).await?;
    let (harbor, acr) = (&migration.harbor, &migration.acr);
    let started = Instant::now();
    let ran = migration.run("")?.expect_code(0)?;
    eprintln!(
        "first run {:?}\n{}",
        started.elapsed(),
        ran.stderr.lines().rev().take(14).collect::<Vec<_>>().join("\n")
    );
    eprintln!("harbor {} acr {} api {}", harbor.requests().len(), acr.registry.requests().len(), acr.calls());
    ran.says(&["along            1 ", "project `cache` is a cache of another registry: it is left out"])?;
    let tags = migration.assert_arrived().await?;
    ensure!(acr.api.calls("CreateNamespace") == 1 && acr.api.calls("GetAuthorizationToken") == 1);
    ensure!(acr.pusher().tags("image-syncer/cache/hub/alpine").await?.is_empty(), "the cache stays behind");

    harbor.forget_requests();
    acr.registry.forget_requests();
    let before = acr.calls();
    let started = Instant::now();
    let ran = migration.run("")?.expect_code(0)?.says(&["copied           0 images"])?;
    eprintln!(
        "second run {:?} {tags} tags\n{}",
        started.elapsed(),
        ran.stderr.lines().rev().take(14).collect::<Vec<_>>().join("\n")
    );
    let (asked, at_target) = (harbor.requests(), acr.registry.requests());
    eprintln!("harbor {} acr {} api {}", asked.len(), at_target.len(), acr.calls() - before);
    for what in [
        "HEAD",
        "/tags/list",
        "/artifacts",
        "/referrers/",
        "/manifests/",
        "/service/token",
        "/repositories?",
        "/projects?",
    ] {
        eprintln!("{what}: harbor {} acr {}", count(&asked, what), count(&at_target, what));
    }
    for action in ["ListRepository", "GetRepository", "ListRepoTag", "GetNamespace", "GetAuthorizationToken"]
    {
        eprintln!("{action}: {}", acr.api.requests()[before..].iter().filter(|r| r.action == action).count());
    }
    eprintln!("{:#?}", at_target);
    eprintln!(
        "{:#?}",
        asked.iter().filter(|l| l.contains("rich") || !l.contains("app-")).collect::<Vec<_>>()
    );
    ensure!(count(&asked, "HEAD") + count(&at_target, "HEAD") == 0, "HEAD");
    Ok(())
}
