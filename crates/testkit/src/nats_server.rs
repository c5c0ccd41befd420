//! Debian's `nats-server` on a free port of this machine, with its own store.

use std::net::TcpListener;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::certificate::IssuedCertificate;
use crate::process::{Process, read_log, wait_for};

/// A running nats-server; ends on drop.
pub struct NatsServer {
    // Declared before the folder: the process must end before its files are removed.
    process: Option<Process>,
    port: u16,
    folder: TempDir,
}

impl NatsServer {
    /// Starts one without authentication that keeps streams.
    pub async fn start() -> Result<Self> {
        Self::with("").await
    }

    /// The same with additional lines in its config.
    pub async fn with(more: &str) -> Result<Self> {
        // Relative to its own folder.
        Self::with_store(Path::new("store"), more).await
    }

    /// Starts one that keeps streams below this folder.
    pub async fn with_store(store: &Path, more: &str) -> Result<Self> {
        Self::configured(&format!("jetstream {{ store_dir: \"{}\" }}\n{more}", store.display())).await
    }

    /// Starts one with only these config lines, besides its address.
    pub async fn configured(lines: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("testkit-nats-").tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = format!("listen: 127.0.0.1:{port}\n{lines}\n");
        std::fs::write(folder.path().join("nats.conf"), config)?;
        let mut server = Self { process: None, port, folder };
        server.start_again().await?;
        Ok(server)
    }

    /// The config lines for TLS only, with this certificate; writes its files to `folder`.
    pub fn tls(folder: &Path, certificate: &IssuedCertificate) -> Result<String> {
        let (cert, key) = (folder.join("server.crt"), folder.join("server.key"));
        std::fs::write(&cert, &certificate.certificate_pem)?;
        std::fs::write(&key, &certificate.key_pem)?;
        Ok(format!("tls {{ cert_file: \"{}\", key_file: \"{}\" }}", cert.display(), key.display()))
    }

    /// Starts it again with its stored data.
    pub async fn start_again(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let arguments = ["-c".into(), folder.join("nats.conf").into_os_string()];
        let mut process = Process::start("nats-server", &arguments, folder)?;
        let (port, log) = (self.port, folder.join("stderr.log"));
        let ready = wait_for(|| {
            if process.has_ended()? {
                bail!("the process ended");
            }
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok())
        });
        ready.await.with_context(|| format!("nats-server does not start: {}", read_log(&log)))?;
        self.process = Some(process);
        Ok(())
    }

    /// Kills it, as in a power failure.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Removes the stored data of a killed server from its own folder.
    pub fn lose_store(&self) -> Result<()> {
        Ok(std::fs::remove_dir_all(self.folder.path().join("store"))?)
    }

    /// `nats://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}
