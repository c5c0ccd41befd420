//! A server on its own thread, so that a test may block meanwhile.

use std::net::SocketAddr;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Serves on a free port of 127.0.0.1; ends on drop.
pub(crate) struct ServerThread {
    address: SocketAddr,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ServerThread {
    /// Runs the future of `serve` until it ends or this value is dropped.
    pub(crate) async fn start<F>(
        name: &str,
        serve: impl FnOnce(TcpListener) -> F + Send + 'static,
    ) -> Result<Self>
    where
        F: Future<Output = ()>,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?.into_std()?;
        let address = listener.local_addr()?;
        let (shutdown, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = serve(listener) => {}
                    _ = stopped => {}
                }
            });
        });
        let thread = thread.with_context(|| format!("cannot start the thread {name}"))?;
        Ok(Self { address, shutdown: Some(shutdown), thread: Some(thread) })
    }

    /// `127.0.0.1:port`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for ServerThread {
    fn drop(&mut self) {
        // Both fail only if the thread has ended already.
        self.shutdown.take().map(|shutdown| shutdown.send(()));
        self.thread.take().map(JoinHandle::join);
    }
}
