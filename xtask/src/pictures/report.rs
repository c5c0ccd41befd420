//! A picture of the report page: a real run between two registries, in which some images fail.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
use tokio::process::Command;

use crate::say::say;

const REPOSITORIES: [(&str, u64); 9] = [
    ("library/api-gateway", 6),
    ("library/billing", 5),
    ("library/catalog", 7),
    ("library/identity", 4),
    ("library/notifications", 5),
    ("library/orders", 8),
    ("library/payments", 6),
    ("library/search", 5),
    ("tools/report-runner", 3),
];

/// The registries' names in the picture: they listen on ports of this machine.
const NAMES: [&str; 2] = ["harbor.example.com", "registry.example.cn"];

/// Runs the program, and makes the picture.
pub(super) async fn picture(program: &Path, png: &Path) -> Result<()> {
    let source = EmbeddedRegistry::builder().latency(Duration::from_millis(8)).start().await?;
    let target = EmbeddedRegistry::builder().latency(Duration::from_millis(12)).start().await?;
    fill(&source);
    misbehave(&source, &target);
    let folder = tempfile::tempdir()?;
    let hosts = [source.host(), target.host()];
    let auth = hosts.each_ref().map(|host| format!("  {host}: {{insecure: true}}\n")).concat();
    let rules = format!(
        "sync:\n  - {{name: apps, from: {}/library/**, to: {}/mirror}}\n  - {{name: tools, from: {0}/tools/**, to: {1}/tools}}\n",
        hosts[0], hosts[1]
    );
    std::fs::write(folder.path().join("c.yaml"), format!("auth:\n{auth}{rules}"))?;
    // Two images are there already.
    let first = format!(
        "copy --config c.yaml --state s.redb {}/library/catalog:/^v1\\.[01]/ {}/mirror/catalog",
        hosts[0], hosts[1]
    );
    ran(program, folder.path(), &first, &[0]).await?;
    let run = "sync --config c.yaml --state s.redb --retries 1 --bandwidth 14MB/s --report r.json -q";
    ran(program, folder.path(), run, &[1]).await?;
    let mut report = std::fs::read_to_string(folder.path().join("r.json"))?;
    for (host, name) in hosts.iter().zip(NAMES) {
        report = report.replace(host, name);
    }
    std::fs::write(folder.path().join("r.json"), report)?;
    ran(program, folder.path(), "report show r.json --html r.html", &[0]).await?;
    shoot(&folder.path().join("r.html"), png).await
}

fn fill(source: &EmbeddedRegistry) {
    let mut number = 0;
    for (repository, tags) in REPOSITORIES {
        for tag in 0..tags {
            // A repository's images share the first layer.
            let own = 300_000 + usize::try_from(number * 7919 % 2_500_000).unwrap_or_default();
            let layers = [sample::layer(number - tag, 900_000), sample::layer(1000 + number, own)];
            let name = format!("v1.{tag}");
            sample::image(source.store(), repository, Some(&name), Flavour::Oci, &layers, "amd64");
            number += 1;
        }
    }
}

fn misbehave(source: &EmbeddedRegistry, target: &EmbeddedRegistry) {
    let fault = |when, times, effect| Fault { when, times, effect };
    let denied = Effect::refuse(403, "DENIED", "requested access to the resource is denied");
    target.misbehave(fault(Match::put("/mirror/payments/manifests/"), Times::Always, denied));
    let unknown = Effect::refuse(404, "BLOB_UNKNOWN", "blob unknown to registry");
    source.misbehave(fault(Match::get("/library/billing/blobs/"), Times::Always, unknown));
    let busy = Effect::too_many_requests("1");
    target.misbehave(fault(Match::post("/tools/report-runner/blobs/uploads"), Times::First(2), busy));
}

async fn ran(program: &Path, folder: &Path, arguments: &str, codes: &[i32]) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments.split_whitespace()).current_dir(folder).env("HOME", folder).stdin(Stdio::null());
    let output = command.output().await?;
    let code = output.status.code().context("ended by a signal")?;
    ensure!(
        codes.contains(&code),
        "{arguments} ended with {code}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Debian's Chromium renders the page.
async fn shoot(page: &Path, png: &Path) -> Result<()> {
    let mut command = Command::new("chromium");
    command.args(["--headless", "--no-sandbox", "--hide-scrollbars", "--force-device-scale-factor=2"]);
    command.arg("--window-size=1200,1500").arg(format!("--screenshot={}", png.display()));
    command.arg(format!("file://{}", page.display())).stdout(Stdio::null()).stderr(Stdio::null());
    let profile = tempfile::tempdir()?;
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    let status = command.status().await.context("chromium: apt-get install chromium")?;
    ensure!(status.success() && png.is_file(), "chromium made no picture");
    say(&format!("{} is made", png.display()));
    Ok(())
}
