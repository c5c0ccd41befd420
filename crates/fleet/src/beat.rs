//! Hears workers' beats: which workers live, with which rules, and how much they sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use oci::Digest;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::connection::{BEATS, Connection};
use crate::limits::LiveWorkers;
use crate::message;
use crate::message::beat::{AnyBeat, WhoHas};
use crate::namesake::Namesake;
use crate::uptime::Uptime;

/// How often a worker sends a beat.
pub(crate) const EVERY: Duration = Duration::from_secs(3);
/// A worker without a beat for this long counts as gone.
pub(crate) const SILENT: Duration = Duration::from_secs(12);

/// A worker's last beat.
#[derive(Clone, Debug)]
pub(crate) struct Sign {
    pub(crate) beat: AnyBeat,
    /// When it was heard, by the clock that stands still while NATS is away.
    pub(crate) at: Instant,
    /// When it was heard, by the normal clock.
    pub(crate) heard: Instant,
}

impl Sign {
    /// Whether the worker is alive at `now`, which is a time of [`Uptime`].
    pub(crate) fn is_alive(&self, now: Instant) -> bool {
        !self.beat.leaves() && now.saturating_duration_since(self.at) < SILENT
    }
}

/// The workers that were heard.
#[derive(Clone, Default)]
pub(crate) struct Live {
    known: Arc<Mutex<BTreeMap<String, Sign>>>,
    changed: Arc<Notify>,
    uptime: Uptime,
    /// In a worker: detects other processes with its name.
    namesake: Option<Arc<Namesake>>,
}

impl Live {
    /// Begins to listen.
    pub(crate) async fn listen(connection: &Connection) -> (Self, tokio::task::JoinHandle<()>) {
        Self { uptime: connection.uptime.clone(), ..Self::default() }.listening(connection).await
    }

    /// Begins to listen for a worker, which must notice other processes with its name.
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
        // Subscribes before the caller asks a question, so that the answers are heard.
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
                    // Another process asks who has this worker's name. The next beat answers, and is sent at once.
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
        // A successor may be heard before its predecessor's farewell, which must not remove the successor.
        if sign.beat.leaves() && before.is_some_and(|(born, _)| born != sign.beat.born()) {
            return;
        }
        if before != Some(process(&sign)) {
            self.changed.notify_one();
        }
        // No fleet has more workers: further names are forged.
        if known.len() < 10_000 || before.is_some() {
            known.insert(sign.beat.worker().to_owned(), sign);
        }
    }

    /// Returns when a worker has joined or said farewell, or another process asks for this worker's name.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many workers live, and how many of them have this config. The config of other releases is unknown: they work on no run of
    /// this release.
    pub(crate) fn workers(&self, config: &Digest) -> LiveWorkers {
        let (now, known) = (self.uptime.now(), self.lock());
        let alive = || known.values().filter(|sign| sign.is_alive(now));
        let has_config = |sign: &&Sign| matches!(&sign.beat, AnyBeat::Ours(beat) if beat.config == *config);
        LiveWorkers { all: alive().count(), of_config: alive().filter(has_config).count() }
    }

    /// Whether a live worker has a job in work, other than the worker of this name.
    pub(crate) fn has_in_work(&self, run: &str, number: u32, but_for: &str) -> bool {
        let now = self.uptime.now();
        self.lock().values().any(|sign| match &sign.beat {
            AnyBeat::Ours(beat) => {
                beat.worker != but_for && sign.is_alive(now) && beat.jobs_of(run).any(|job| job == number)
            }
            AnyBeat::Other(_) => false,
        })
    }

    /// The last beat of each worker.
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

    use super::*;
    use crate::message::beat::Beat;
    use crate::message::release::Release;

    /// The digest of a config that only this worker has.
    fn config(worker: &str) -> Digest {
        Digest::sha256(worker.as_bytes())
    }

    fn count(live: &Live) -> usize {
        live.workers(&config("w1")).all
    }

    fn beat(worker: &str, born: u64, leaves: bool) -> AnyBeat {
        let config = config(worker);
        let (release, worker, sent) = (Release::ours(), worker.to_owned(), Vec::new());
        let (jobs, refused) = Default::default();
        AnyBeat::Ours(Beat { release, worker, born, config, sent, jobs, refused, leaves })
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_left_or_is_silent_does_not_count() {
        let live = Live::default();
        live.hear(beat("w1", 1, false));
        live.hear(beat("w2", 1, false));
        assert_eq!(live.workers(&config("w1")), LiveWorkers { all: 2, of_config: 1 });
        live.hear(beat("w1", 1, true));
        assert_eq!(live.workers(&config("w1")), LiveWorkers { all: 1, of_config: 0 });
        assert_eq!(live.signs().len(), 2);
        tokio::time::advance(SILENT).await;
        assert_eq!(count(&live), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_silent_who_cannot_be_heard_because_the_server_is_away() {
        let live = Live::default();
        live.hear(beat("w1", 1, false));
        live.hear(beat("w2", 1, false));
        live.uptime.event(&Event::Disconnected);
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(count(&live), 2);
        live.uptime.event(&Event::Connected);
        tokio::time::advance(SILENT / 2).await;
        live.hear(beat("w1", 1, false));
        assert_eq!(count(&live), 2, "both have time to be heard again");
        tokio::time::advance(SILENT / 2).await;
        assert_eq!(count(&live), 1, "w2 has ended meanwhile");
    }

    #[test]
    fn the_farewell_of_a_process_is_not_that_of_whoever_was_started_in_its_place() {
        let live = Live::default();
        for (born, leaves) in [(1, false), (2, false), (1, true)] {
            live.hear(beat("w1", born, leaves));
        }
        assert_eq!(count(&live), 1);
        live.hear(beat("w1", 2, true));
        assert_eq!(count(&live), 0);
    }
}
