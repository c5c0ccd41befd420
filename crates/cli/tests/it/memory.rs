//! The memory limits of the binary itself, sampled from the kernel during the run.
//!
//! An unoptimized program has more pages of its own file in memory. The tests measure anonymous memory, and add the release's pages.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use embedded_registry::EmbeddedRegistry;
use embedded_registry::sample::{self, Flavour};
use testkit::corpus::Corpus;
use testkit::{CertificateAuthority, DockerRegistry, TlsFront};

use crate::process::Workplace;

const MIB: u64 = 1 << 20;
/// The resident pages of the release's file.
const PROGRAM: u64 = 13 * MIB;
/// The larger frames and tasks of an unoptimized program, in MiB: 5 measured, for ten layers at once.
const UNOPTIMISED: u64 = 6;

/// Runs the binary; returns its peak resident memory in bytes, converted to that of the release.
async fn peak(workplace: &Workplace, arguments: &str) -> Result<u64> {
    let mut command = workplace.command(arguments);
    let said = std::fs::File::create(workplace.path().join("said"))?;
    let mut process = command.stdout(Stdio::null()).stderr(said).spawn()?;
    let status = format!("/proc/{}/status", process.id());
    let mut peak = 0;
    let ended = loop {
        if let Some(ended) = process.try_wait()? {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let told = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kibibytes = told.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = kibibytes.unwrap_or(0).max(peak);
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    ensure!(ended.success(), "ended with {ended}:\n{}", workplace.read("said")?);
    Ok((peak << 10) + PROGRAM)
}

fn folder_in_memory() -> &'static Path {
    let in_memory = Path::new("/dev/shm");
    if in_memory.is_dir() { in_memory } else { Path::new("/tmp") }
}

/// docs/benchmarks.md has the release's own peak; without optimization it is some MiB more.
#[tokio::test]
async fn law_ten_layers_of_100_mb_at_once_need_less_than_32_mib() -> Result<()> {
    let builder = DockerRegistry::builder().below(folder_in_memory());
    let (source, target) = (builder.clone().start().await?, builder.start().await?);
    let corpus = Corpus::write_large_layers(10, 100_000_000, source.data_dir())?;
    let name = &corpus.repositories.first().context("no repository")?.name;
    let mut workplace = Workplace::new()?;
    let insecure = format!(
        r#"{{"{}": {{"insecure": true}}, "{}": {{"insecure": true}}}}"#,
        source.host(),
        target.host()
    );
    workplace.write("auth.json", &insecure)?;
    workplace.variable("NO_COLOR", "1");
    let (from, to) = (source.host(), target.host());
    let arguments = format!("copy {from}/{name} {to}/{name} --auth auth.json --proc 10");
    let peak = peak(&workplace, &arguments).await?;
    ensure!(corpus.verify(target.data_dir()).is_complete());
    ensure!(peak < (32 + UNOPTIMISED) * MIB, "{} KiB", peak >> 10);
    Ok(())
}

/// HTTP/2's flow-control windows would take some MiB for each body.
#[tokio::test]
async fn p32_law_ten_layers_of_100_mb_over_tls_need_less_than_32_mib() -> Result<()> {
    let builder = DockerRegistry::builder().below(folder_in_memory());
    let (source, target) = (builder.clone().start().await?, builder.start().await?);
    let authority = CertificateAuthority::generate()?;
    let front = TlsFront::start(&authority, source.host()).await?;
    let back = TlsFront::start(&authority, target.host()).await?;
    let corpus = Corpus::write_large_layers(10, 100_000_000, source.data_dir())?;
    let name = &corpus.repositories.first().context("no repository")?.name;
    let mut workplace = Workplace::new()?;
    workplace.variable("SSL_CERT_FILE", &authority.ca_file().display().to_string());
    let (from, to) = (front.host(), back.host());
    let peak = peak(&workplace, &format!("copy {from}/{name} {to}/{name} --proc 10")).await?;
    ensure!(corpus.verify(target.data_dir()).is_complete());
    ensure!(peak < (32 + UNOPTIMISED) * MIB, "{} KiB", peak >> 10);
    Ok(())
}

/// Two registries with `tags` tags of one image in `a/app`, and their entries in `auth.json`.
async fn equal_registries(tags: usize) -> Result<(EmbeddedRegistry, EmbeddedRegistry, Workplace)> {
    let (source, target) =
        (EmbeddedRegistry::builder().start().await?, EmbeddedRegistry::builder().start().await?);
    let manifest = r#"{"schemaVersion":2,"manifests":[]}"#;
    for registry in [&source, &target] {
        let media_type = "application/vnd.oci.image.index.v1+json";
        let digest = registry.store().put_manifest("a/app", "v0", media_type, manifest.as_bytes().to_vec());
        for number in 1..tags {
            registry.store().tag("a/app", &format!("v{number}"), &digest);
        }
    }
    let workplace = Workplace::new()?;
    let (from, to) = (source.host(), target.host());
    let insecure = format!(r#"{{"{from}": {{"insecure": true}}, "{to}": {{"insecure": true}}}}"#);
    workplace.write("auth.json", &insecure)?;
    workplace.write("images.json", &format!(r#"{{"{from}/a/app": "{to}/a/app"}}"#))?;
    Ok((source, target, workplace))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo xtask torture"]
async fn law_100_000_unchanged_tags_need_less_than_96_mib() -> Result<()> {
    let (source, target, workplace) = equal_registries(100_000).await?;
    let (from, to) = (source.host(), target.host());
    let peak = peak(&workplace, &format!("copy {from}/a/app {to}/a/app --auth auth.json")).await?;
    ensure!(workplace.read("said")?.contains("unchanged"), "{}", workplace.read("said")?);
    println!("peak {} KiB", peak >> 10);
    ensure!(peak < 96 * MIB, "{} KiB", peak >> 10);
    Ok(())
}

/// Each image takes some 700 bytes of a report: in memory, that would be 13 MiB, and twice that during the write.
#[tokio::test(flavor = "multi_thread")]
async fn law_a_report_of_20_000_images_takes_no_memory() -> Result<()> {
    const TAGS: usize = 20_000;
    let (source, target, workplace) = equal_registries(TAGS).await?;
    let without = peak(&workplace, "sync --auth auth.json --images images.json").await?;
    let (from, to) = (source.host(), target.host());
    let files = "--report r.json --digest-file d --output-success-images s --output-failed-images f";
    let with = peak(&workplace, &format!("copy {from}/a/app {to}/a/app --auth auth.json {files}")).await?;
    let report: serde_json::Value = serde_json::from_str(&workplace.read("r.json")?)?;
    let images = report["images"].as_array().context("no images")?;
    ensure!(images.len() == TAGS && report["totals"]["unchanged"] == TAGS, "{}", report["totals"]);
    ensure!(images.iter().all(|image| image["outcome"] == "unchanged"));
    ensure!(workplace.read("d")?.lines().count() == 1, "one digest");
    println!("peak {} KiB, {} KiB", without >> 10, with >> 10);
    // A report in memory would take some hundred bytes per image.
    ensure!(
        with < without + 100 * TAGS as u64,
        "{} KiB with a report, {} KiB without",
        with >> 10,
        without >> 10
    );
    // A plan also holds the target's tags.
    let planned = peak(&workplace, "plan --auth auth.json --images images.json --out p.json").await?;
    println!("peak {} KiB of a plan", planned >> 10);
    ensure!(
        planned < without + 600 * TAGS as u64,
        "{} KiB of a plan, {} KiB without",
        planned >> 10,
        without >> 10
    );
    Ok(())
}

/// Manifests, their descriptors, the tasks, and the records of 125,000 blobs.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo xtask torture"]
async fn law_250_images_of_500_layers_need_less_than_64_mib() -> Result<()> {
    let (source, target) =
        (EmbeddedRegistry::builder().start().await?, EmbeddedRegistry::builder().start().await?);
    for image in 0..250_u64 {
        let layers: Vec<_> = (0..500).map(|layer| sample::layer(image * 500 + layer, 100)).collect();
        sample::image(source.store(), "a/app", Some(&format!("v{image}")), Flavour::Oci, &layers, "amd64");
    }
    let workplace = Workplace::new()?;
    let (from, to) = (source.host(), target.host());
    let insecure = format!(r#"{{"{from}": {{"insecure": true}}, "{to}": {{"insecure": true}}}}"#);
    workplace.write("auth.json", &insecure)?;
    let peak = peak(&workplace, &format!("copy {from}/a/app {to}/a/app --auth auth.json --proc 64")).await?;
    ensure!(target.store().tags("a/app").len() == 250, "{}", workplace.read("said")?);
    println!("peak {} KiB", peak >> 10);
    ensure!(peak < 64 * MIB, "{} KiB", peak >> 10);
    Ok(())
}

/// A rule with its two repositories, the scopes of their tokens, and its description by `expand`.
#[tokio::test]
async fn law_a_rule_takes_less_than_4_kib() -> Result<()> {
    const RULES: usize = 10_000;
    let workplace = Workplace::new()?;
    workplace.write("auth.json", "{}")?;
    let mut peaks = Vec::new();
    for rules in [100, RULES + 100] {
        let rule = |number| {
            format!(
                r#""harbor.example.com/team-{number}/app:v1": "registry.example.com/mirror/app-{number}""#
            )
        };
        let rules: Vec<_> = (0..rules).map(rule).collect();
        workplace.write("images.json", &format!("{{{}}}", rules.join(",")))?;
        peaks.push(peak(&workplace, "expand --auth auth.json --images images.json").await?);
    }
    let each = peaks[1].saturating_sub(peaks[0]) / RULES as u64;
    println!("{each} bytes a rule");
    ensure!(each < 4 << 10, "{each} bytes a rule");
    Ok(())
}

/// All repositories of a run wait for a slot to be listed: the work in the slot takes memory only then.
#[tokio::test(flavor = "multi_thread")]
async fn law_a_repository_that_waits_takes_less_than_9_kib() -> Result<()> {
    const REPOSITORIES: usize = 2000;
    let registry = EmbeddedRegistry::builder().start().await?;
    let host = registry.host();
    let workplace = Workplace::new()?;
    workplace.write("auth.json", &format!(r#"{{"{host}": {{"insecure": true}}}}"#))?;
    let mut peaks = Vec::new();
    for repositories in [100, REPOSITORIES + 100] {
        let rule = |number| format!(r#""{host}/from/app-{number}": "{host}/to/app-{number}""#);
        let rules: Vec<_> = (0..repositories).map(rule).collect();
        workplace.write("images.json", &format!("{{{}}}", rules.join(",")))?;
        for number in 0..repositories {
            let (name, media_type) =
                (format!("from/app-{number}"), "application/vnd.oci.image.index.v1+json");
            let manifest = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
            registry.store().put_manifest(&name, "v1", media_type, manifest);
        }
        peaks.push(peak(&workplace, "sync --auth auth.json --images images.json --proc 2").await?);
        ensure!(registry.store().tags(&format!("to/app-{}", repositories - 1)) == ["v1"]);
    }
    let each = peaks[1].saturating_sub(peaks[0]) / REPOSITORIES as u64;
    println!("{each} bytes a repository");
    ensure!(each < 9 << 10, "{each} bytes a repository");
    Ok(())
}
