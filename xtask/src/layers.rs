//! Checks the dependencies between crates and inside them (ARCHITECTURE.md): imports between crates only go down, and those
//! between the files of a crate form no circle.

mod circles;
mod modules;
mod source;

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use self::circles::Circle;
use self::modules::Modules;
use crate::say::say;

/// For each crate, the crates of ours that it may use outside tests.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("image-syncer-oci", &[]),
    ("image-syncer-resolver", &[]),
    ("image-syncer-registry", &["image-syncer-oci", "image-syncer-resolver"]),
    ("image-syncer-embedded-registry", &[]),
    ("image-syncer-testkit", &[]),
    ("image-syncer-sync", &["image-syncer-oci"]),
    ("image-syncer-fleet", &["image-syncer-oci", "image-syncer-sync"]),
    ("image-syncer-providers", &["image-syncer-oci", "image-syncer-registry", "image-syncer-resolver"]),
    (
        "image-syncer-endpoints",
        &[
            "image-syncer-oci",
            "image-syncer-resolver",
            "image-syncer-registry",
            "image-syncer-sync",
            "image-syncer-providers",
        ],
    ),
    (
        "image-syncer",
        &[
            "image-syncer-oci",
            "image-syncer-resolver",
            "image-syncer-registry",
            "image-syncer-sync",
            "image-syncer-fleet",
            "image-syncer-endpoints",
            "image-syncer-providers",
            "image-syncer-embedded-registry",
        ],
    ),
];

/// The roots of all crates, and how many files of each are still in circles. The numbers only shrink; new crates
/// begin with 0.
const IN_CIRCLES: [(&str, usize); 11] = [
    ("crates/cli/src/main.rs", 0),
    ("crates/embedded-registry/src/lib.rs", 21),
    ("crates/endpoints/src/lib.rs", 0),
    ("crates/fleet/src/lib.rs", 0),
    ("crates/oci/src/lib.rs", 2),
    ("crates/providers/src/lib.rs", 11),
    ("crates/registry/src/lib.rs", 9),
    ("crates/resolver/src/lib.rs", 0),
    ("crates/sync/src/lib.rs", 0),
    ("crates/testkit/src/lib.rs", 24),
    ("xtask/src/main.rs", 0),
];

pub(crate) fn check() -> Result<()> {
    check_crates()?;
    check_files()
}

fn check_crates() -> Result<()> {
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

fn check_files() -> Result<()> {
    let mut wrong = Vec::new();
    for (root, known) in IN_CIRCLES {
        let circles = circles_of(root)?;
        let found: usize = circles.iter().map(|circle| circle.files.len()).sum();
        if found > known {
            circles.iter().for_each(show);
            wrong.push(format!(
                "{root}: {found} files stand in circles, {known} may: move what two files use to a third one"
            ));
        } else if found < known {
            wrong.push(format!("{root}: {found} files stand in circles, {known} did: write the new number to xtask/src/layers.rs"));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    let left: usize = IN_CIRCLES.iter().map(|(_, known)| known).sum();
    say(&format!("layers: no new circle of files ({left} files stand in old ones)"));
    Ok(())
}

fn circles_of(root: &str) -> Result<Vec<Circle>> {
    // Set by `cargo run`. The value at compile time may be of another checkout, whose `target` was copied.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").context("run it as `cargo xtask layers`")?;
    let workspace = Path::new(&own).join("..");
    let read = |file: &Path| std::fs::read_to_string(workspace.join(file)).ok();
    Ok(circles::find(&Modules::read(Path::new(root), &read)?.needs()))
}

fn show(circle: &Circle) {
    say(&format!("a circle of {} files:", circle.files.len()));
    for need in &circle.needs {
        let (file, defined_in) = (need.file.display(), need.defined_in.display());
        say(&format!("  {file}:{}: `{}` of {defined_in}", need.line, need.name));
    }
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
