//! Several processes that write to one store: each large blob is sent once by all of them together, and leases that are lost at
//! random break nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use oci::{Digest, RepositoryName};
use sync::{Engine, Lease, LeaseWanted, Leased, Leases, Options, Report, Rule, Silent, Sync};
use testkit::Dice;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, rule_to};

const LARGE: usize = 1 << 20;
const SEEDS: u64 = 30;

/// Leases in memory. Of a hundred so many are lost: given to the next one who asks.
#[derive(Clone)]
struct Kept(Arc<Mutex<Books>>);

struct Books {
    dice: Dice,
    lost_of_hundred: u64,
    leased: HashMap<Digest, u64>,
    held: HashMap<Digest, RepositoryName>,
    given: u64,
}

struct One {
    kept: Kept,
    digest: Digest,
    repository: RepositoryName,
    number: u64,
}

impl Kept {
    fn new(seed: u64, lost_of_hundred: u64) -> Self {
        let (leased, held) = Default::default();
        let books = Books { dice: Dice::new(seed), lost_of_hundred, leased, held, given: 0 };
        Self(Arc::new(Mutex::new(books)))
    }
}

impl Leases for Kept {
    fn ask<'a>(&'a self, wanted: LeaseWanted<'a>) -> BoxFuture<'a, Leased> {
        let mut books = self.0.lock().unwrap();
        let is_lost = books.dice.below(100) < books.lost_of_hundred;
        let answer = if let Some(holder) = books.held.get(wanted.digest).filter(|_| !is_lost) {
            Leased::HeldBy(holder.clone())
        } else if books.leased.contains_key(wanted.digest) && !is_lost {
            Leased::Theirs(Duration::from_millis(50))
        } else {
            books.given += 1;
            let number = books.given;
            books.leased.insert(wanted.digest.clone(), number);
            let (digest, repository) = (wanted.digest.clone(), wanted.repository.clone());
            Leased::Yours(Box::new(One { kept: self.clone(), digest, repository, number }))
        };
        async move { answer }.boxed()
    }
}

impl Lease for One {
    fn done(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.kept.0.lock().unwrap().held.insert(self.digest.clone(), self.repository.clone());
        async {}.boxed()
    }
}

impl Drop for One {
    fn drop(&mut self) {
        let mut books = self.kept.0.lock().unwrap();
        if books.leased.get(&self.digest) == Some(&self.number) {
            books.leased.remove(&self.digest);
        }
    }
}

/// Four processes, each with an image of its own to a repository of its own; all have the same layers.
async fn four_processes(leases: &Kept) -> (Fake, Vec<Report>) {
    let target = Fake::default();
    let layers: Vec<Vec<u8>> = (0..3).map(|number| vec![number; LARGE]).collect();
    let rules: Vec<Rule> = (0..4).map(|number| rule(&layers, &target, number)).collect();
    let runs = rules.into_iter().map(|rule| {
        let engine = Engine::sharing(4, None, Arc::new(leases.clone()));
        let sync = Sync::new(vec![rule], Options::new(4, 3), Arc::new(Silent)).on(&engine);
        async move { sync.run(CancellationToken::new()).await }
    });
    let reports = join_all(runs).await;
    (target, reports)
}

fn rule(layers: &[Vec<u8>], target: &Fake, number: usize) -> Rule {
    let source = Fake::default();
    let own = format!("config of {number}").into_bytes();
    let blobs = layers.iter().chain(std::iter::once(&own)).map(|blob| {
        let digest = source.put_blob("a/app", blob);
        format!(r#"{{"digest":"{digest}","size":{}}}"#, blob.len())
    });
    let blobs = blobs.collect::<Vec<_>>().join(",");
    source.put_manifest("a/app", Some("v1"), &format!(r#"{{"layers":[{blobs}]}}"#));
    source.state().step_takes = Duration::from_millis(5);
    rule_to(&format!("p/{number}"), (&source, "a"), &[(target, "t")])
}

#[tokio::test(start_paused = true)]
async fn processes_that_share_leases_send_each_large_blob_once() {
    let (target, reports) = four_processes(&Kept::new(1, 0)).await;
    assert!(reports.iter().all(|report| report.copied() == 1), "{reports:?}");
    let state = target.state();
    let large = |key: &&(String, Digest)| state.blobs[*key].len() == LARGE;
    assert_eq!(state.sent.keys().filter(large).count(), 3, "each of three layers, once");
    assert_eq!(state.mounts, 9, "and mounted three times");
}

#[tokio::test(start_paused = true)]
async fn leases_that_are_lost_at_random_break_nothing() {
    for seed in 0..SEEDS {
        let (target, reports) = four_processes(&Kept::new(seed, 40)).await;
        assert!(reports.iter().all(|report| report.copied() == 1), "seed {seed}: {reports:?}");
        let state = target.state();
        assert_eq!((state.open_uploads, state.broken_promises.len()), (0, 0), "seed {seed}");
        for number in 0..4 {
            let there = state.blobs.keys().filter(|(repository, _)| *repository == format!("p/{number}"));
            assert_eq!(there.count(), 4, "three layers and a config, seed {seed}");
        }
    }
}
