//! Checks the walls between crates: imports only go down (ARCHITECTURE.md).

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::say;

/// For each crate, the crates of ours that it may use outside tests.
const ALLOWED: [(&str, &[&str]); 8] = [
    ("image-syncer-oci", &[]),
    ("image-syncer-registry", &["image-syncer-oci"]),
    ("image-syncer-embedded-registry", &[]),
    ("image-syncer-testkit", &[]),
    ("image-syncer-sync", &["image-syncer-oci"]),
    ("image-syncer-providers", &["image-syncer-oci", "image-syncer-registry"]),
    (
        "image-syncer-endpoints",
        &["image-syncer-oci", "image-syncer-registry", "image-syncer-sync", "image-syncer-providers"],
    ),
    (
        "image-syncer",
        &[
            "image-syncer-oci",
            "image-syncer-registry",
            "image-syncer-sync",
            "image-syncer-endpoints",
            "image-syncer-providers",
            "image-syncer-embedded-registry",
        ],
    ),
];

pub(crate) fn check() -> Result<()> {
    for (name, allowed) in ALLOWED {
        for used in uses(name)? {
            if used != name && !allowed.contains(&used.as_str()) {
                bail!("{name} uses {used}: imports only go down, see ARCHITECTURE.md");
            }
        }
    }
    say("layers: every crate uses only what lies below it");
    Ok(())
}

/// The crates of ours that `name` uses outside tests, directly or through others.
fn uses(name: &str) -> Result<Vec<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments =
        ["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", name];
    let output = Command::new(cargo).args(arguments).output().context("cargo tree does not start")?;
    if !output.status.success() {
        bail!("cargo tree for {name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    let names = text.lines().filter_map(|line| line.split(' ').next());
    Ok(names.filter(|name| name.starts_with("image-syncer")).map(str::to_owned).collect())
}
