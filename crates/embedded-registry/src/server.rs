//! The running registry: its port, its connections and what they share.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use crate::builder::{Builder, Settings};
use crate::connection::serve;
use crate::fault::{Fault, Faults};
use crate::log::Log;
use crate::request_log::LoggedRequest;
use crate::store::Store;
use crate::token::Tokens;

/// A running registry. Dropping it closes its port and all its connections.
pub struct EmbeddedRegistry {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What all connections of a registry share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) tokens: Tokens,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    numbers: AtomicU64,
}

impl EmbeddedRegistry {
    /// Begins to say how the registry is to be: open, with everything the specification offers.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) async fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            settings,
            store: Store::default(),
            tokens: Tokens::default(),
            faults: Faults::default(),
            log: Log::default(),
            numbers: AtomicU64::new(1),
        });
        let server = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `127.0.0.1:port`
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// What it holds.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// What it was asked so far, in the order in which the heads of the requests came.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.log.requests()
    }

    /// Forgets what it was asked.
    pub fn clear_requests(&self) {
        self.shared.log.clear();
    }

    /// Misbehaves from now on.
    pub fn misbehave(&self, fault: Fault) {
        self.shared.faults.add(fault);
    }

    /// Behaves again.
    pub fn behave(&self) {
        self.shared.faults.clear();
    }

    /// Stops, and comes back when the port is closed.
    pub async fn shut_down(mut self) {
        self.server.abort();
        // It ends by being cancelled, which is what was wanted.
        let _ = (&mut self.server).await;
    }
}

impl Drop for EmbeddedRegistry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    /// A number that was not given before.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

/// Connections live in the set, so that they end with the server.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, shared.clone()));
                }
                // Such as too many open files: that passes when connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
