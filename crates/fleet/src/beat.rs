//! Signs of life: who works, with which rules, and how much.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::sync::Notify;

use crate::connection::{BEATS, Connection};
use crate::message::{self, beat::AnyBeat};

/// How often a worker says that it lives.
pub(crate) const EVERY: Duration = Duration::from_secs(3);
/// Who has said nothing for so long has left.
const SILENT: Duration = Duration::from_secs(12);

/// A worker's last sign of life.
#[derive(Clone, Debug)]
pub(crate) struct Sign {
    pub(crate) beat: AnyBeat,
    pub(crate) at: Instant,
}

impl Sign {
    /// Whether the worker is still there.
    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        !self.beat.leaves() && now.saturating_duration_since(self.at) < SILENT
    }
}

/// Who works now.
#[derive(Clone, Default)]
pub(crate) struct Live {
    known: Arc<Mutex<BTreeMap<String, Sign>>>,
    changed: Arc<Notify>,
}

impl Live {
    /// Listens from now on.
    pub(crate) fn listen(connection: &Connection) -> (Self, tokio::task::JoinHandle<()>) {
        let (live, client) = (Self::default(), connection.client.clone());
        let heard = live.clone();
        let listening = tokio::spawn(async move {
            loop {
                if let Ok(mut beats) = client.subscribe(BEATS).await {
                    while let Some(beat) = beats.next().await {
                        if let Ok(beat) = message::read::<AnyBeat>(&beat.payload) {
                            heard.hear(beat);
                        }
                    }
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        (live, listening)
    }

    fn hear(&self, beat: AnyBeat) {
        let mut known = self.lock();
        let before = known.get(beat.worker()).map(|sign| sign.beat.leaves());
        if before != Some(beat.leaves()) {
            self.changed.notify_one();
        }
        // More workers than anybody has: somebody makes them up.
        if known.len() < 10_000 || before.is_some() {
            known.insert(beat.worker().to_owned(), Sign { beat, at: Instant::now() });
        }
    }

    /// Returns when somebody has come or gone in an orderly way.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many work, whatever their rules and releases: all share the limits of registries.
    pub(crate) fn count(&self) -> usize {
        let now = Instant::now();
        self.lock().values().filter(|sign| sign.is_alive(now)).count()
    }

    /// The last sign of each.
    pub(crate) fn signs(&self) -> Vec<Sign> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Sign>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use oci::Digest;

    use super::*;
    use crate::message::beat::Beat;
    use crate::message::release::Release;

    #[test]
    fn who_has_left_or_is_silent_does_not_count() {
        let live = Live::default();
        let beat = |worker: &str, leaves| {
            let config = Digest::sha256(worker.as_bytes());
            let (release, worker, sent) = (Release::ours(), worker.to_owned(), Vec::new());
            AnyBeat::Ours(Beat { release, worker, config, sent, refused: Vec::new(), leaves })
        };
        live.hear(beat("w1", false));
        live.hear(beat("w2", false));
        assert_eq!(live.count(), 2, "whatever their rules");
        live.hear(beat("w1", true));
        assert_eq!((live.count(), live.signs().len()), (1, 2));
        let later = Instant::now() + SILENT;
        assert!(live.signs().iter().all(|sign| !sign.is_alive(later)));
    }
}
