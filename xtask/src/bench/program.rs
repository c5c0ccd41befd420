//! Finds programs: ours is built, the others are searched.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Builds our release binary; returns its path.
pub(super) fn build_ours() -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["build", "--release", "--locked", "--package", "image-syncer"];
    let output = Command::new(cargo)
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cargo does not start")?;
    ensure!(output.status.success(), "our binary does not build");
    let messages = String::from_utf8(output.stdout)?;
    let built = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let program = built.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    program.context("cargo names no binary")
}

/// The first program of this name.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    all(name).next()
}

/// A program's version: the line with the version, if it prints several.
pub(super) fn version(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let named = text.lines().find(|line| line.starts_with("VCSTag:") || line.starts_with("Version:"));
    named.or(text.lines().next()).unwrap_or_default().trim().to_owned()
}

/// The Go tool with our name. If our binary comes first on the path, it is recognised by its demo.
pub(super) fn find_go_image_syncer() -> Option<PathBuf> {
    all("image-syncer").find(|program| {
        let help = Command::new(program).args(["demo", "--help"]).stdin(Stdio::null()).output();
        help.is_ok_and(|help| !String::from_utf8_lossy(&help.stdout).contains("Shows a whole migration"))
    })
}

/// All programs with a name, in the order of the search path; those of `go install` come last.
fn all(name: &str) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join("go/bin"));
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(home).collect();
    folders.into_iter().map(move |folder| folder.join(name)).filter(|file| file.is_file())
}
