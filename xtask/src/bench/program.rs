//! Finds programs: our own is built, the others are looked for.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Builds our release binary; returns where it is.
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

/// A program on the search path.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The first line of what a program says about its version.
pub(super) fn version(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// The Go tool of our name. Ours, should it be on the path, has a demo.
pub(super) fn find_go_image_syncer() -> Option<PathBuf> {
    let program = find("image-syncer")?;
    let help = Command::new(&program).args(["demo", "--help"]).stdin(Stdio::null()).output().ok()?;
    let is_ours = String::from_utf8_lossy(&help.stdout).contains("Shows a whole migration");
    (!is_ours).then_some(program)
}
