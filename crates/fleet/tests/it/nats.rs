//! A real nats-server on a free port of this machine, with a store of its own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fleet::{Access, Connection, Login};

pub(crate) struct Nats {
    folder: tempfile::TempDir,
    port: u16,
    process: Option<Child>,
}

impl Nats {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// With more lines in its config.
    pub(crate) async fn with(more: &str) -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let store = folder.path().join("store");
        let config =
            format!("listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"{}\" }}\n{more}\n", store.display());
        std::fs::write(folder.path().join("nats.conf"), config).unwrap();
        let mut nats = Self { folder, port, process: None };
        nats.start_again().await;
        nats
    }

    /// Starts it on what it has kept.
    pub(crate) async fn start_again(&mut self) {
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        let process = Command::new("nats-server")
            .arg("-c")
            .arg(self.folder.path().join("nats.conf"))
            .env("PATH", path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server is not installed: scripts/test installs it");
        self.process = Some(process);
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nats-server does not listen");
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn access(&self, login: Login) -> Access {
        Access::new(&format!("nats://127.0.0.1:{}", self.port), login, None, false).unwrap()
    }

    pub(crate) async fn connect(&self, name: &str) -> Connection {
        Connection::open(&self.access(Login::Nobody), name).await.unwrap()
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}
