//! Debian's `docker-registry`, the reference implementation that Harbor and ACR are built on.

mod configuration;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::access_log::{Access, AccessLog};
use crate::nginx::Nginx;
use crate::process::{Process, read_log, wait_for};
use crate::token_server::TokenServer;

pub use configuration::DockerRegistryBuilder;

/// A running registry with its own storage; ends on drop.
pub struct DockerRegistry {
    // Declared before the folder: the process must end before its files are removed.
    process: Option<Process>,
    builder: DockerRegistryBuilder,
    blob_storage: Option<Nginx>,
    host: String,
    access_log: AccessLog,
    data: PathBuf,
    folder: TempDir,
}

impl DockerRegistry {
    /// Without authentication.
    pub async fn open() -> Result<Self> {
        Self::builder().start().await
    }

    /// One user with all rights, with Basic authentication.
    pub async fn htpasswd(user: &str, password: &str) -> Result<Self> {
        Self::builder().htpasswd(user, password).start().await
    }

    /// Requires tokens of `server`.
    pub async fn token(server: &TokenServer) -> Result<Self> {
        Self::builder().token(server).start().await
    }

    /// A builder with all options. By default, the registry has no authentication and allows deletion.
    pub fn builder() -> DockerRegistryBuilder {
        DockerRegistryBuilder::default()
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.host.clone()
    }

    /// The registry's data folder: `docker/registry/v2/…` is below it.
    pub fn data_dir(&self) -> &Path {
        &self.data
    }

    /// The file with a blob's or manifest's bytes, to damage or remove it.
    pub fn blob_file(&self, digest: &str) -> PathBuf {
        let (algorithm, hex) = digest.split_once(':').unwrap_or(("sha256", digest));
        let start = hex.get(..2).unwrap_or_default();
        self.data.join("docker/registry/v2/blobs").join(algorithm).join(start).join(hex).join("data")
    }

    /// The registry's output so far: its own log, then the access log.
    pub fn log(&self) -> String {
        read_log(&self.folder.path().join("stderr.log")) + &read_log(&self.folder.path().join("stdout.log"))
    }

    /// `METHOD path status` of each request since the last [`DockerRegistry::forget_requests`], except those of
    /// [`crate::seed`] and skopeo.
    ///
    /// Waits at least 50 ms, because the registry logs a request after its answer.
    pub fn requests(&self) -> Vec<String> {
        self.access_log.lines()
    }

    /// As [`DockerRegistry::requests`], with the size of each answer.
    pub fn accesses(&self) -> Vec<Access> {
        self.access_log.accesses()
    }

    /// As [`DockerRegistry::accesses`], including those of [`crate::seed`] and skopeo: for tests in which skopeo is
    /// not the judge.
    pub fn everybodys_accesses(&self) -> Vec<Access> {
        self.access_log.everybodys()
    }

    /// Restarts the count.
    pub fn forget_requests(&self) {
        self.access_log.forget();
    }

    /// `METHOD path status` of the requests to the storage behind [`DockerRegistryBuilder::redirect_blobs`]; empty
    /// without it.
    pub fn storage_requests(&self) -> Vec<String> {
        self.blob_storage.as_ref().map(|storage| storage.access_log().lines()).unwrap_or_default()
    }

    /// The id of the process, if it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Kills the registry, as in a crash. Its data stays.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again with the same port and data.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop();
        let address = self.host.clone();
        self.run(&address).await
    }

    async fn start(builder: DockerRegistryBuilder) -> Result<Self> {
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("testkit-registry-").tempdir_in(builder.parent_folder())?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let blob_storage = if builder.redirects_blobs() { Some(blob_storage(&data).await?) } else { None };
        let access_log = AccessLog::new(folder.path().join("stdout.log"));
        let host = String::new();
        let mut registry = Self { process: None, builder, blob_storage, host, access_log, data, folder };
        registry.run("127.0.0.1:0").await?;
        Ok(registry)
    }

    /// Starts the process and waits until it logs its address.
    async fn run(&mut self, address: &str) -> Result<()> {
        let folder = self.folder.path();
        let storage = self.blob_storage.as_ref().map(Nginx::host);
        let file = self.builder.write(folder, &self.data, address, storage.as_deref())?;
        let stderr = folder.join("stderr.log");
        let already_logged = read_log(&stderr).len();
        let (program, arguments) = self.builder.command(file, &self.data)?;
        let mut process = Process::start(program, &arguments, folder)?;
        let listening = wait_for(|| {
            let host = listening_address(&read_log(&stderr)[already_logged..]);
            if host.is_none() && process.has_ended()? {
                bail!("the process ended");
            }
            Ok(host)
        });
        let host = listening
            .await
            .with_context(|| format!("docker-registry does not start: {}", read_log(&stderr)))?;
        tokio::net::TcpStream::connect(&host).await?;
        (self.process, self.host) = (Some(process), host);
        Ok(())
    }
}

fn listening_address(log: &str) -> Option<String> {
    let (_, rest) = log.split_once("msg=\"listening on ")?;
    Some(rest.split_once('"')?.0.to_owned())
}

/// Serves a registry's files. Like S3 and OSS, answers 400 to a request that still has the registry's credentials.
async fn blob_storage(data: &Path) -> Result<Nginx> {
    let root = data.display();
    Nginx::start(|_, port| {
        Ok(format!(
            r#"    server {{
        listen 127.0.0.1:{port};
        if ($http_authorization != "") {{ return 400; }}
        location / {{ root {root}; }}
    }}"#
        ))
    })
    .await
}
