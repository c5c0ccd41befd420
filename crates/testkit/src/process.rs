//! Child processes that never outlive the value that holds them.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a program may take to start. Generous, for a machine that runs many tests in parallel; a program that
/// dies is noticed at once.
pub(crate) const START_DEADLINE: Duration = Duration::from_secs(20);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A running program whose output goes to files. Killed and reaped on drop.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts `program`; its output is appended to `stdout.log` and `stderr.log` in `log_folder`.
    pub(crate) fn start(program: &str, arguments: &[OsString], log_folder: &Path) -> Result<Self> {
        let child = Command::new(find_program(program)?)
            .args(arguments)
            // docker-registry lets variables like REGISTRY_AUTH override its configuration file.
            .env_clear()
            .current_dir(log_folder)
            .stdin(Stdio::null())
            .stdout(append(&log_folder.join("stdout.log"))?)
            .stderr(append(&log_folder.join("stderr.log"))?)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        Ok(Self { child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks in `PATH` and where Debian installs servers: `/usr/sbin` is not in a plain user's `PATH`.
pub(crate) fn find_program(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file());
    match found {
        Some(program) => Ok(program),
        None => bail!("{name} is not installed: run scripts/test, which installs it"),
    }
}

/// Calls `check` until it returns a value, for at most [`START_DEADLINE`].
pub(crate) async fn wait_for<T>(mut check: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = check()? {
            return Ok(answer);
        }
        if started.elapsed() > START_DEADLINE {
            bail!("not ready after {} seconds", START_DEADLINE.as_secs());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The content of a log file; empty if it does not exist yet.
pub(crate) fn read_log(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

fn append(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_program_names_the_remedy() {
        let error = find_program("no-such-registry").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no-such-registry is not installed: run scripts/test, which installs it"
        );
    }
}
