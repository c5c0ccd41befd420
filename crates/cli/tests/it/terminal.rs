//! A real terminal: tmux, with a separate server for each test. Its screen is what a user sees.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::process::Workplace;

/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A window in which one command runs.
pub(crate) struct Terminal {
    folder: tempfile::TempDir,
}

impl Terminal {
    /// Starts a command in a window of this size. After its end, the window shows its exit status.
    pub(crate) fn start(
        workplace: &Workplace,
        size: (u16, u16),
        variables: &str,
        arguments: &str,
    ) -> Result<Self> {
        let run = command(workplace, variables, arguments);
        Self::script(workplace, size, &format!("trap : INT; {run}; echo \"status $?\""))
    }

    /// Starts it as a background job of a shell, which prints eight lines and then brings it to the foreground.
    pub(crate) fn start_behind(workplace: &Workplace, size: (u16, u16), arguments: &str) -> Result<Self> {
        let run = command(workplace, "", arguments);
        let says = "for number in 1 2 3 4 5 6 7 8; do echo \"typed $number\"; sleep 0.2; done";
        Self::script(workplace, size, &format!("set -m; {run} & {says}; fg; echo \"status $?\""))
    }

    fn script(workplace: &Workplace, (columns, rows): (u16, u16), script: &str) -> Result<Self> {
        let terminal = Self { folder: tempfile::TempDir::new()? };
        let line = format!("cd {}; {script}; exec sleep 1000", workplace.path().display());
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let started = terminal
            .tmux()
            .args(["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows])
            .args(["bash", "-c", &line])
            .status()
            .context("tmux is not installed")?;
        ensure!(started.success(), "tmux starts no window");
        Ok(terminal)
    }

    fn tmux(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.folder.path().join("socket")).stdin(Stdio::null());
        command.env_remove("TMUX").env("LANG", "C.UTF-8");
        command
    }

    fn ask(&self, arguments: &[&str]) -> Result<String> {
        let output = self.tmux().args(arguments).output()?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The screen and its scrollback.
    fn screen(&self) -> Result<String> {
        self.ask(&["capture-pane", "-p", "-S", "-"])
    }

    /// The screen with its colours.
    pub(crate) fn colours(&self) -> Result<String> {
        self.ask(&["capture-pane", "-p", "-e", "-S", "-"])
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        self.ask(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]).map(drop)
    }

    /// Presses a key, such as `C-c`.
    pub(crate) fn press(&self, key: &str) -> Result<()> {
        self.ask(&["send-keys", key]).map(drop)
    }

    /// The screen without its scrollback.
    fn seen(&self) -> Result<String> {
        self.ask(&["capture-pane", "-p"])
    }

    /// Waits until the screen and its scrollback satisfy `is_so`; returns them.
    pub(crate) async fn until(&self, is_so: impl Fn(&str) -> bool) -> Result<String> {
        Self::wait(|| self.screen(), is_so).await
    }

    /// Like `until`, without the scrollback.
    pub(crate) async fn until_seen(&self, is_so: impl Fn(&str) -> bool) -> Result<String> {
        Self::wait(|| self.seen(), is_so).await
    }

    async fn wait(ask: impl Fn() -> Result<String>, is_so: impl Fn(&str) -> bool) -> Result<String> {
        let begun = Instant::now();
        loop {
            let screen = ask()?;
            if is_so(&screen) {
                return Ok(screen);
            }
            ensure!(begun.elapsed() < PATIENCE, "it never shows:\n{screen}");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

/// The environment of this test is not passed on.
fn command(workplace: &Workplace, variables: &str, arguments: &str) -> String {
    let (program, home) = (env!("CARGO_BIN_EXE_image-syncer"), workplace.path().display());
    format!("env -i TERM=\"$TERM\" HOME={home} TMPDIR={home} LANG=C.UTF-8 {variables} {program} {arguments}")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux().arg("kill-server").status();
    }
}
