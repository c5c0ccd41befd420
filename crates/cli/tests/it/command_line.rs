//! Words and flags: what is not known is refused before anything is asked.

use anyhow::{Result, ensure};
use embedded_registry::EmbeddedRegistry;
use embedded_registry::sample::{self, Flavour};

use crate::process::Workplace;

/// A source with one image, a target, and a config between them.
pub(crate) struct Pair {
    pub(crate) source: EmbeddedRegistry,
    pub(crate) target: EmbeddedRegistry,
    pub(crate) workplace: Workplace,
}

impl Pair {
    pub(crate) async fn start() -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        sample::image(source.store(), "app", Some("v1"), Flavour::Oci, &[sample::layer(1, 1000)], "amd64");
        let workplace = Workplace::new()?;
        let (from, to) = (source.host(), target.host());
        let config = format!(
            r#"{{"auth": {{"{from}": {{"insecure": true}}, "{to}": {{"insecure": true}}}}, "images": {{"{from}/app": "{to}/app"}}}}"#
        );
        workplace.write("c.json", &config)?;
        workplace.write("image-syncer.yaml", &config)?;
        Ok(Self { source, target, workplace })
    }

    pub(crate) fn was_asked(&self) -> bool {
        !self.source.requests().is_empty() || !self.target.requests().is_empty()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_word_that_is_no_verb_starts_nothing() -> Result<()> {
    let pair = Pair::start().await?;
    pair.workplace.write("image-syncer.json", &pair.workplace.read("c.json")?)?;
    for (line, told) in [
        ("chekc --config c.json", "did you mean `image-syncer check`?"),
        ("--config c.json check", "put it first: `image-syncer check"),
        ("--config c.json --dry-run expand --json", "put it first: `image-syncer expand"),
        ("dry-run --config c.json", "write `image-syncer --dry-run`"),
        ("version", "write `image-syncer --version`"),
        ("help", "write `image-syncer --help`"),
        ("--config c.json -- stray", "`stray` is no verb"),
        ("--config c.json true", "`true` is no verb"),
        ("--force=true false --config c.json", "`false` is no verb"),
        ("verify --config c.json", "the verb `verify` is not there yet"),
        ("serve --config c.json", "the verb `serve` is not there yet"),
        ("check stray --config c.json", "stray"),
        ("sync stray", "stray"),
    ] {
        let ran = pair.workplace.run(line)?.expect_code(2)?.says(&[told])?;
        ensure!(ran.stdout.is_empty(), "{line}: {}", ran.stdout);
        ensure!(!pair.was_asked(), "{line} asked a registry");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_truths_behind_boolean_flags_are_ignored_for_old_scripts() -> Result<()> {
    let pair = Pair::start().await?;
    let ran = pair.workplace.run("--config c.json --force false")?.expect_code(0)?;
    ran.says(&["`false` behind --force is ignored", "write --force=false", "copied           1 image"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_reads_the_folders_config_and_prints_a_report_or_nothing() -> Result<()> {
    let pair = Pair::start().await?;
    pair.workplace.run("")?.expect_code(2)?.says(&["neither --config nor --images"])?;
    let ran = pair.workplace.run("sync")?.expect_code(0)?.says(&["copied           1 image"])?;
    ensure!(ran.stdout.is_empty(), "{}", ran.stdout);
    let ran = pair.workplace.run("sync --json --config c.json")?.expect_code(0)?;
    let report: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    ensure!(report["images"][0]["outcome"] == "unchanged", "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_names_of_platforms_that_nobody_has_are_refused() -> Result<()> {
    let pair = Pair::start().await?;
    for (flags, meant) in [
        ("--arch amd46", "did you mean `amd64`?"),
        ("--os lunix", "did you mean `linux`?"),
        ("--platform linux/arm46", "did you mean `arm64`?"),
        ("--arch x86_64", "did you mean `amd64`?"),
    ] {
        pair.workplace.run(&format!("--config c.json {flags}"))?.expect_code(2)?.says(&[meant])?;
        ensure!(!pair.was_asked(), "{flags}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c19_what_means_nothing_is_refused() -> Result<()> {
    let pair = Pair::start().await?;
    for (flags, told) in [
        ("--retries -1", "0 or more"),
        ("--retries=-1", "0 or more"),
        ("--output-images-format xml", "json or yaml"),
    ] {
        pair.workplace.run(&format!("--config c.json {flags}"))?.expect_code(2)?.says(&[told])?;
        ensure!(!pair.was_asked(), "{flags}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_prints_what_stands_at_the_target_and_hosts_are_told_by_flags() -> Result<()> {
    let pair = Pair::start().await?;
    let (from, to) = (pair.source.host(), pair.target.host());
    let command = format!("copy --insecure {from} --plain-http {to} {from}/app:v1 {to}/b/app {to}/c/app:new");
    let digest =
        pair.source.store().manifest("app", "v1").map(|manifest| manifest.digest).unwrap_or_default();
    let lines = format!("{to}/b/app:v1@{digest}\n{to}/c/app:new@{digest}\n");
    for _ in ["copied", "unchanged"] {
        let ran = pair.workplace.run(&command)?.expect_code(0)?;
        ensure!(ran.stdout == lines, "{}\ninstead of\n{lines}", ran.all());
    }
    let by_digest = format!("copy --insecure {from} --insecure {to} {from}/app@{digest} {to}/d/app");
    let ran = pair.workplace.run(&by_digest)?.expect_code(0)?;
    ensure!(ran.stdout == format!("{to}/d/app@{digest}\n"), "{}", ran.all());
    let ran = pair.workplace.run(&format!("{command} --json"))?.expect_code(0)?;
    let report: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    ensure!(report["images"].as_array().is_some_and(|images| images.len() == 2), "{report}");
    Ok(())
}
