//! An nginx process that serves one `server` block from its own folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::access_log::AccessLog;
use crate::process::{Process, read_log, wait_for};

/// Another process may take the port between its choice and nginx's start.
const ATTEMPTS: usize = 5;

/// Running nginx; ends on drop.
pub(crate) struct Nginx {
    // Declared before the folder: the process must end before its files are removed.
    process: Process,
    port: u16,
    access_log: AccessLog,
    folder: TempDir,
}

impl Nginx {
    /// Starts nginx. `server` gets the folder (for its own files) and the port, and returns the content of `http { … }`.
    pub(crate) async fn start(server: impl Fn(&Path, u16) -> Result<String>) -> Result<Self> {
        let mut refused = None;
        for _ in 0..ATTEMPTS {
            match Self::start_once(&server).await {
                Err(error) if format!("{error:#}").contains("Address already in use") => {
                    refused = Some(error);
                }
                decided => return decided,
            }
        }
        Err(refused.context("no attempt was made")?)
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn access_log(&self) -> &AccessLog {
        &self.access_log
    }

    pub(crate) fn error_log(&self) -> String {
        read_log(&self.folder.path().join("error.log"))
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    async fn start_once(server: impl Fn(&Path, u16) -> Result<String>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("testkit-nginx-").tempdir()?;
        let path = folder.path();
        let port = free_port().await?;
        std::fs::write(path.join("nginx.conf"), configuration(path, &server(path, port)?))?;
        let process = Process::start("nginx", &arguments(path), path)?;
        let access_log = AccessLog::new(path.join("access.log"));
        let mut nginx = Self { process, port, access_log, folder };
        let ready = nginx.wait_until_ready().await;
        ready.with_context(|| format!("nginx does not start: {}", nginx.error_log()))?;
        Ok(nginx)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let pid_file = self.folder.path().join("nginx.pid");
        let process = &mut self.process;
        // Written once nginx listens. A mere connection could reach another process that took the port.
        wait_for(|| {
            if process.has_ended()? {
                bail!("the process ended");
            }
            Ok(pid_file.is_file().then_some(()))
        })
        .await?;
        tokio::net::TcpStream::connect(self.host()).await?;
        Ok(())
    }
}

/// A port that was free just now; nginx cannot choose one itself.
async fn free_port() -> Result<u16> {
    Ok(tokio::net::TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}

fn arguments(folder: &Path) -> Vec<OsString> {
    let path = |name: &str| folder.join(name).into_os_string();
    vec!["-p".into(), folder.into(), "-e".into(), path("error.log"), "-c".into(), path("nginx.conf")]
}

fn configuration(folder: &Path, server: &str) -> String {
    let folder = folder.display();
    // One process without a master: killing a master would leave its workers running.
    format!(
        r#"daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    log_format with_agent '$remote_addr - - [$time_local] "$request" $status $body_bytes_sent "$connection" "$http_user_agent"';
    access_log {folder}/access.log with_agent;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_read_timeout 900s;
    proxy_send_timeout 900s;
{server}
}}
"#
    )
}

/// Writes a file into the server's folder.
pub(crate) fn write(folder: &Path, name: &str, content: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    std::fs::write(&path, content)?;
    Ok(path)
}
