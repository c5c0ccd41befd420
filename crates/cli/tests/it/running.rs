//! A process that keeps running while a test observes it.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::process::{Ran, Workplace};

/// Far longer than a test's run takes.
const LONGEST: Duration = Duration::from_secs(300);

/// A process that ends with the test.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// A run of the binary with its stderr in this file.
    pub(crate) fn told_to(file: &str, workplace: &Workplace, arguments: &str) -> Result<Self> {
        Self::of(workplace.command(arguments), file, workplace)
    }

    /// Like `told_to`, for any command.
    pub(crate) fn of(mut command: Command, file: &str, workplace: &Workplace) -> Result<Self> {
        let file = std::fs::File::create(workplace.path().join(file))?;
        Ok(Self(command.stdout(Stdio::null()).stderr(file).spawn()?))
    }

    /// A run of the binary whose output is read when it has ended.
    pub(crate) fn piped(workplace: &Workplace, arguments: &str) -> Result<Self> {
        let mut command = workplace.command(arguments);
        Ok(Self(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?))
    }

    /// Sends it a signal, such as `-INT`.
    pub(crate) fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status()?;
        ensure!(sent.success(), "{signal} could not be sent");
        Ok(())
    }

    pub(crate) fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// What a piped process printed, once it has ended by itself.
    pub(crate) fn ended(mut self) -> Result<Ran> {
        let child = std::mem::replace(&mut self.0, Command::new("true").spawn()?);
        let (process, (sender, output)) = (child.id(), std::sync::mpsc::channel());
        std::thread::spawn(move || sender.send(child.wait_with_output()));
        if let Ok(output) = output.recv_timeout(LONGEST) {
            return Ran::of(output?);
        }
        Command::new("kill").args(["-KILL", &process.to_string()]).status()?;
        anyhow::bail!("it has not ended")
    }

    /// Waits until it has ended by itself, but not for ever.
    pub(crate) async fn status(&mut self) -> Result<ExitStatus> {
        for _ in 0..1200 {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("it has not ended")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
