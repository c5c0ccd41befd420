//! The project's own chores, run as `cargo xtask <chore>`.
//!
//! `layers` checks the walls between crates: imports only go down (ARCHITECTURE.md).
//! `torture` breaks things for an hour (docs/reliability.md).

mod torture;

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

/// For each crate, the crates of ours that it may use outside tests.
const ALLOWED: [(&str, &[&str]); 6] = [
    ("image-syncer-registry", &[]),
    ("image-syncer-embedded-registry", &[]),
    ("image-syncer-testkit", &[]),
    ("image-syncer-sync", &["image-syncer-registry"]),
    ("image-syncer-providers", &["image-syncer-registry"]),
    (
        "image-syncer",
        &[
            "image-syncer-registry",
            "image-syncer-sync",
            "image-syncer-providers",
            "image-syncer-embedded-registry",
        ],
    ),
];

fn main() -> ExitCode {
    let chore = std::env::args().nth(1);
    let done = match chore.as_deref() {
        Some("layers") => check_layers(),
        Some("torture") => torture::run(std::env::args().skip(2)),
        _ => Err(anyhow::anyhow!("usage: cargo xtask layers|torture")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn check_layers() -> Result<()> {
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

#[expect(clippy::print_stderr, reason = "a chore talks to the person who runs it")]
fn say(line: &str) {
    eprintln!("{line}");
}
