//! Verbs and flags: unknown ones are rejected before any request.

use anyhow::{Context as _, Result, ensure};
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
        ("help chekc", "did you mean `image-syncer check`?"),
        ("--config c.json help", "write `image-syncer --help`"),
        (
            "c.json",
            "write `image-syncer check --config c.json` to look, `image-syncer --config c.json` to copy",
        ),
        ("--config c.json -- stray", "`stray` is no verb"),
        ("--config c.json true", "`true` is no verb"),
        ("--force=true false --config c.json", "`false` is no verb"),
        ("daemon --config c.json", "the verb `daemon` is not there yet"),
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

#[test]
fn c1_help_is_a_word_too() -> Result<()> {
    let workplace = Workplace::new()?;
    for (words, flags, told) in [
        ("help", "--help", "How a rule of `images` reads"),
        ("help check", "check --help", "Tries every step"),
        ("help acr setup", "acr setup --help", "image-syncer acr setup"),
        ("help help", "--help", "How a rule of `images` reads"),
    ] {
        let (help, same) = (workplace.run(words)?.expect_code(0)?, workplace.run(flags)?.expect_code(0)?);
        ensure!(help.stdout.contains(told) && help.stdout == same.stdout, "{words}: {}", help.all());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_a_flag_for_a_registry_that_no_rule_uses_is_told_by_its_name() -> Result<()> {
    let pair = Pair::start().await?;
    let (from, to) = (pair.source.host(), pair.target.host());
    let flags = format!("--plain-http {from} --insecure {to} --insecure a.invalid --plain-http a.invalid");
    let told =
        "warning: nothing uses the registry `a.invalid`, which is named by --insecure and --plain-http";
    for command in [format!("copy {flags} {from}/app:v1 {to}/b"), format!("sync {flags} --config c.json")] {
        let ran = pair.workplace.run(&command)?.expect_code(0)?.says(&[told])?;
        ensure!(ran.stderr.matches("warning").count() == 1, "{}", ran.stderr);
    }
    let path = format!(r#"{{"{from}/app": {{}}}}"#);
    pair.workplace.write("auth.json", &path)?;
    let copy = format!("copy --auth auth.json --plain-http {from} --insecure {to} {from}/app:v1 {to}/b");
    let ran = pair.workplace.run(&copy)?.expect_code(0)?;
    ensure!(!ran.stderr.contains("no rule uses"), "{}", ran.stderr);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c83_the_hint_for_a_registry_without_tls_names_the_flag() -> Result<()> {
    let source = EmbeddedRegistry::builder().start().await?;
    let (host, workplace) = (source.host(), Workplace::new()?);
    let ran = workplace.run(&format!("copy -r 0 {host}/app:v1 {host}/b"))?;
    let ran =
        ran.says(&[&format!("next:  add `--plain-http {host}`, or \"plainHttp\": true in its auth entry")])?;
    ensure!(!ran.all().contains("InvalidContentType"), "{}", ran.all());
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
async fn c1_truths_that_are_ignored_are_told_of_every_verb() -> Result<()> {
    let pair = Pair::start().await?;
    for command in ["sync --force false", "expand --json false", "check --json true", "sync --dry-run true"] {
        pair.workplace.run(command)?.expect_code(0)?.says(&["is ignored: where --"])?;
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn copy_takes_its_logins_from_a_config_too() -> Result<()> {
    let pair = Pair::start().await?;
    let (from, to) = (pair.source.host(), pair.target.host());
    let copy = format!("copy {from}/app:v1 {to}/b/app");
    let hosts = format!(r#""{from}": {{"insecure": true}}, "{to}": {{"insecure": true}}"#);
    let config = format!(r#"{{"auth": {{{hosts}, "other.io": {{"insecure": true}}}}}}"#);
    pair.workplace.write("image-syncer.yaml", &config)?;
    pair.workplace.write("auth.json", &format!("{{{hosts}}}"))?;
    for flags in ["", "--config image-syncer.yaml"] {
        let ran = pair.workplace.run(&format!("{copy} {flags}"))?.expect_code(0)?;
        ensure!(!ran.stderr.contains("used by no rule"), "it is there for other rules, too: {}", ran.stderr);
    }
    let both = pair.workplace.run(&format!("{copy} --config image-syncer.yaml --auth auth.json"))?;
    both.expect_code(0)?.says(&["--config is given, so --auth is ignored"])?;
    pair.workplace.write("image-syncer.yaml", "auth: 5\n")?;
    pair.workplace.run(&copy)?.expect_code(2)?.says(&["image-syncer.yaml"])?;
    // A file that is named is the only one that counts.
    pair.workplace.run(&format!("{copy} --auth auth.json"))?.expect_code(0)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_prints_what_stands_there_in_other_bytes() -> Result<()> {
    let pair = Pair::start().await?;
    let (from, to) = (pair.source.host(), pair.target.host());
    let command = format!("copy --insecure {from} --insecure {to} --report r.json {from}/app:v1 {to}/b/app");
    pair.workplace.run(&command)?.expect_code(0)?;
    // Reformatted JSON, as the Go tool stores it.
    let exact = pair.target.store().manifest("b/app", "v1").context("nothing was copied")?;
    let value: serde_json::Value = serde_json::from_slice(&exact.bytes)?;
    pair.target.store().put_manifest("b/app", "v1", &exact.media_type, format!("{value:#}"));
    let printed = pair.target.store().manifest("b/app", "v1").context("it is gone")?.digest;
    ensure!(printed != exact.digest, "the bytes differ");
    let ran = pair.workplace.run(&command)?.expect_code(0)?;
    ensure!(ran.stdout == format!("{to}/b/app:v1@{printed}\n"), "{}", ran.all());
    let report: serde_json::Value = serde_json::from_str(&pair.workplace.read("r.json")?)?;
    let image = &report["images"][0];
    ensure!(image["outcome"] == "unchanged" && image["digest"] == printed.as_str(), "{report}");
    ensure!(image["sourceDigest"] == exact.digest.as_str(), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_a_copy_that_leaves_nothing_is_told_and_counts() -> Result<()> {
    let pair = Pair::start().await?;
    let (from, to) = (pair.source.host(), pair.target.host());
    let hosts = format!("--insecure {from} --insecure {to}");
    for copy in [format!("{from}/app:/^none$/ {to}/b"), format!("--os windows {from}/app:v1 {to}/b")] {
        let ran = pair.workplace.run(&format!("copy {hosts} {copy}"))?.expect_code(1)?;
        ensure!(ran.says(&["nothing was copied, because no image matches"])?.stdout.is_empty());
    }
    // A rule of a config may match no image.
    pair.workplace.run("--config c.json --os windows")?.expect_code(0)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_writes_digests_to_a_file() -> Result<()> {
    let pair = Pair::start().await?;
    let (from, to) = (pair.source.host(), pair.target.host());
    let digest =
        pair.source.store().manifest("app", "v1").map(|manifest| manifest.digest).unwrap_or_default();
    let hosts = format!("--insecure {from} --insecure {to} --digest-file digest");
    pair.workplace.run(&format!("copy {hosts} {from}/app:v1 {to}/b {to}/c"))?.expect_code(0)?;
    ensure!(pair.workplace.read("digest")? == format!("{digest}\n"));
    let ran = pair.workplace.run(&format!("copy {hosts}= --digest-file - {from}/app:v1 {to}/b"))?;
    ensure!(ran.expect_code(0)?.stdout == format!("{digest}\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_quiet_and_verbose() -> Result<()> {
    let pair = Pair::start().await?;
    let image = format!("{}/app:v1 -> {}/app:v1", pair.source.host(), pair.target.host());
    let ran = pair.workplace.run("--config c.json")?.expect_code(0)?.says(&["copied           1 image"])?;
    ensure!(!ran.stderr.contains(&image), "a line for each image only with -v: {}", ran.stderr);
    let ran = pair.workplace.run("sync --config c.json -q")?.expect_code(0)?;
    ensure!(ran.all() == "\n", "{}", ran.all());
    pair.workplace.run("--config c.json -v")?.expect_code(0)?.says(&[&format!("unchanged {image}")])?;
    pair.workplace
        .write("bad.json", &pair.workplace.read("c.json")?.replace("/app\": ", "/app:absent\": "))?;
    let ran = pair.workplace.run("--config bad.json --quiet")?.expect_code(3)?;
    ran.says(&["failed ", ":absent"])?;
    pair.workplace.run("--config c.json -q -v")?.expect_code(2)?.says(&["exclude each other"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn colour_is_as_the_flag_and_the_environment_say() -> Result<()> {
    let mut pair = Pair::start().await?;
    let is_coloured = |pair: &Pair, flags: &str| -> Result<bool> {
        let ran = pair.workplace.run(&format!("--config c.json -v --force {flags}"))?.expect_code(0)?;
        Ok(ran.stderr.contains("\u{1b}[32mcopied\u{1b}[0m "))
    };
    ensure!(!is_coloured(&pair, "")? && is_coloured(&pair, "--color always")?);
    pair.workplace.variable("CLICOLOR_FORCE", "1");
    ensure!(is_coloured(&pair, "")? && !is_coloured(&pair, "--color never")?);
    pair.workplace.variable("NO_COLOR", "1");
    ensure!(!is_coloured(&pair, "")? && is_coloured(&pair, "--color=always")?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_names_the_run_and_its_sums_agree() -> Result<()> {
    let pair = Pair::start().await?;
    let config = pair.workplace.read("c.json")?.replace(
        "\"images\": {",
        &format!("\"images\": {{\"{}/app:absent\": \"{}/b\", ", pair.source.host(), pair.target.host()),
    );
    pair.workplace.write("c.json", &config)?;
    let ran = pair.workplace.run("sync --config c.json --json --report report.json")?.expect_code(1)?;
    let printed: serde_json::Value = serde_json::from_str(&ran.stdout)?;
    let report: serde_json::Value = serde_json::from_str(&pair.workplace.read("report.json")?)?;
    ensure!(printed["images"] == report["images"], "{printed}");
    ensure!(ran.stdout.starts_with("{\n  \"schema\": "), "the schema is the first key");
    ensure!(report["schema"] == "image-syncer/report/1" && report["command"] == "sync", "{report}");
    ensure!(
        report["exitCode"] == 1 && report["version"].is_string() && report["run"].is_string(),
        "{report}"
    );
    for key in ["startedAt", "finishedAt"] {
        ensure!(report[key].as_str().is_some_and(|time| time.ends_with('Z')), "{report}");
    }
    let images = report["images"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rule = |outcome: &str| {
        images.iter().find(|image| image["outcome"] == outcome).and_then(|image| image["rule"].as_str())
    };
    let from = pair.source.host();
    ensure!(rule("failed") == Some(&format!("{from}/app:absent")), "{report}");
    ensure!(rule("copied") == Some(&format!("{from}/app")), "{report}");
    for (key, outcome) in [("copied", "copied"), ("failed", "failed"), ("unchanged", "unchanged")] {
        let counted = images.iter().filter(|image| image["outcome"] == outcome).count();
        ensure!(report["totals"][key] == counted, "{report}");
    }
    let moved: u64 = images.iter().filter_map(|image| image["bytesMoved"].as_u64()).sum();
    ensure!(report["totals"]["bytesMoved"] == moved && moved > 1000, "{report}");
    let failed = images.iter().find(|image| image["outcome"] == "failed").map(|image| &image["error"]);
    let failed = failed.unwrap_or(&serde_json::Value::Null);
    ensure!(failed["kind"] == "notFound" || failed["kind"] == "other", "{failed}");
    ensure!(failed["host"] == pair.source.host() && failed["hint"].is_string(), "{failed}");
    ensure!(report["failures"][0]["count"] == 1, "{report}");
    Ok(())
}
