//! Totals that agree with the events: in the summary, and in the report.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
use serde_json::Value;

use crate::process::{Ran, Workplace};

struct Pair {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl Pair {
    async fn start() -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        let workplace = Workplace::new()?;
        let (from, to) = (source.host(), target.host());
        let auth = format!(r#"{{"{from}": {{"insecure": true}}, "{to}": {{"insecure": true}}}}"#);
        workplace.write("auth.json", &auth)?;
        Ok(Self { source, target, workplace })
    }

    /// An image of two platforms under the tag `1.4.2`, and a signature of all of it.
    fn signed_index(&self) {
        let store = self.source.store();
        let child = |number, architecture| {
            let layers = [sample::layer(number, 1000)];
            sample::image(store, "app", None, Flavour::Oci, &layers, architecture)
        };
        let children = [child(1, "amd64"), child(2, "arm64")];
        let index = sample::index(store, "app", Some("1.4.2"), Flavour::Oci, &children);
        sample::referrer(store, "app", &index, "test/signature", &["signed".into()]);
    }

    fn copy(&self, flags: &str) -> Result<(Ran, Value)> {
        let (from, to) = (self.source.host(), self.target.host());
        let run =
            format!("copy --auth auth.json --report report.json {flags} {from}/app:1.4.2 {to}/app:1.4.2");
        let ran = self.workplace.run(&run)?.expect_code(0)?;
        let report = serde_json::from_str(&self.workplace.read("report.json")?)?;
        Ok((ran, report))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_a_run_that_moves_nothing_brings_no_signatures() -> Result<()> {
    let pair = Pair::start().await?;
    pair.signed_index();
    let (ran, report) = pair.copy("--referrers")?;
    ran.says(&["along            1 signature, SBOM or other referrer"])?;
    ensure!(report["totals"]["referrers"] == 1 && report["images"][0]["referrers"] == 1, "{report}");
    let (ran, report) = pair.copy("--referrers")?;
    ensure!(!ran.stderr.contains("along"), "{}", ran.stderr);
    ensure!(report["totals"]["referrers"] == 0 && report["totals"]["bytesMoved"] == 0, "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_summary_and_report_tell_what_does_not_fit_an_image_without_some_platforms() -> Result<()> {
    let pair = Pair::start().await?;
    pair.signed_index();
    // The second run takes the remaining work of the image from the state.
    for outcome in ["copied", "unchanged"] {
        let (ran, report) = pair.copy("--referrers --arch amd64")?;
        ran.says(&["left             1 signature, SBOM or other referrer of whole images"])?;
        ensure!(report["images"][0]["outcome"] == outcome, "{report}");
        ensure!(report["images"][0]["referrersLeft"] == 1, "{report}");
        ensure!(report["totals"]["referrersLeft"] == 1 && report["totals"]["referrers"] == 0, "{report}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_signatures_under_tags_that_a_rule_leaves_are_counted() -> Result<()> {
    let pair = Pair::start().await?;
    let store = pair.source.store();
    let image = |tag: &str, number| {
        let layers = [sample::layer(number, 1000)];
        sample::image(store, "app", Some(tag), Flavour::Oci, &layers, "amd64")
    };
    for (tag, number) in [("v1", 1), ("v2", 2), ("other", 3)] {
        let digest = image(tag, number).digest;
        image(&format!("{}.sig", digest.replace(':', "-")), number + 10);
    }
    let (from, to) = (pair.source.host(), pair.target.host());
    // The second run finds everything unchanged, and still leaves the referrers out.
    for (flags, left) in [("", 2), ("", 2), ("--referrers", 0), ("", 2)] {
        let run = format!("copy --auth auth.json --report report.json {flags} {from}/app:/^v/ {to}/app");
        let ran = pair.workplace.run(&run)?.expect_code(0)?;
        let told =
            ran.stderr.contains("left             2 signatures, SBOMs and other referrers: --referrers");
        ensure!(told == (left > 0), "{}", ran.stderr);
        let report: Value = serde_json::from_str(&pair.workplace.read("report.json")?)?;
        ensure!(report["totals"]["referrersLeft"] == left, "{report}");
    }
    // A rule that takes all tags leaves none out.
    let run = format!("copy --auth auth.json {from}/app {to}/app");
    let ran = pair.workplace.run(&run)?.expect_code(0)?;
    ensure!(!ran.stderr.contains(" left "), "{}", ran.stderr);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c12_limits_stand_under_the_registry_that_they_were_met_at() -> Result<()> {
    let pair = Pair::start().await?;
    pair.signed_index();
    let effect = Effect::Status { code: 429, body: String::new(), headers: Vec::new() };
    pair.source.misbehave(Fault { when: Match::get("/manifests/"), times: Times::First(1), effect });
    let (_, report) = pair.copy("")?;
    let registries = report["registries"].as_array().context("no registries")?;
    let hosts: BTreeSet<_> = registries.iter().filter_map(|registry| registry["host"].as_str()).collect();
    ensure!(hosts.len() == 2 && registries.len() == 2, "{report}");
    for registry in registries {
        let is_source = registry["host"] == pair.source.host();
        let limits = registry["limits"].as_array().context("no limits")?;
        ensure!(limits.is_empty() != is_source, "{report}");
    }
    Ok(())
}
