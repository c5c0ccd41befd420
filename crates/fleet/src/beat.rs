//! Signs of life: who works, with which rules, and how much.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::sync::Notify;

use crate::connection::{BEATS, Connection};
use crate::message;
use crate::message::beat::{AnyBeat, WhoHas};
use crate::namesake::Namesake;

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
    /// Of a worker: who has its name, too.
    namesake: Option<Arc<Namesake>>,
}

impl Live {
    /// Listens from now on.
    pub(crate) async fn listen(connection: &Connection) -> (Self, tokio::task::JoinHandle<()>) {
        Self::default().listening(connection).await
    }

    /// Listens as a worker does, which is to know of others with its name.
    pub(crate) async fn listen_as(
        namesake: Arc<Namesake>,
        connection: &Connection,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let live = Self { namesake: Some(namesake), ..Self::default() };
        live.listening(connection).await
    }

    async fn listening(self, connection: &Connection) -> (Self, tokio::task::JoinHandle<()>) {
        let (heard, client) = (self.clone(), connection.client.clone());
        // What is asked from now on is answered where this hears it.
        let mut first = client.subscribe(BEATS).await.ok();
        let listening = tokio::spawn(async move {
            loop {
                let beats = match first.take() {
                    Some(beats) => Some(beats),
                    None => client.subscribe(BEATS).await.ok(),
                };
                if let Some(mut beats) = beats {
                    while let Some(beat) = beats.next().await {
                        heard.hear_text(&beat.payload);
                    }
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        (self, listening)
    }

    fn hear_text(&self, text: &[u8]) {
        match (message::read::<AnyBeat>(text), &self.namesake) {
            (Ok(AnyBeat::Ours(beat)), Some(namesake)) if namesake.is(&beat.worker, beat.born) => {
                namesake.heard(beat.born, beat.leaves);
            }
            (Ok(beat), _) => self.hear(beat),
            (Err(_), Some(namesake)) => {
                let asked = message::read::<WhoHas>(text);
                if asked.is_ok_and(|asked| namesake.is(&asked.name, asked.born)) {
                    // It is answered at once.
                    self.changed.notify_one();
                }
            }
            (Err(_), None) => {}
        }
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
            AnyBeat::Ours(Beat { release, worker, born: 1, config, sent, refused: Vec::new(), leaves })
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
