//! What holds for all workers together: each has its part of it, and what one of them is told by a registry, all know.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::connection::{Connection, PAUSES};
use crate::message::{self, pause::PauseToAll};

/// The limits of a process.
pub trait SharedLimits: Send + Sync {
    /// So many workers live, this one included: each may take its part.
    fn divide(&self, workers: usize);

    /// A host (`host:port`) has asked another worker for a pause.
    fn hold_back(&self, host: &str, wait: Duration);

    /// From now on tells of hosts that ask this process for one.
    fn tell_pauses(&self, heard: HeardPause);
}

/// Takes a host and how long it wants to be left alone.
pub type HeardPause = Box<dyn Fn(&str, Duration) + Send + Sync>;

/// More that is not told yet than hosts ask for pauses.
const WAITING: usize = 64;

/// Tells others of pauses, and keeps to theirs, until it is aborted.
pub(crate) async fn share_pauses(connection: Connection, limits: Arc<dyn SharedLimits>) {
    let (heard, mut waiting) = mpsc::channel(WAITING);
    // What does not fit is told by others, who are refused, too.
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
