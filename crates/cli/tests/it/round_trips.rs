//! The number of round trips of an image, with all possible requests in parallel.

use anyhow::{Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{EmbeddedRegistry, Rounds};

use crate::process::Workplace;

/// Two registries that answer in common rounds.
struct InRounds {
    rounds: Rounds,
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl InRounds {
    async fn start() -> Result<Self> {
        let rounds = Rounds::default();
        let source = EmbeddedRegistry::builder().rounds(&rounds).start().await?;
        let target = EmbeddedRegistry::builder().rounds(&rounds).start().await?;
        let mut workplace = Workplace::new()?;
        workplace.variable("NO_COLOR", "1");
        let login = |host: String| format!(r#""{host}": {{"insecure": true}}"#);
        workplace.write("auth.json", &format!("{{{}, {}}}", login(source.host()), login(target.host())))?;
        Ok(Self { rounds, source, target, workplace })
    }

    /// Copies `reference`; returns the number of rounds, pings included.
    fn copy(&self, reference: &str) -> Result<u64> {
        let before = self.rounds.number();
        let (from, to) = (self.source.host(), self.target.host());
        let words = format!("copy {from}/{reference} {to}/{reference} --auth auth.json");
        self.workplace.run(&words)?.expect_code(0)?;
        Ok(self.rounds.number() - before)
    }

    /// Copies all of this many repositories.
    fn sync(&self, repositories: u64) -> Result<u64> {
        let before = self.rounds.number();
        let (from, to) = (self.source.host(), self.target.host());
        let pair = |number| format!(r#""{from}/a/app-{number}": "{to}/a/app-{number}""#);
        let images: Vec<String> = (0..repositories).map(pair).collect();
        self.workplace.write("images.json", &format!("{{{}}}", images.join(", ")))?;
        self.workplace.run("--auth auth.json --images images.json")?.expect_code(0)?;
        Ok(self.rounds.number() - before)
    }

    fn asked(&self) -> String {
        let of = |registry: &EmbeddedRegistry| {
            registry.requests().iter().map(|request| request.line() + "\n").collect::<String>()
        };
        format!("source\n{}target\n{}", of(&self.source), of(&self.target))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cold_image_takes_a_head_a_manifest_two_for_its_blobs_and_one_to_store_it() -> Result<()> {
    let pair = InRounds::start().await?;
    let layers: Vec<_> = (1..=6).map(|number| sample::layer(number, 5_000)).collect();
    sample::image(pair.source.store(), "a/app", Some("v1"), Flavour::Oci, &layers, "amd64");
    // Both are pinged; the target is asked for the tag; its tag list and the source's manifest; uploads are opened and small blobs read;
    // bodies; the manifest.
    let rounds = pair.copy("a/app:v1")?;
    ensure!(rounds == 6, "{rounds} rounds\n{}", pair.asked());
    let again = pair.copy("a/app:v1")?;
    ensure!(again == 3, "{again} rounds when nothing has changed\n{}", pair.asked());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_images_share_their_round_trips() -> Result<()> {
    const REPOSITORIES: u64 = 30;
    const TAGS: u64 = 10;
    let pair = InRounds::start().await?;
    for repository in 0..REPOSITORIES {
        for tag in 0..TAGS {
            let number = repository * 100 + tag;
            let layers = [sample::layer(10_000 + number, 3_000), sample::layer(20_000 + number, 3_000)];
            let (name, tag) = (format!("a/app-{repository}"), format!("v{tag}"));
            sample::image(pair.source.store(), &name, Some(&tag), Flavour::Oci, &layers, "amd64");
        }
    }
    let cold = pair.sync(REPOSITORIES)?;
    ensure!(cold <= 33, "{cold} rounds for 300 images");
    let unchanged = pair.sync(REPOSITORIES)?;
    ensure!(unchanged <= 14, "{unchanged} rounds for 300 images that have not changed");
    Ok(())
}
