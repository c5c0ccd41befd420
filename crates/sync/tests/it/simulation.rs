//! Scheduler and ledger without any network, in virtual time: random rules, graphs, delays, failures and
//! cancellations. To repeat a failing seed:
//! `IMAGE_SYNCER_SEED=<seed> cargo test -p image-syncer-sync --test it simulated`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use oci::Digest;
use sync::{Cause, Event, Naming, Options, Outcome, Rule, RuleTarget, Selection, Sync};
use testkit::Dice;
use tokio_util::sync::CancellationToken;

use crate::fake::{Chance, Fake};
use crate::fault_world::count;
use crate::graph::{Diary, closure};
use crate::whole_report::{RunWhole, WholeReport};

/// The number in `scripts/test`; `cargo xtask torture` sets the variable to more.
const SEEDS: u64 = 1000;
/// In virtual time: it is reached only if no task can proceed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10_000_000);
const SOURCES: [&str; 2] = ["library/app", "library/other"];
const TARGETS: [(&str, &str); 4] = [("a.io", "one"), ("a.io", "two"), ("b.io", "one"), ("b.io", "three")];

/// One simulated run.
struct World {
    dice: Dice,
    source: Fake,
    /// `a.io` and `b.io`.
    targets: [Fake; 2],
    /// Source repository, and the indexes of its targets.
    rules: Vec<(&'static str, Vec<usize>)>,
    trouble: Trouble,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    Failures,
    Cancelled,
    Both,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let source = Fake::default();
        for repository in SOURCES {
            seed_graph(&source, repository, &mut dice);
        }
        let rules = (0..=dice.below(3)).map(|_| rule(&mut dice)).collect();
        let trouble =
            [Trouble::None, Trouble::Failures, Trouble::Failures, Trouble::Cancelled, Trouble::Both];
        let trouble = trouble[index(&mut dice, trouble.len())];
        let world = Self { dice, source, targets: Default::default(), rules, trouble };
        world.arm()
    }

    fn fails(&self) -> bool {
        matches!(self.trouble, Trouble::Failures | Trouble::Both)
    }

    fn is_cancelled(&self) -> bool {
        matches!(self.trouble, Trouble::Cancelled | Trouble::Both)
    }

    fn arm(mut self) -> Self {
        let fails = self.fails();
        for fake in [&self.source, &self.targets[0], &self.targets[1]] {
            let dice = &mut self.dice;
            let (passing, permanent) = if fails {
                (dice.below(150), if dice.percent(40) { dice.below(30) } else { 0 })
            } else {
                (0, 0)
            };
            let longest = if dice.percent(20) { 0 } else { dice.below(400) };
            let dice = Dice::new(dice.below(u64::MAX));
            fake.state().chance = Some(Chance { dice, passing, permanent, longest, failed: 0 });
        }
        self
    }

    fn target(&self, index: usize) -> (&Fake, &'static str) {
        let (registry, repository) = TARGETS[index];
        (&self.targets[usize::from(registry == "b.io")], repository)
    }

    fn rules(&self) -> Vec<Rule> {
        let target = |at: &usize| {
            let (fake, repository) = self.target(*at);
            RuleTarget { target: Arc::new(fake.repository(TARGETS[*at].0, repository)), naming: Naming::Same }
        };
        let rule = |(from, to): &(&'static str, Vec<usize>)| Rule {
            source: Arc::new(self.source.repository("source.io", from)),
            selection: Selection::All,
            targets: to.iter().map(target).collect(),
            policy: Arc::default(),
        };
        self.rules.iter().map(rule).collect()
    }

    fn run(&mut self) -> (WholeReport, Vec<Event>) {
        let (blobs, retries) = (1 + index(&mut self.dice, 6), self.dice.below(5));
        let drain = Duration::from_millis(if self.dice.percent(30) { 0 } else { self.dice.below(4000) });
        let options = Options { drain, ..Options::new(blobs, u32::try_from(retries).unwrap()) };
        let stop_after = Duration::from_millis(self.dice.below(4000));
        let (diary, cancel) = (Arc::new(Diary::default()), CancellationToken::new());
        let sync = Sync::new(self.rules(), options, diary.clone());
        let is_cancelled = self.is_cancelled();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let report = runtime.block_on(async {
            if is_cancelled {
                let cancel = cancel.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(stop_after).await;
                    cancel.cancel();
                });
            }
            tokio::time::timeout(DEADLINE, sync.run_whole(cancel.clone())).await.expect("a wait cycle")
        });
        let events = std::mem::take(&mut *diary.0.lock().unwrap());
        (report, events)
    }
}

pub(crate) fn index(dice: &mut Dice, length: usize) -> usize {
    usize::try_from(dice.below(length as u64)).unwrap()
}

fn rule(dice: &mut Dice) -> (&'static str, Vec<usize>) {
    let from = SOURCES[index(dice, SOURCES.len())];
    let mut to: Vec<usize> = (0..TARGETS.len()).filter(|_| dice.percent(50)).collect();
    if to.is_empty() {
        to.push(index(dice, TARGETS.len()));
    }
    (from, to)
}

/// Manifests that refer to blobs and to manifests before them, some of them with tags.
pub(crate) fn seed_graph(fake: &Fake, repository: &str, dice: &mut Dice) {
    let blobs: Vec<Digest> = (0..=dice.below(7))
        .map(|number| fake.put_blob(repository, format!("blob number {number}").as_bytes()))
        .collect();
    let mut bodies: Vec<(String, Digest)> = Vec::new();
    for number in 0..=dice.below(9) {
        let mut body =
            format!("{{\"schemaVersion\": 2, \"number\": \"{number} of {repository}\", \"layers\": [");
        let layers: Vec<_> = (0..dice.below(4))
            .map(|_| format!("{{\"digest\":\"{}\",\"size\":13}}", blobs[index(dice, blobs.len())]))
            .collect();
        body += &layers.join(",");
        let children = if bodies.is_empty() { 0 } else { dice.below(3) };
        let children: Vec<_> = (0..children)
            .map(|_| {
                let (body, digest) = &bodies[index(dice, bodies.len())];
                format!("{{\"digest\":\"{digest}\",\"size\":{}}}", body.len())
            })
            .collect();
        let _ = write!(body, "], \"manifests\": [{}]}}", children.join(","));
        let digest = fake.put_manifest(repository, None, &body);
        bodies.push((body, digest));
    }
    for tag in 0..=dice.below(12) {
        let root = index(dice, bodies.len());
        fake.put_manifest(repository, Some(&format!("t{tag}")), &bodies[root].0);
    }
}

/// Checks that every planned image has ended once, unless the run ended before it was queued; then its rule is unfinished.
pub(crate) fn assert_nothing_swallowed(report: &WholeReport, events: &[Event]) {
    let planned: BTreeSet<String> = events
        .iter()
        .filter_map(
            |event| if let Event::ImagePlanned(image) = event { Some(image.to_string()) } else { None },
        )
        .collect();
    // Each rule that wants a taken reference gets an error.
    let is_taken = |outcome: &Outcome| matches!(outcome, Outcome::Failed(error) if matches!(error.cause, Cause::TargetTaken { .. }));
    let (taken, worked): (Vec<_>, Vec<_>) = report.images.iter().partition(|ended| is_taken(&ended.outcome));
    let mut distinct: BTreeSet<String> = worked.iter().map(|ended| ended.image.to_string()).collect();
    assert_eq!(distinct.len(), worked.len(), "an image ended twice");
    distinct.extend(taken.iter().map(|ended| ended.image.to_string()));
    assert!(distinct.is_subset(&planned));
    assert_eq!(distinct, planned, "planned, but not told");
    let sum = report.copied() + report.skipped() + report.failed() + report.not_done();
    assert_eq!(sum, report.images.len());
}

/// Checks that reported images exist with everything below them, and that nothing was stored before its content.
fn assert_true(world: &World, report: &WholeReport) {
    for fake in &world.targets {
        assert!(fake.state().broken_promises.is_empty(), "{:?}", fake.state().broken_promises);
    }
    for ended in &report.images {
        if !matches!(ended.outcome, Outcome::Copied { .. } | Outcome::Skipped(_)) {
            continue;
        }
        let from = ended.image.source.strip_prefix("source.io/").unwrap();
        let at = TARGETS.iter().position(|(host, name)| *ended.image.target == format!("{host}/{name}"));
        let (fake, to) = world.target(at.unwrap());
        let oci::TagOrDigest::Tag(tag) = &ended.image.target_reference else { panic!("a digest") };
        let digest = world.source.state().tags[&(from.to_owned(), tag.clone())].clone();
        assert_eq!(fake.state().tags.get(&(to.to_owned(), tag.clone())), Some(&digest), "{}", ended.image);
        let (mut here, mut there) = (BTreeSet::new(), BTreeSet::new());
        closure(&world.source, from, &digest, &mut here);
        closure(fake, to, &digest, &mut there);
        assert_eq!(here, there, "{}", ended.image);
    }
}

/// Without failures, only collisions of two rules fail, and no blob is sent twice to one repository.
fn assert_perfect(world: &World, report: &WholeReport) {
    for error in report.errors() {
        assert!(matches!(error.cause, Cause::TargetTaken { .. }), "{error}");
    }
    assert_eq!((report.not_done(), report.failed_rules.len()), (0, 0));
    for fake in &world.targets {
        for ((repository, digest), times) in &fake.state().sent {
            assert_eq!(*times, 1, "{digest} went to {repository} {times} times");
        }
    }
}

/// What the simulated runs contained.
#[derive(Default)]
struct Met {
    /// Steps that failed.
    failed: usize,
    /// Runs that were stopped with work left.
    stopped: usize,
    /// Runs that copied some image after they were asked to stop.
    drained: usize,
}

impl Met {
    fn of(fakes: [&Fake; 3], report: &WholeReport, events: &[Event]) -> Self {
        let failed = fakes.iter().map(|fake| fake.state().chance.as_ref().unwrap().failed).sum();
        let is_stopped = report.not_done() + report.unfinished_rules.len() > 0;
        let is_stop = |event: &Event| matches!(event, Event::Stopping { .. });
        let is_copied = |event: &Event| matches!(event, Event::ImageFinished(ended) if matches!(ended.outcome, Outcome::Copied { .. }));
        let is_drained = events.iter().skip_while(|event| !is_stop(event)).any(is_copied);
        Self { failed, stopped: is_stopped.into(), drained: is_drained.into() }
    }

    fn add(&mut self, other: &Self) {
        self.failed += other.failed;
        self.stopped += other.stopped;
        self.drained += other.drained;
    }
}

fn simulate(seed: u64) -> Met {
    // The jitter of waits; the generator is per thread.
    fastrand::seed(seed);
    let mut world = World::new(seed);
    let (report, events) = world.run();
    assert_nothing_swallowed(&report, &events);
    assert_true(&world, &report);
    if world.trouble == Trouble::None {
        assert_perfect(&world, &report);
    }
    if !world.is_cancelled() {
        assert_eq!((report.not_done(), report.unfinished_rules.len()), (0, 0));
    }
    let fakes = [&world.source, &world.targets[0], &world.targets[1]];
    let open: usize = fakes.iter().map(|fake| fake.state().open_uploads).sum();
    assert_eq!(open, 0, "uploads were left open");
    let met = Met::of(fakes, &report, &events);
    assert!(world.fails() || met.failed == 0);
    met
}

#[test]
fn any_simulated_run_ends_and_tells_the_truth() {
    let only: Option<u64> = std::env::var("IMAGE_SYNCER_SEED").ok().and_then(|seed| seed.parse().ok());
    let (first, seeds) = only.map_or((0, count("IMAGE_SYNCER_SIMULATION_SEEDS", SEEDS)), |seed| (seed, 1));
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let work = |thread: u64| {
        let (mut met, mut broken) = (Met::default(), Vec::new());
        for seed in (first..first + seeds).filter(|seed| seed % threads == thread) {
            match std::panic::catch_unwind(|| simulate(seed)) {
                Ok(more) => met.add(&more),
                Err(_) => broken.push(seed),
            }
        }
        (met, broken)
    };
    let ended: Vec<(Met, Vec<u64>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut met = Met::default();
    for (more, _) in &ended {
        met.add(more);
    }
    let broken: Vec<u64> = ended.into_iter().flat_map(|(_, broken)| broken).collect();
    assert!(broken.is_empty(), "these seeds broke a law (see above): {broken:?}");
    let Met { failed, stopped, drained } = met;
    assert!(only.is_some() || failed > 1000, "so few failures show nothing");
    assert!(only.is_some() || (stopped > 50 && drained > 20), "so few cancellations show nothing");
    println!("{seeds} simulated runs, {failed} failed steps, {stopped} stopped, {drained} went on a little");
}
