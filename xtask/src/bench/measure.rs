//! Measures a program: wall time, processor time of all its threads and children, and its peak memory.
//!
//! The kernel reports the last two for all children that a process has waited for. So each run has a parent process of its
//! own: this program, started again as `xtask measure`.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde::{Deserialize, Serialize};

/// A program to run and where to say what it took.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to write what it took, as JSON
    #[arg(long)]
    result: PathBuf,

    /// The program and its arguments
    #[arg(last = true, required = true)]
    words: Vec<OsString>,
}

/// The measurements of a program's run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Usage {
    pub(super) wall_seconds: f64,
    /// User and system mode together.
    pub(super) cpu_seconds: f64,
    /// The largest resident memory of any one of its processes.
    pub(super) peak_kib: u64,
    /// The exit status; -1 after a signal.
    pub(super) code: i32,
}

/// The part that runs in the parent process.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (program, rest) = arguments.words.split_first().context("no program")?;
    let started = Instant::now();
    let status = Command::new(program).args(rest).stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("cannot start {}", program.display()))?;
    let wall_seconds = started.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    #[expect(clippy::cast_precision_loss, reason = "a run takes less than centuries")]
    let cpu_seconds = microseconds as f64 / 1e6;
    let peak_kib = u64::try_from(usage.max_rss())?;
    let usage = Usage { wall_seconds, cpu_seconds, peak_kib, code: status.code().unwrap_or(-1) };
    Ok(std::fs::write(&arguments.result, serde_json::to_string(&usage)?)?)
}

/// Runs a program in `folder`, with its output in `output.log`. It inherits only the path to programs from our
/// environment: logins and proxies must not influence it.
pub(super) async fn measure(words: &[OsString], folder: &Path) -> Result<Usage> {
    measure_trusting(words, folder, None).await
}

/// The same for a program that trusts the authority in this file.
pub(super) async fn measure_trusting(
    words: &[OsString],
    folder: &Path,
    authority: Option<&Path>,
) -> Result<Usage> {
    let result = folder.join("usage.json");
    let output = File::create(folder.join("output.log"))?;
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    command.arg("measure").arg("--result").arg(&result).arg("--").args(words);
    command.current_dir(folder).env_clear().env("HOME", folder).env("TMPDIR", folder);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    for (name, file) in ["SSL_CERT_FILE", "CURL_CA_BUNDLE"].into_iter().zip([authority; 2]) {
        file.map(|file| command.env(name, file));
    }
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
    let status = command.status().await?;
    ensure!(status.success(), "{}", output_of(folder));
    Ok(serde_json::from_slice(&std::fs::read(result)?)?)
}

/// The processor time of this process so far: of the registries that run in it.
pub(super) fn own_cpu_seconds() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    #[expect(clippy::cast_precision_loss, reason = "a run takes less than centuries")]
    let seconds = microseconds as f64 / 1e6;
    Ok(seconds)
}

/// The last lines of the output of the last program in `folder`.
pub(super) fn output_of(folder: &Path) -> String {
    let output = std::fs::read(folder.join("output.log")).unwrap_or_default();
    let text = String::from_utf8_lossy(&output);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
