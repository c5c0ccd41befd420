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

/// A running registry with storage of its own; ends on drop.
pub struct DockerRegistry {
    // Declared before the folder: the process must be gone when its files go.
    process: Option<Process>,
    builder: DockerRegistryBuilder,
    blob_storage: Option<Nginx>,
    host: String,
    access_log: AccessLog,
    data: PathBuf,
    folder: TempDir,
}

impl DockerRegistry {
    /// Everybody may do everything.
    pub async fn open() -> Result<Self> {
        Self::builder().start().await
    }

    /// One user, who may do everything, by Basic authentication.
    pub async fn htpasswd(user: &str, password: &str) -> Result<Self> {
        Self::builder().htpasswd(user, password).start().await
    }

    /// Wants the tokens of `server`.
    pub async fn token(server: &TokenServer) -> Result<Self> {
        Self::builder().token(server).start().await
    }

    /// All choices. Without any, the registry is open and allows deletion.
    pub fn builder() -> DockerRegistryBuilder {
        DockerRegistryBuilder::default()
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.host.clone()
    }

    /// Where the registry keeps its files: `docker/registry/v2/…` is below.
    pub fn data_dir(&self) -> &Path {
        &self.data
    }

    /// The file that holds a blob's or manifest's bytes, to damage or remove it.
    pub fn blob_file(&self, digest: &str) -> PathBuf {
        let (algorithm, hex) = digest.split_once(':').unwrap_or(("sha256", digest));
        let start = hex.get(..2).unwrap_or_default();
        self.data.join("docker/registry/v2/blobs").join(algorithm).join(start).join(hex).join("data")
    }

    /// All that the registry wrote so far: its own log, then the access log.
    pub fn log(&self) -> String {
        read_log(&self.folder.path().join("stderr.log")) + &read_log(&self.folder.path().join("stdout.log"))
    }

    /// `METHOD path status` of each request since the last [`DockerRegistry::forget_requests`], without
    /// those of [`crate::seed`] and skopeo.
    ///
    /// Waits 50 ms or more: the registry logs a request after its answer.
    pub fn requests(&self) -> Vec<String> {
        self.access_log.lines()
    }

    /// As [`DockerRegistry::requests`], with the bytes that were answered.
    pub fn accesses(&self) -> Vec<Access> {
        self.access_log.accesses()
    }

    /// As [`DockerRegistry::accesses`], with those of [`crate::seed`] and skopeo: where skopeo is not the judge.
    pub fn everybodys_accesses(&self) -> Vec<Access> {
        self.access_log.everybodys()
    }

    /// Counts from here on.
    pub fn forget_requests(&self) {
        self.access_log.forget();
    }

    /// `METHOD path status` of what was asked of the storage behind
    /// [`DockerRegistryBuilder::redirect_blobs`]; nothing without it.
    pub fn storage_requests(&self) -> Vec<String> {
        self.blob_storage.as_ref().map(|storage| storage.access_log().lines()).unwrap_or_default()
    }

    /// The id of the process, when it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Kills the registry, as a crash would. Its data stays.
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

    /// Starts the process and waits until it says where it listens.
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

/// Serves a registry's files, and like S3 and OSS answers 400 to a request that still carries the
/// registry's credentials.
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
