//! Signs of life: who works, with which rules, and how much.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::connection::{BEATS, Connection};
use crate::message;
use crate::message::beat::{AnyBeat, WhoHas};
use crate::namesake::Namesake;
use crate::uptime::Uptime;

/// How often a worker says that it lives.
pub(crate) const EVERY: Duration = Duration::from_secs(3);
/// Who has said nothing for so long has left.
pub(crate) const SILENT: Duration = Duration::from_secs(12);

/// A worker's last sign of life.
#[derive(Clone, Debug)]
pub(crate) struct Sign {
    pub(crate) beat: AnyBeat,
    /// By the clock that stands still while the server is away.
    pub(crate) at: Instant,
    /// By the clock on the wall.
    pub(crate) heard: Instant,
}

impl Sign {
    /// Whether the worker is still there, when [`Uptime`] shows this.
    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        !self.beat.leaves() && now.saturating_duration_since(self.at) < SILENT
    }
}

/// Who works now.
#[derive(Clone, Default)]
pub(crate) struct Live {
    known: Arc<Mutex<BTreeMap<String, Sign>>>,
    changed: Arc<Notify>,
    uptime: Uptime,
    /// Of a worker: who has its name, too.
    namesake: Option<Arc<Namesake>>,
}

impl Live {
    /// Listens from now on.
    pub(crate) async fn listen(connection: &Connection) -> (Self, tokio::task::JoinHandle<()>) {
        Self { uptime: connection.uptime.clone(), ..Self::default() }.listening(connection).await
    }

    /// Listens as a worker does, which is to know of others with its name.
    pub(crate) async fn listen_as(
        namesake: Arc<Namesake>,
        connection: &Connection,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let uptime = connection.uptime.clone();
        let live = Self { uptime, namesake: Some(namesake), ..Self::default() };
        live.listening(connection).await
    }

    async fn listening(self, connection: &Connection) -> (Self, tokio::task::JoinHandle<()>) {
        let (heard, client) = (self.clone(), connection.client.clone());
        // What is asked from now on is answered where this hears it.
        let mut beats = client.subscribe(BEATS).await;
        let listening = tokio::spawn(async move {
            loop {
                if let Ok(beats) = &mut beats {
                    while let Some(beat) = beats.next().await {
                        heard.hear_text(&beat.payload);
                    }
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
                beats = client.subscribe(BEATS).await;
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
                    // Somebody asks who has this worker's name: the next sign of life answers, and is sent at once.
                    self.changed.notify_one();
                }
            }
            (Err(_), None) => {}
        }
    }

    fn hear(&self, beat: AnyBeat) {
        let sign = Sign { beat, at: self.uptime.now(), heard: Instant::now() };
        let process = |sign: &Sign| (sign.beat.born(), sign.beat.leaves());
        let mut known = self.lock();
        let before = known.get(sign.beat.worker()).map(process);
        // Whoever was started in place of a process may be heard before that one's farewell.
        if sign.beat.leaves() && before.is_some_and(|(born, _)| born != sign.beat.born()) {
            return;
        }
        if before != Some(process(&sign)) {
            self.changed.notify_one();
        }
        // More workers than anybody has: somebody makes them up.
        if known.len() < 10_000 || before.is_some() {
            known.insert(sign.beat.worker().to_owned(), sign);
        }
    }

    /// Returns when somebody has come or gone in an orderly way.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many work, whatever their rules and releases: all share the limits of registries.
    pub(crate) fn count(&self) -> usize {
        let now = self.uptime.now();
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
    use async_nats::Event;
    use oci::Digest;

    use super::*;
    use crate::message::beat::Beat;
    use crate::message::release::Release;

    fn beat(worker: &str, born: u64, leaves: bool) -> AnyBeat {
        let config = Digest::sha256(worker.as_bytes());
        let (release, worker, sent) = (Release::ours(), worker.to_owned(), Vec::new());
        AnyBeat::Ours(Beat { release, worker, born, config, sent, refused: Vec::new(), leaves })
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_left_or_is_silent_does_not_count() {
        let live = Live::default();
        live.hear(beat("w1", 1, false));
        live.hear(beat("w2", 1, false));
        assert_eq!(live.count(), 2, "whatever their rules");
        live.hear(beat("w1", 1, true));
        assert_eq!((live.count(), live.signs().len()), (1, 2));
        tokio::time::advance(SILENT).await;
        assert_eq!(live.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_silent_who_cannot_be_heard_because_the_server_is_away() {
        let live = Live::default();
        live.hear(beat("w1", 1, false));
        live.hear(beat("w2", 1, false));
        live.uptime.event(&Event::Disconnected);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(live.count(), 2);
        live.uptime.event(&Event::Connected);
        tokio::time::advance(SILENT / 2).await;
        live.hear(beat("w1", 1, false));
        assert_eq!(live.count(), 2, "both have time to be heard again");
        tokio::time::advance(SILENT / 2).await;
        assert_eq!(live.count(), 1, "w2 has ended meanwhile");
    }

    #[test]
    fn the_farewell_of_a_process_is_not_that_of_whoever_was_started_in_its_place() {
        let live = Live::default();
        for (born, leaves) in [(1, false), (2, false), (1, true)] {
            live.hear(beat("w1", born, leaves));
        }
        assert_eq!(live.count(), 1);
        live.hear(beat("w1", 2, true));
        assert_eq!(live.count(), 0);
    }
}
