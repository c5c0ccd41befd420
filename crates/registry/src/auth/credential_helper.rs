//! `docker-credential-*`: programs that keep logins.
//!
//! Protocol: docker/docker-credential-helpers. The server's name goes to the program's standard input, so that no
//! secret is ever in a command line.

use std::fmt;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::credential::{CredentialError, CredentialSource, Credentials, Prospect, user_or_token};
use crate::fresh::{Fresh, Kept};

/// A helper may ask a cloud for a token, but not its user for a password.
const TIMEOUT: Duration = Duration::from_secs(30);
/// When a helper is asked again: helpers do not say how long an answer counts, and cloud tokens live an hour or more. If the
/// credentials end sooner, the registry refuses them, and the helper is asked at once. If the helper fails by then, as that of a
/// locked keychain, its last answer is used until the registry refuses it.
const RENEWAL: Duration = Duration::from_secs(30 * 60);
/// The most that is read of an answer: tokens have some kilobytes.
const MOST_BYTES: u64 = 256 << 10;
/// The message of helpers that have no login for a server.
const NOT_FOUND: &str = "credentials not found";

/// A program that has the login of a server. Clones share its answer.
#[derive(Clone)]
pub struct CredentialHelper {
    program: PathBuf,
    server: String,
    timeout: Duration,
    /// `None` if the helper has no login.
    answer: Arc<Fresh<Option<Credentials>, CredentialError>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: SecretString,
}

impl CredentialHelper {
    /// The helper `name` (without `docker-credential-`) for `server`.
    pub fn new(name: &str, server: &str) -> Self {
        Self::at(format!("docker-credential-{name}").into(), server)
    }

    /// A helper that is not on the search path.
    pub fn at(program: PathBuf, server: &str) -> Self {
        Self { program, server: server.to_owned(), timeout: TIMEOUT, answer: Arc::default() }
    }

    /// How long it may take instead of 30 s. Then it is killed.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    async fn answer(&self) -> Result<Kept<Option<Credentials>>, CredentialError> {
        let renew_at = Some(Instant::now() + RENEWAL);
        Ok(match self.ask().await? {
            Some(credentials) => Kept::renewed_at(Some(credentials.until(renew_at)), renew_at),
            None => Kept::until(None, renew_at),
        })
    }

    async fn ask(&self) -> Result<Option<Credentials>, CredentialError> {
        let mut child = Command::new(&self.program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.failed(error.to_string()))?;
        let output = tokio::time::timeout(self.timeout, talk(&mut child, &self.server)).await;
        let Ok(output) = output else {
            // Killed and waited for, so that no process is left. If it has ended already, the error does not matter.
            let _ = child.kill().await;
            let late = self.failed(format!("no answer within {:?}", self.timeout));
            // Most helpers ask a cloud, which may be overloaded.
            return Err(CredentialError { prospect: Prospect::Passing, ..late });
        };
        self.understand(output.map_err(|error| self.failed(error.to_string()))?)
    }

    fn understand(&self, output: Output) -> Result<Option<Credentials>, CredentialError> {
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            if String::from_utf8_lossy(&said).contains(NOT_FOUND) {
                return Ok(None);
            }
            // The helper's output may hold the secret, so it is not repeated.
            let (status, program) = (output.status, self.program.display());
            let how = format!("`echo {} | {program} get` shows why", self.server);
            return Err(self.failed(format!("it failed with {status}; {how}")));
        }
        let answer: Answer = serde_json::from_slice(&output.stdout)
            .map_err(|_| self.failed("its answer is not the expected JSON".to_owned()))?;
        let nobody = answer.username.is_empty() || answer.secret.expose_secret().is_empty();
        Ok((!nobody).then(|| user_or_token(&answer.username, answer.secret)))
    }

    fn failed(&self, reason: String) -> CredentialError {
        let prospect = Prospect::Lasting;
        CredentialError { source_name: self.program.display().to_string(), reason, prospect }
    }
}

/// Sends a program its input and reads all of its output.
async fn talk(child: &mut Child, server: &str) -> std::io::Result<Output> {
    if let Some(mut stdin) = child.stdin.take() {
        // If a program does not read its input, its exit shows what is wrong.
        let _ = stdin.write_all(server.as_bytes()).await;
    }
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr, status) = tokio::join!(read(stdout), read(stderr), child.wait());
    Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
}

/// Reads to the end, and keeps the first `MOST_BYTES`.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(MOST_BYTES).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}

impl fmt::Debug for CredentialHelper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("CredentialHelper");
        shown.field("program", &self.program).field("server", &self.server).finish_non_exhaustive()
    }
}

impl CredentialSource for CredentialHelper {
    fn credentials(&self) -> BoxFuture<'_, Result<Option<Credentials>, CredentialError>> {
        self.answer.get(self.answer()).boxed()
    }

    fn refused<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, ()> {
        let is_it =
            |known: &Option<Credentials>| known.as_ref().is_some_and(|known| known.is_same(credentials));
        self.answer.forget(is_it).boxed()
    }
}
