//! `docker-credential-*`: programs that keep logins.
//!
//! Protocol: docker/docker-credential-helpers. The server's name goes to the program's standard input, so that no
//! secret is ever in a command line.

use std::process::Stdio;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::credential::{CredentialError, CredentialSource, Credentials};

/// A helper may ask a cloud for a token, but not its user for a password.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What helpers say when they know nothing of a server.
const NOT_FOUND: &str = "credentials not found";

/// The user name by which helpers say that the secret is no password.
const IDENTITY_TOKEN: &str = "<token>";

/// A program that has the login of a server.
#[derive(Clone, Debug)]
pub struct CredentialHelper {
    program: String,
    server: String,
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
        Self { program: format!("docker-credential-{name}"), server: server.to_owned() }
    }

    async fn ask(&self) -> Result<Option<Credentials>, CredentialError> {
        let failed = |reason: String| CredentialError { source_name: self.program.clone(), reason };
        let mut child = Command::new(&self.program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input says what is wrong when it ends.
            let _ = stdin.write_all(self.server.as_bytes()).await;
        }
        let output = tokio::time::timeout(TIMEOUT, child.wait_with_output())
            .await
            .map_err(|_| failed(format!("no answer within {} s", TIMEOUT.as_secs())))?
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            return if said.contains(NOT_FOUND) { Ok(None) } else { Err(failed(first_line(&said))) };
        }
        let answer: Answer = serde_json::from_slice(&output.stdout)
            .map_err(|_| failed("its answer is not the expected JSON".to_owned()))?;
        if answer.username == IDENTITY_TOKEN {
            return Err(failed(
                "it has an identity token, and only passwords are understood so far".to_owned(),
            ));
        }
        let nobody = answer.username.is_empty() || answer.secret.expose_secret().is_empty();
        Ok((!nobody).then(|| Credentials::new(answer.username, answer.secret)))
    }
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed without a word").trim().to_owned()
}

impl CredentialSource for CredentialHelper {
    fn credentials(&self) -> BoxFuture<'_, Result<Option<Credentials>, CredentialError>> {
        self.ask().boxed()
    }
}
