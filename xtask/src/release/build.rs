//! Builds the binary that runs on any Linux.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use super::workspace::Workspace;
use crate::say::say;

/// Named explicitly, so that the flags do not apply to build scripts and macros.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds it.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))
        .context("neither CARGO_HOME nor HOME is set")?;
    let flags = [
        // glibc is linked in, too: nothing is loaded at run time. A fixed address, as in Go's binaries, needs no relocation table, which
        // makes the binary
        // a megabyte smaller.
        "-Ctarget-feature=+crt-static".to_owned(),
        "-Crelocation-model=static".to_owned(),
        // The build's path is irrelevant, and would change the bytes.
        format!("--remap-path-prefix={}=/source", workspace.root.display()),
        format!("--remap-path-prefix={home}=/cargo"),
    ];
    let mut command = Command::new(&cargo);
    if is_auditable(&cargo) {
        command.arg("auditable");
    } else {
        say(
            "cargo-auditable is not installed: the binary does not tell scanners what it is made of (the SBOM does)",
        );
    }
    let built = command
        .args(["build", "--release", "--locked", "--package", "image-syncer", "--target", TARGET])
        .current_dir(&workspace.root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .status()
        .context("cargo build does not start")?;
    if !built.success() {
        bail!("cargo build failed");
    }
    let folder =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.root.join("target"), PathBuf::from);
    let binary = folder.join(TARGET).join("release/image-syncer");
    check(&binary)?;
    Ok(binary)
}

/// Whether the list of dependencies can be put into the binary, where `cargo audit bin`, Trivy and Grype find it
/// (<https://github.com/rust-secure-code/cargo-auditable>).
fn is_auditable(cargo: &OsStr) -> bool {
    let asked = Command::new(cargo)
        .args(["auditable", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// Checks that nothing is loaded at run time.
fn check(binary: &Path) -> Result<()> {
    let bytes = std::fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let needed = loaded_segments(&bytes).context("it is no 64-bit ELF file")?;
    ensure!(needed.is_empty(), "{} is not static: it has {}", binary.display(), needed.join(", "));
    Ok(())
}

/// The program headers for loading something: `elf(5)`.
fn loaded_segments(bytes: &[u8]) -> Option<Vec<&'static str>> {
    let number = |at: usize, length: usize| {
        let little = bytes.get(at..at + length)?;
        Some(little.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let mut found = Vec::new();
    for index in 0..count {
        match number(table + index * size, 4)? {
            2 => found.push("DYNAMIC"),
            3 => found.push("INTERP"),
            _ => {}
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_itself_is_not_static() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(loaded_segments(&own).unwrap().contains(&"INTERP"));
        assert_eq!(loaded_segments(b"#!/bin/sh"), None);
    }
}
