//! An HTTP/1.1 proxy in front of a registry that injects planned faults, and passes all other bytes unchanged.
//!
//! It works on the bytes of the connection, so it can do what HTTP libraries prevent. It runs on its own thread, so
//! that a test may block meanwhile.

mod answer;
mod connection;
mod damage;
mod dice;
mod fault;
mod framing;
mod head;
mod log;
mod plan;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use dice::Dice;
pub use fault::{Fault, RetryAfter};
pub use log::Exchange;
pub use plan::{Planned, Random, Wanted};

use log::Log;
use plan::Plan;

use crate::server_thread::ServerThread;

/// A running proxy; ends on drop, with all its connections.
pub struct FaultProxy {
    thread: ServerThread,
    shared: Arc<Shared>,
}

/// Shared by all connections.
struct Shared {
    /// `host:port` of the registry.
    upstream: String,
    plan: Mutex<Plan>,
    log: Log,
}

impl FaultProxy {
    /// Starts in front of `upstream` (`host:port`, plain http), without faults.
    pub async fn start(upstream: impl Into<String>) -> Result<Self> {
        let shared =
            Arc::new(Shared { upstream: upstream.into(), plan: Mutex::default(), log: Log::default() });
        let served = shared.clone();
        let thread = ServerThread::start("fault-proxy", |listener| accept(listener, served)).await?;
        Ok(Self { thread, shared })
    }

    /// `127.0.0.1:port`
    pub fn host(&self) -> String {
        self.thread.host()
    }

    /// Injects exactly these faults from now on.
    pub fn plan(&self, planned: Vec<Planned>) {
        *self.shared.plan() = Plan::exact(planned);
    }

    /// Adds a fault.
    pub fn also(&self, planned: Planned) {
        self.shared.plan().add(planned);
    }

    /// Injects random faults from now on.
    pub fn random(&self, random: Random) {
        *self.shared.plan() = Plan::random(random);
    }

    /// Injects no faults from now on.
    pub fn behave(&self) {
        *self.shared.plan() = Plan::default();
    }

    /// The exchanges since the last [`FaultProxy::forget`], with their faults.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.log.exchanges()
    }

    /// The exchanges with faults, a line each.
    pub fn faults(&self) -> Vec<String> {
        let exchanges = self.exchanges();
        exchanges.iter().filter(|exchange| exchange.fault.is_some()).map(Exchange::line).collect()
    }

    /// Forgets all exchanges.
    pub fn forget(&self) {
        self.shared.log.forget();
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connections are tasks of the set, so that they end with the proxy.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection::serve(stream, shared.clone()));
                }
                // For example too many open files: that passes when connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
