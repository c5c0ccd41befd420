//! `skopeo`, which shares no code with this project, as the judge of a registry's content.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::digest_of;
use crate::process::find_program;

/// Name and password, or anonymous.
type Credentials<'a> = Option<(&'a str, &'a str)>;

/// Runs skopeo. It accepts plain http and any certificate, and its only configuration are its arguments.
pub struct Skopeo;

impl Skopeo {
    /// The manifest's bytes, as the registry serves them.
    pub async fn inspect_raw(
        host: &str,
        repository: &str,
        reference: &str,
        credentials: Credentials<'_>,
    ) -> Result<Vec<u8>> {
        let image = address(host, repository, reference);
        Self::registry_command(&["inspect", "--raw", "--tls-verify=false"], "", credentials, &[&image]).await
    }

    /// The digest of the manifest's bytes.
    pub async fn digest(
        host: &str,
        repository: &str,
        reference: &str,
        credentials: Credentials<'_>,
    ) -> Result<String> {
        Ok(digest_of(&Self::inspect_raw(host, repository, reference, credentials).await?))
    }

    /// All tags of a repository, sorted.
    pub async fn list_tags(
        host: &str,
        repository: &str,
        credentials: Credentials<'_>,
    ) -> Result<Vec<String>> {
        let image = format!("docker://{host}/{repository}");
        let answer =
            Self::registry_command(&["list-tags", "--tls-verify=false"], "", credentials, &[&image]).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let tags = answer["Tags"].as_array().context("skopeo names no tags")?;
        let mut tags: Vec<String> = tags.iter().filter_map(Value::as_str).map(String::from).collect();
        tags.sort();
        Ok(tags)
    }

    /// Reads the whole image, with every platform and blob, to prove that it is complete.
    ///
    /// If it is not, the error says what skopeo missed.
    pub async fn image_is_complete(
        host: &str,
        repository: &str,
        reference: &str,
        credentials: Credentials<'_>,
    ) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let image = address(host, repository, reference);
        let target = format!("dir:{}", folder.path().display());
        Self::registry_command(
            &["copy", "--quiet", "--all", "--src-tls-verify=false"],
            "src-",
            credentials,
            &[&image, &target],
        )
        .await?;
        Ok(())
    }

    /// Runs skopeo with any arguments and returns its output; a failure carries its error text.
    pub async fn run(arguments: &[&str]) -> Result<Vec<u8>> {
        let home = tempfile::tempdir()?;
        let output = tokio::process::Command::new(find_program("skopeo")?)
            // Logins and proxies of the user who runs the tests must have no effect.
            .env_clear()
            .env("HOME", home.path())
            .arg("--insecure-policy")
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        if !output.status.success() {
            let command = arguments.first().copied().unwrap_or_default();
            bail!("skopeo {command}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(output.stdout)
    }

    async fn registry_command(
        command: &[&str],
        side: &str,
        credentials: Credentials<'_>,
        images: &[&str],
    ) -> Result<Vec<u8>> {
        let login = match credentials {
            Some((user, password)) => format!("--{side}creds={user}:{password}"),
            None => format!("--{side}no-creds"),
        };
        let arguments: Vec<&str> = command.iter().chain([&login.as_str()]).chain(images).copied().collect();
        Self::run(&arguments).await
    }
}

fn address(host: &str, repository: &str, reference: &str) -> String {
    let separator = if reference.contains(':') { '@' } else { ':' };
    format!("docker://{host}/{repository}{separator}{reference}")
}
