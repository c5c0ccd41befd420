//! Several processes that write to one store: all together send each large blob once, and randomly lost leases do no harm.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use oci::{Digest, RepositoryName};
use sync::{
    Engine, Event, Lease, LeaseWanted, Leased, Leases, Observer, Operation, Options, Report, Rule, Silent,
    Stamp, Sync,
};
use testkit::Dice;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, rule_to};

const LARGE: usize = 1 << 20;
const SEEDS: u64 = 30;

/// Leases in memory. Some percent of them are lost: given to the next process that asks.
#[derive(Clone)]
struct Kept(Arc<Mutex<Books>>);

struct Books {
    dice: Dice,
    lost_of_hundred: u64,
    leased: HashMap<Digest, u64>,
    held: HashMap<Digest, RepositoryName>,
    given: u64,
    /// The maximum number of leases that were held at the same time.
    most: usize,
    /// Leases of another process, which never ends.
    of_others: HashSet<Digest>,
    never_answers: bool,
}

struct One {
    kept: Kept,
    digest: Digest,
    repository: RepositoryName,
    number: u64,
}

impl Kept {
    fn new(seed: u64, lost_of_hundred: u64) -> Self {
        let (leased, held, of_others) = Default::default();
        let (given, most, never_answers) = (0, 0, false);
        let dice = Dice::new(seed);
        let books = Books { dice, lost_of_hundred, leased, held, given, most, of_others, never_answers };
        Self(Arc::new(Mutex::new(books)))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap()
    }
}

impl Leases for Kept {
    fn ask<'a>(&'a self, wanted: LeaseWanted<'a>) -> BoxFuture<'a, Leased> {
        let mut books = self.books();
        if books.never_answers {
            return std::future::pending().boxed();
        }
        if books.of_others.contains(wanted.digest) {
            return async { Leased::Theirs(Duration::from_millis(50)) }.boxed();
        }
        let is_lost = books.dice.below(100) < books.lost_of_hundred;
        let answer = if let Some(holder) = books.held.get(wanted.digest).filter(|_| !is_lost) {
            Leased::HeldBy(holder.clone())
        } else if books.leased.contains_key(wanted.digest) && !is_lost {
            Leased::Theirs(Duration::from_millis(50))
        } else {
            books.given += 1;
            let number = books.given;
            books.leased.insert(wanted.digest.clone(), number);
            books.most = books.most.max(books.leased.len());
            let (digest, repository) = (wanted.digest.clone(), wanted.repository.clone());
            Leased::Yours(Box::new(One { kept: self.clone(), digest, repository, number }))
        };
        async move { answer }.boxed()
    }
}

impl Lease for One {
    fn done(self: Box<Self>) -> BoxFuture<'static, ()> {
        let mut books = self.kept.books();
        books.held.insert(self.digest.clone(), self.repository.clone());
        if books.never_answers { std::future::pending().boxed() } else { async {}.boxed() }
    }
}

impl Drop for One {
    fn drop(&mut self) {
        let mut books = self.kept.books();
        if books.leased.get(&self.digest) == Some(&self.number) {
            books.leased.remove(&self.digest);
        }
    }
}

/// Four processes, each with its own image and target repository; all images have the same layers.
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

/// One process with one place for a blob.
async fn one_process(leases: &Kept, rule: Rule, observer: Arc<dyn Observer>) -> Report {
    let engine = Engine::sharing(1, None, Arc::new(leases.clone()));
    let run = Sync::new(vec![rule], Options::new(1, 3), observer).on(&engine);
    tokio::time::timeout(Duration::from_secs(1000), run.run(CancellationToken::new()))
        .await
        .expect("it hangs")
}

fn three_layers() -> Vec<Vec<u8>> {
    (0..3).map(|number| vec![number; LARGE]).collect()
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_held_by_who_has_a_place() {
    let (leases, target) = (Kept::new(1, 0), Fake::default());
    let report = one_process(&leases, rule(&three_layers(), &target, 0), Arc::new(Silent)).await;
    let books = leases.books();
    assert_eq!((report.copied(), books.given, books.most), (1, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_another_process_holds_no_place() {
    let (leases, target, layers) = (Kept::new(1, 0), Fake::default(), three_layers());
    let of_other = Digest::sha256(&layers[0]);
    leases.books().of_others.insert(of_other.clone());
    let run = one_process(&leases, rule(&layers, &target, 0), Arc::new(Silent));
    let others_end = async {
        // Another process holds the first layer's lease until the other layers of this one, which has only one place,
        // are sent.
        while leases.books().held.len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        leases.books().of_others.clear();
    };
    let (report, ()) = tokio::join!(run, others_end);
    assert_eq!((report.copied(), leases.books().held.len()), (1, 3));
}

/// Counts the leases that are held whenever a step of a blob has failed.
struct WhenRetrying {
    kept: Kept,
    blob: Digest,
    opening: Mutex<Vec<usize>>,
    sending: Mutex<Vec<usize>>,
}

impl Observer for WhenRetrying {
    fn event(&self, _: &Stamp, event: &Event) {
        let Event::Retrying { error, .. } = event else { return };
        let leased = self.kept.books().leased.len();
        match &error.operation {
            Operation::StartBlob(blob) if *blob == self.blob => self.opening.lock().unwrap().push(leased),
            Operation::SendBlob(blob) if *blob == self.blob => self.sending.lock().unwrap().push(leased),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_given_back_before_a_blob_is_tried_again_but_not_while_half_of_it_is_there() {
    let (layer, [opening, sending]) = (vec![1; LARGE], Default::default());
    let (kept, blob) = (Kept::new(1, 0), Digest::sha256(&layer));
    let seen = Arc::new(WhenRetrying { kept: kept.clone(), blob, opening, sending });
    for step in 1..20 {
        let target = Fake::default();
        target.state().failing_steps = [step].into();
        kept.books().held.clear();
        let rule = rule(std::slice::from_ref(&layer), &target, 0);
        assert_eq!(one_process(&kept, rule, seen.clone()).await.copied(), 1, "step {step}");
    }
    assert_eq!(*seen.opening.lock().unwrap(), [0], "nothing of it is on its way");
    assert_eq!(*seen.sending.lock().unwrap(), [1], "others would have to send all of it");
}

#[tokio::test(start_paused = true)]
async fn what_keeps_the_leases_and_never_answers_holds_nothing_up() {
    let (leases, target) = (Kept::new(1, 0), Fake::default());
    leases.books().never_answers = true;
    let report = one_process(&leases, rule(&three_layers(), &target, 0), Arc::new(Silent)).await;
    assert_eq!(report.copied(), 1);
    // It answers at first, and stops when the target has the first blob.
    let (leases, target) = (Kept::new(1, 0), Fake::default());
    let run = one_process(&leases, rule(&three_layers(), &target, 0), Arc::new(Silent));
    let falls_silent = async {
        while leases.books().leased.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        leases.books().never_answers = true;
    };
    let (report, ()) = tokio::join!(run, falls_silent);
    assert_eq!(report.copied(), 1);
}
