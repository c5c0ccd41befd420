//! Limits of all workers together: each takes its part of them, and a pause that a registry asks one of them for is kept by all.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::connection::{Connection, PAUSES};
use crate::message::{self, pause::PauseToAll};

/// Live workers, this one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveWorkers {
    /// All of them. They share the quotas of accounts.
    pub all: usize,
    /// Those that have this worker's config. They share its bandwidth: others do not work on the runs that it was given for.
    pub of_config: usize,
}

/// The limits of a process.
pub trait SharedLimits: Send + Sync {
    /// Limits this process to its part.
    fn divide(&self, workers: LiveWorkers);

    /// Sends a host (`host:port`) no request for a while: it has asked another worker for a pause.
    fn hold_back(&self, host: &str, wait: Duration);

    /// Registers the function that is called when a host asks this process for a pause.
    fn tell_pauses(&self, heard: HeardPause);
}

/// Takes a host (`host:port`) and the length of the pause.
pub type HeardPause = Box<dyn Fn(&str, Duration) + Send + Sync>;

/// Pauses that are not published yet: more than hosts ask for at once.
const WAITING: usize = 64;

/// Publishes this process's pauses, and keeps to those of other workers, until it is aborted.
pub(crate) async fn share_pauses(connection: Connection, limits: Arc<dyn SharedLimits>) {
    let (heard, mut waiting) = mpsc::channel(WAITING);
    // A pause that does not fit is dropped: other workers are asked for it, too, and publish it.
    limits.tell_pauses(Box::new(move |host, wait| _ = heard.try_send((host.to_owned(), wait))));
    let tell = async {
        while let Some((host, wait)) = waiting.recv().await {
            let pause = PauseToAll::new(connection.name(), host, wait);
            let _ = connection.client.publish(PAUSES, message::write(&pause)).await;
        }
    };
    let hear = async {
        loop {
            if let Ok(mut pauses) = connection.client.subscribe(PAUSES).await {
                while let Some(pause) = pauses.next().await {
                    if let Ok(pause) = message::read::<PauseToAll>(&pause.payload)
                        && pause.worker != connection.name()
                    {
                        limits.hold_back(&pause.host, pause.wait());
                    }
                }
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::join!(tell, hear);
}
