//! Signs of life: who works, how much, and who has left.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::sync::Notify;

use crate::connection::{BEATS, Connection};
use crate::message::{self, run::Beat};

/// How often a worker says that it lives.
pub(crate) const EVERY: Duration = Duration::from_secs(3);
/// Who has said nothing for so long has left.
const SILENT: Duration = Duration::from_secs(12);

/// Who works now.
#[derive(Clone, Default)]
pub(crate) struct Live {
    known: Arc<Mutex<BTreeMap<String, (Beat, Instant)>>>,
    changed: Arc<Notify>,
}

/// Somebody came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Joined(String),
    Left(String),
    Lost(String),
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
                        if let Ok(beat) = message::read::<Beat>(&beat.payload) {
                            heard.hear(beat);
                        }
                    }
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        (live, listening)
    }

    fn hear(&self, beat: Beat) {
        let mut known = self.lock();
        let before = known.get(&beat.worker).map(|(beat, _)| beat.leaves);
        if before != Some(beat.leaves) {
            self.changed.notify_one();
        }
        // More workers than anybody has: somebody makes them up.
        if known.len() < 10_000 || before.is_some() {
            known.insert(beat.worker.clone(), (beat, Instant::now()));
        }
    }

    /// Returns when somebody has come or gone in an orderly way.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many work.
    pub(crate) fn count(&self) -> usize {
        let known = self.lock();
        known.values().filter(|(beat, at)| !beat.leaves && at.elapsed() < SILENT).count()
    }

    /// What all have sent since they began.
    pub(crate) fn bytes_moved(&self) -> u64 {
        self.lock().values().fold(0, |sum, (beat, _)| sum.saturating_add(beat.bytes_moved))
    }

    /// Who came and went, compared with `before`, which becomes what is so now.
    pub(crate) fn changes(&self, before: &mut BTreeMap<String, bool>) -> Vec<Change> {
        let mut changes = Vec::new();
        for (name, (beat, at)) in &*self.lock() {
            let is_there = !beat.leaves && at.elapsed() < SILENT;
            match before.insert(name.clone(), is_there) {
                None | Some(false) if is_there => changes.push(Change::Joined(name.clone())),
                Some(true) if beat.leaves => changes.push(Change::Left(name.clone())),
                Some(true) if !is_there => changes.push(Change::Lost(name.clone())),
                _ => {}
            }
        }
        changes
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Beat, Instant)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_and_goes_is_told_once() {
        let live = Live::default();
        let beat = |leaves| Beat { worker: "w1".to_owned(), jobs: 1, bytes_moved: 7, leaves };
        let mut before = BTreeMap::new();
        live.hear(beat(false));
        assert_eq!(live.changes(&mut before), [Change::Joined("w1".to_owned())]);
        live.hear(beat(false));
        assert_eq!((live.changes(&mut before), live.count(), live.bytes_moved()), (vec![], 1, 7));
        live.hear(beat(true));
        assert_eq!(live.changes(&mut before), [Change::Left("w1".to_owned())]);
        assert_eq!((live.changes(&mut before), live.count()), (vec![], 0));
    }
}
