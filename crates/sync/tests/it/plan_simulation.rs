//! What is planned is what happens, in random worlds: a plan, then a run or the plan's tasks with random failures,
//! then a plan with nothing left to do. To repeat a failing seed:
//! `IMAGE_SYNCER_SEED=<seed> cargo test -p image-syncer-sync --test it planned`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use oci::Digest;
use sync::{
    Action, BoundTask, Decision, Event, Load, Mode, Naming, Options, Outcome, Rule, RuleTarget, Selection,
    SkipReason, Sync, Task, Work,
};
use testkit::Dice;
use tokio_util::sync::CancellationToken;

use crate::fake::{Chance, Fake};
use crate::fault_world::count;
use crate::graph::Diary;
use crate::simulation::{DEADLINE, seed_graph};
use crate::whole_report::{RunWhole, WholeReport};

const SEEDS: u64 = 200;
const WAYS: [(&str, &[(&str, &str)]); 2] = [
    ("library/app", &[("a.io", "one"), ("b.io", "one"), ("a.io", "two")]),
    ("library/other", &[("a.io", "three"), ("b.io", "four")]),
];

struct World {
    dice: Dice,
    source: Fake,
    targets: BTreeMap<&'static str, Fake>,
}

type Decided = BTreeMap<String, (Decision, Arc<Load>)>;

/// The content of the targets: tags, and the blobs of each repository.
type There = (BTreeMap<String, Digest>, BTreeSet<(String, Digest)>);

impl World {
    fn new(seed: u64) -> Self {
        let targets = [("a.io", Fake::default()), ("b.io", Fake::default())].into();
        let mut world = Self { dice: Dice::new(seed), source: Fake::default(), targets };
        world.change();
        world
    }

    /// Adds new tags, and moves old ones.
    fn change(&mut self) {
        for (repository, _) in WAYS {
            seed_graph(&self.source, repository, &mut self.dice);
        }
    }

    fn disturb(&mut self, passing: u64) {
        for fake in [&self.source].into_iter().chain(self.targets.values()) {
            let dice = Dice::new(self.dice.below(u64::MAX));
            fake.state().chance = Some(Chance { dice, passing, permanent: 0, longest: 50, failed: 0 });
        }
    }

    fn rules(&self) -> Vec<Work> {
        let target = |(registry, repository): &(&'static str, &str)| RuleTarget {
            target: Arc::new(self.targets[registry].repository(registry, repository)),
            naming: Naming::Same,
        };
        let rule = |(from, to): &(&str, &[(&'static str, &str)])| Rule {
            source: Arc::new(self.source.repository("source.io", from)),
            selection: Selection::All,
            targets: to.iter().map(target).collect(),
            policy: Arc::default(),
        };
        WAYS.iter().map(|way| rule(way).into()).collect()
    }

    /// The tasks, as in a plan file.
    fn tasks(&self, decided: &Decided) -> Vec<Work> {
        let tasks = decided.values().filter_map(|(decision, _)| decision.task()).map(|task| {
            let task: Task = serde_json::from_str(&serde_json::to_string(&task).unwrap()).unwrap();
            let (_, from) = task.image.source.split_once('/').unwrap();
            let source = Arc::new(self.source.repository("source.io", from));
            let (registry, to) = task.image.target.split_once('/').unwrap();
            let target = Arc::new(self.targets[registry].repository(registry, to));
            BoundTask { task, source, target }
        });
        vec![Work::Tasks(tasks.collect())]
    }

    fn run(work: Vec<Work>, mode: Mode, retries: u32) -> (WholeReport, Vec<Event>) {
        let diary = Arc::new(Diary::default());
        let options = Options { mode, ..Options::new(4, retries) };
        let sync = Sync::new(work, options, diary.clone());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let report = runtime.block_on(async {
            let run = sync.run_whole(CancellationToken::new());
            tokio::time::timeout(DEADLINE, run).await.expect("a wait cycle")
        });
        let events = std::mem::take(&mut *diary.0.lock().unwrap());
        (report, events)
    }

    fn plan(&mut self) -> Decided {
        self.disturb(0);
        let before = self.there();
        let (report, events) = Self::run(self.rules(), Mode::Plan, 0);
        assert_eq!((report.failed(), self.there()), (0, before), "a plan changes nothing");
        let decided = events.into_iter().filter_map(|event| match event {
            Event::Decided { decision, load } => {
                Some((decision.image.target_name(), (*decision, load.unwrap_or_default())))
            }
            _ => None,
        });
        decided.collect()
    }

    fn there(&self) -> There {
        let (mut tags, mut blobs) = There::default();
        for (registry, fake) in &self.targets {
            let state = fake.state();
            tags.extend(state.tags.iter().map(|((repository, tag), digest)| {
                (format!("{registry}/{repository}:{tag}"), digest.clone())
            }));
            blobs.extend(
                state
                    .blobs
                    .keys()
                    .map(|(repository, digest)| (format!("{registry}/{repository}"), digest.clone())),
            );
        }
        (tags, blobs)
    }
}

/// The blobs that each repository gets, according to the plan.
fn planned_blobs(decided: &Decided) -> BTreeSet<(String, Digest)> {
    let blobs = decided.values().flat_map(|(decision, load)| {
        load.blobs.iter().map(|blob| (decision.image.target.to_string(), blob.digest.clone()))
    });
    blobs.collect()
}

/// The bytes that are sent according to the plan: once to each registry.
fn planned_bytes(decided: &Decided) -> u64 {
    let blobs = decided.values().flat_map(|(decision, load)| {
        let registry = decision.image.target.split('/').next().unwrap().to_owned();
        load.blobs.iter().map(move |blob| ((registry.clone(), blob.digest.clone()), blob.size))
    });
    blobs.collect::<BTreeMap<_, _>>().values().sum()
}

/// Returns whether something failed, and whether there was something to do.
fn simulate(seed: u64) -> (usize, usize) {
    fastrand::seed(seed);
    let mut world = World::new(seed);
    if world.dice.percent(60) {
        // An earlier run, with possible failures.
        world.disturb(80);
        let _ = World::run(world.rules(), Mode::Copy, 1);
        if world.dice.percent(70) {
            world.change();
        }
    }
    let planned = world.plan();
    let (_, blobs_before) = world.there();
    let passing = if world.dice.percent(50) { 60 } else { 0 };
    world.disturb(passing);
    let work = if world.dice.percent(50) { world.rules() } else { world.tasks(&planned) };
    let is_whole = matches!(work[..], [Work::Repository(_), ..]);
    let (report, _) = World::run(work, Mode::Copy, 40);
    assert_eq!((report.failed(), report.not_done()), (0, 0), "{:?}", report.errors().next());

    for ended in &report.images {
        let (decision, _) = &planned[&ended.image.target_name()];
        match &ended.outcome {
            Outcome::Copied { digest, .. } => {
                assert!(decision.action.writes(), "{} was {:?}", ended.image, decision.action);
                assert_eq!(Some(digest), decision.result_digest.as_ref(), "{}", ended.image);
            }
            Outcome::Skipped(SkipReason::Unchanged(_)) => assert_eq!(decision.action, Action::Unchanged),
            other => panic!("{}: {other:?}", ended.image),
        }
    }
    let to_do = planned.values().filter(|(decision, _)| decision.action.writes()).count();
    assert_eq!(report.images.len(), if is_whole { planned.len() } else { to_do });
    let (tags, blobs) = world.there();
    for (name, (decision, _)) in &planned {
        assert_eq!(tags.get(name), decision.result_digest.as_ref(), "{name}");
    }
    let came: BTreeSet<_> = blobs.difference(&blobs_before).cloned().collect();
    let announced = planned_blobs(&planned);
    assert!(came.is_subset(&announced), "more came than was planned");
    // In a repository without tags no blob is looked up: those that an earlier run left there are sent again.
    assert!(
        announced.difference(&came).all(|blob| blobs_before.contains(blob)),
        "less came than was planned"
    );
    if passing == 0 {
        assert!(report.amounts().moved_bytes <= planned_bytes(&planned));
    }
    let failed = |fake: &Fake| fake.state().chance.as_ref().map_or(0, |chance| chance.failed);
    let failed = failed(&world.source) + world.targets.values().map(failed).sum::<usize>();

    let left = world.plan();
    for (name, (decision, load)) in &left {
        assert_eq!((decision.action, &**load), (Action::Unchanged, &Load::default()), "{name}");
    }
    (failed, to_do)
}

#[test]
fn what_is_planned_is_what_happens() {
    let only: Option<u64> = std::env::var("IMAGE_SYNCER_SEED").ok().and_then(|seed| seed.parse().ok());
    let (first, seeds) = only.map_or((0, count("IMAGE_SYNCER_SIMULATION_SEEDS", SEEDS)), |seed| (seed, 1));
    let (mut broken, mut failed, mut to_do) = (Vec::new(), 0, 0);
    for seed in first..first + seeds {
        match std::panic::catch_unwind(|| simulate(seed)) {
            Ok((more_failed, more_to_do)) => {
                failed += more_failed;
                to_do += more_to_do;
            }
            Err(_) => broken.push(seed),
        }
    }
    assert!(broken.is_empty(), "these seeds broke a law (see above): {broken:?}");
    assert!(
        only.is_some() || (failed > 500 && to_do > 500),
        "{failed} failures of {to_do} steps show nothing"
    );
    println!("{seeds} plans, {to_do} steps of them, {failed} failures while they were carried out");
}
