//! Random stores, some of which hang, are slow or dead, in virtual time: whatever the sick ones do, each healthy pair
//! gets all its images within a bounded number of steps. To repeat a failing seed:
//! `IMAGE_SYNCER_SEED=<seed> cargo test -p image-syncer-sync --test it sick_simulation`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci::Digest;
use sync::{Event, Naming, Observer, Options, Outcome, Rule, RuleTarget, Selection, Stamp, Sync};
use testkit::Dice;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, Sickness};
use crate::fault_world::count;
use crate::graph::closure;
use crate::simulation::{DEADLINE, assert_nothing_swallowed, index, seed_graph};
use crate::whole_report::{RunWhole, WholeReport};

const SEEDS: u64 = 300;
/// The duration of a step at a healthy store, in virtual time.
const STEP: Duration = Duration::from_millis(100);
/// How many steps a healthy pair may need in addition to its share: its reads wait up to 250 ms for other targets.
const BESIDE: u32 = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Well,
    /// Some blobs of the source hang and then fail.
    HangingBlobs,
    /// The target accepts few bytes per second.
    Crawls,
    /// Each step at the target takes very long.
    SlowSteps,
    DeadSource,
    DeadTarget,
}

impl Health {
    const SICK: [Self; 5] =
        [Self::HangingBlobs, Self::Crawls, Self::SlowSteps, Self::DeadSource, Self::DeadTarget];

    /// Whether other pairs may read from the same source and be healthy.
    fn spares_the_source(self) -> bool {
        matches!(self, Self::Crawls | Self::SlowSteps | Self::DeadTarget)
    }
}

/// A source, its host, and targets with their hosts.
struct Pair {
    source: Fake,
    number: usize,
    health: Health,
    target: Fake,
    /// A healthy target of the same rule as a sick one.
    second: Option<Fake>,
}

impl Pair {
    fn new(number: usize, health: Health, dice: &mut Dice) -> Self {
        let (source, target) = (Fake::default(), Fake::default());
        seed_graph(&source, "a/app", dice);
        let second = (health.spares_the_source() && dice.percent(50)).then(Fake::default);
        for fake in [Some(&source), Some(&target), second.as_ref()].into_iter().flatten() {
            fake.state().step_takes = STEP;
        }
        let pair = Self { source, number, health, target, second };
        pair.sicken(dice);
        pair
    }

    fn sicken(&self, dice: &mut Dice) {
        let long = Duration::from_secs(120);
        match self.health {
            Health::Well => {}
            Health::HangingBlobs => {
                let blobs: Vec<Digest> =
                    self.source.state().blobs.keys().map(|(_, digest)| digest.clone()).collect();
                let asks_for = dice.percent(50).then_some(long);
                let sickness = Sickness { hangs: long, asks_for };
                let sick = blobs.into_iter().filter(|_| dice.percent(70)).map(|blob| (blob, sickness));
                self.source.state().sick_blobs.extend(sick);
            }
            Health::Crawls => self.target.state().takes_a_second = Some(1),
            Health::SlowSteps => self.target.state().step_takes = long,
            Health::DeadSource => self.source.state().is_dead = true,
            Health::DeadTarget => self.target.state().is_dead = true,
        }
    }

    fn targets(&self, with_sick: bool) -> Vec<(String, &Fake)> {
        let first = (with_sick || self.health == Health::Well)
            .then(|| (format!("target{}.io", self.number), &self.target));
        first.into_iter().chain(self.well()).collect()
    }

    fn well(&self) -> Option<(String, &Fake)> {
        self.second.as_ref().map(|second| (format!("well{}.io", self.number), second))
    }

    /// The healthy targets.
    fn healthy(&self) -> Vec<(String, &Fake)> {
        self.targets(false)
    }

    fn rule(&self, with_sick: bool) -> Option<Rule> {
        let target = |(host, fake): &(String, &Fake)| RuleTarget {
            target: Arc::new(fake.repository(host, "b/app")),
            naming: Naming::Same,
        };
        let targets: Vec<_> = self.targets(with_sick).iter().map(target).collect();
        (!targets.is_empty()).then(|| Rule {
            source: Arc::new(self.source.repository(&format!("source{}.io", self.number), "a/app")),
            selection: Selection::All,
            targets,
            policy: Arc::default(),
        })
    }

    fn tags(&self) -> usize {
        self.source.state().tags.len()
    }
}

/// The events, and when the last image of each target's host ended.
#[derive(Default)]
struct Clock {
    events: Mutex<Vec<Event>>,
    last: Mutex<BTreeMap<String, Instant>>,
}

impl Observer for Clock {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::ImageFinished(ended) = event {
            let host = ended.image.target.split('/').next().unwrap().to_owned();
            self.last.lock().unwrap().insert(host, Instant::now());
        }
        self.events.lock().unwrap().push(event.clone());
    }
}

/// A world that a seed generates.
struct World {
    pairs: Vec<Pair>,
    blobs_at_once: usize,
    retries: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let sick = 1 + index(&mut dice, 3);
        let well = 1 + index(&mut dice, 2);
        let health = (0..sick).map(|_| Health::SICK[index(&mut dice, Health::SICK.len())]);
        let mut health: Vec<_> = health.collect();
        for _ in 0..well {
            health.insert(index(&mut dice, health.len() + 1), Health::Well);
        }
        let pairs = health.into_iter().enumerate();
        let pairs = pairs.map(|(number, health)| Pair::new(number, health, &mut dice)).collect();
        // With 1, everything would be serial.
        let blobs_at_once = 2 + index(&mut dice, 5);
        Self { pairs, blobs_at_once, retries: u32::try_from(dice.below(3)).unwrap() }
    }

    /// Returns the report, the events, and how long each target's images took.
    fn run(&self, with_sick: bool) -> (WholeReport, Vec<Event>, BTreeMap<String, Duration>) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let clock = Arc::new(Clock::default());
        let rules: Vec<_> = self.pairs.iter().filter_map(|pair| pair.rule(with_sick)).collect();
        let options = Options::new(self.blobs_at_once, self.retries);
        let (report, began) = runtime.block_on(async {
            let began = Instant::now();
            let sync = Sync::new(rules, options, clock.clone()).run_whole(CancellationToken::new());
            (tokio::time::timeout(DEADLINE, sync).await.expect("a wait cycle"), began)
        });
        let last = clock.last.lock().unwrap();
        let took = last.iter().map(|(host, ended)| (host.clone(), *ended - began)).collect();
        (report, std::mem::take(&mut clock.events.lock().unwrap()), took)
    }
}

/// Checks that all healthy images are at their targets, with everything below them.
fn assert_healthy_stands(world: &World, report: &WholeReport) {
    for pair in &world.pairs {
        for (host, fake) in pair.healthy() {
            let copied = report.images.iter().filter(|ended| {
                ended.image.target.starts_with(&format!("{host}/"))
                    && matches!(ended.outcome, Outcome::Copied { .. })
            });
            assert_eq!(copied.count(), pair.tags(), "{host}");
            let tags = pair.source.state().tags.clone();
            for ((_, tag), digest) in &tags {
                let there = fake.state().tags.get(&("b/app".to_owned(), tag.clone())).cloned();
                assert_eq!(there.as_ref(), Some(digest));
                let (mut here, mut there) = (BTreeSet::new(), BTreeSet::new());
                closure(&pair.source, "a/app", digest, &mut here);
                closure(fake, "b/app", digest, &mut there);
                assert_eq!(here, there, "{host}");
            }
        }
        for fake in [Some(&pair.target), pair.second.as_ref()].into_iter().flatten() {
            let state = fake.state();
            assert!(state.broken_promises.is_empty(), "{:?}", state.broken_promises);
            assert_eq!(state.open_uploads, 0, "uploads were left open");
        }
    }
}

/// Returns how many images were healthy, and how many failed.
fn simulate(seed: u64) -> (usize, usize) {
    fastrand::seed(seed);
    let (_, _, alone) = World::new(seed).run(false);
    fastrand::seed(seed);
    let world = World::new(seed);
    let (report, events, beside) = world.run(true);
    assert_nothing_swallowed(&report, &events);
    assert_eq!((report.not_done(), report.unfinished_rules.len()), (0, 0));
    assert_healthy_stands(&world, &report);
    let pairs: usize = world.pairs.iter().map(|pair| pair.targets(true).len()).sum();
    for (host, took) in &alone {
        let most = *took * u32::try_from(pairs).unwrap() + STEP * BESIDE;
        assert!(beside[host] <= most, "{host} took {:?}, and {took:?} without the sick stores", beside[host]);
    }
    let well = world.pairs.iter().map(|pair| pair.healthy().len() * pair.tags()).sum();
    (well, report.failed() + report.failed_rules.len())
}

#[test]
fn whatever_sick_stores_do_every_healthy_image_ends_within_a_bounded_number_of_steps() {
    let only: Option<u64> = std::env::var("IMAGE_SYNCER_SEED").ok().and_then(|seed| seed.parse().ok());
    let (first, seeds) = only.map_or((0, count("IMAGE_SYNCER_SIMULATION_SEEDS", SEEDS)), |seed| (seed, 1));
    let (mut well, mut failed, mut broken) = (0, 0, Vec::new());
    for seed in first..first + seeds {
        match std::panic::catch_unwind(|| simulate(seed)) {
            Ok(met) => (well, failed) = (well + met.0, failed + met.1),
            Err(_) => broken.push(seed),
        }
    }
    assert!(broken.is_empty(), "these seeds broke a law (see above): {broken:?}");
    assert!(only.is_some() || (well > 1000 && failed > 500), "so little shows nothing: {well}, {failed}");
    println!("{seeds} simulated runs with sick stores: {well} healthy images, {failed} failures");
}
