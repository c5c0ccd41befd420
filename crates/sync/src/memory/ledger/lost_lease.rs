//! Tests for lost claims: the copy that held one does not learn of the loss, and another copy gets the same claim.
//! The registry's digest check makes a second transfer harmless, so only two things can go wrong: a copy waits for
//! ever, or the ledger reports content as present too early.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci::{Digest, RepositoryName};
use testkit::Dice;

use super::{Came, Claim, Declined, Kind, Ledger};

const SEEDS: u64 = 300;
const SENDERS: usize = 24;

type Store = Mutex<HashSet<(RepositoryName, Digest)>>;

impl Ledger {
    /// Drops the claims on `digest` for all repositories.
    fn lose_leases(&self, digest: &Digest) {
        self.books().receiving.remove(&(Kind::Blob, digest.clone()));
    }
}

struct Sender {
    ledger: Arc<Ledger>,
    store: Arc<Store>,
    dice: Dice,
    repository: RepositoryName,
    digest: Digest,
}

impl Sender {
    async fn steps(&mut self) {
        tokio::time::sleep(Duration::from_millis(self.dice.below(20))).await;
        if self.dice.percent(20) {
            self.ledger.lose_leases(&self.digest);
        }
    }

    fn has(&self, repository: &RepositoryName) -> bool {
        self.store.lock().unwrap().contains(&(repository.clone(), self.digest.clone()))
    }

    async fn bring(mut self) {
        let mut declined = 0;
        'asking: loop {
            let mut claim = match self.ledger.claim(Kind::Blob, &self.repository, &self.digest, declined) {
                Claim::Present => break,
                Claim::Theirs(mut waiting) => {
                    assert!(waiting.end().await.is_none());
                    continue;
                }
                Claim::Mine(claim) => claim,
            };
            self.steps().await;
            while let Some(from) = claim.mount_from.clone() {
                assert!(self.has(&from), "a mount from where nothing is");
                if self.dice.percent(50) {
                    self.store.lock().unwrap().insert((self.repository.clone(), self.digest.clone()));
                    claim.complete(Came::Mounted);
                    break 'asking;
                }
                let next = claim.decline();
                declined = claim.declined;
                if let Declined::Wait(mut waiting) = next {
                    drop(claim);
                    assert!(waiting.end().await.is_none());
                    continue 'asking;
                }
            }
            self.steps().await;
            // Some copies are stopped on the way.
            if self.dice.percent(80) {
                self.store.lock().unwrap().insert((self.repository.clone(), self.digest.clone()));
                claim.complete(Came::Sent);
            }
        }
        assert!(self.has(&self.repository));
    }
}

#[test]
fn e1_e13_leases_that_are_lost_at_random_leave_nothing_out_and_nobody_waiting() {
    for seed in 0..SEEDS {
        let (ledger, store, mut dice) =
            (Arc::new(Ledger::default()), Arc::<Store>::default(), Dice::new(seed));
        let senders = (0..SENDERS).map(|_| Sender {
            ledger: ledger.clone(),
            store: store.clone(),
            dice: Dice::new(dice.below(u64::MAX)),
            repository: format!("p{}/r{}", dice.below(2), dice.below(3)).parse().unwrap(),
            digest: Digest::sha256(&[u8::try_from(dice.below(3)).unwrap()]),
        });
        let senders: Vec<_> = senders.collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let all = futures_util::future::join_all(senders.into_iter().map(Sender::bring));
            // Time is paused, so the timeout fires only if no task can proceed.
            let ended = tokio::time::timeout(Duration::from_secs(100_000), all).await;
            assert!(ended.is_ok(), "a wait without end, seed {seed}");
        });
        assert!(ledger.books().receiving.is_empty());
    }
}
