//! Shards of random rules, in virtual time: whatever is slow, all shards together do what one run does, and no image comes twice. To repeat
//! a failing seed: `IMAGE_SYNCER_SEED=<seed> cargo test -p image-syncer-sync --test it shards_of_random`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oci::Digest;
use sync::{Naming, Options, Outcome, PatternRule, Rule, RuleTarget, Selection, Shard, Silent, Sync, Work};
use testkit::Dice;
use tokio_util::sync::CancellationToken;

use crate::lists::{Registries, names, target_below};
use crate::simulation::{DEADLINE, index};
use crate::whole_report::{RunWhole, WholeReport};

const SEEDS: u64 = 300;
const NAMES: [&str; 6] = ["app", "base", "cache", "data", "edge", "front"];
const TAGS: [&str; 3] = ["v1", "v2", "v3"];

/// A rule of a random config.
#[derive(Clone, Debug)]
enum Random {
    /// All repositories of a registry, to these folders of the target.
    Pattern { from: &'static str, to: Vec<&'static str> },
    /// One repository, to these repositories of the target.
    Written { from: (&'static str, String), to: Vec<String> },
}

fn random(dice: &mut Dice) -> Random {
    let from = ["a.io", "b.io"][index(dice, 2)];
    let folders = [vec!["m"], vec!["u", "m"], vec!["m", "u"], vec!["u"]];
    let to = folders[index(dice, folders.len())].clone();
    if dice.percent(50) {
        return Random::Pattern { from, to };
    }
    let name = NAMES[index(dice, NAMES.len())];
    let to = to.iter().map(|folder| format!("{folder}/{name}")).collect();
    if dice.percent(30) {
        // What another rule may write is read at the target.
        let from = ["m", "u"][index(dice, 2)];
        let from = ("c.io", format!("{from}/{}", NAMES[index(dice, NAMES.len())]));
        return Random::Written { from, to: vec![format!("w/{name}")] };
    }
    Random::Written { from: (from, NAMES[index(dice, NAMES.len())].to_owned()), to }
}

/// Two registries with random images, and an empty target. Each seed gives the same.
fn registries(seed: u64) -> Registries {
    let (registries, mut dice) = (Registries::new(&["a.io", "b.io", "c.io"]), Dice::new(seed));
    for registry in ["a.io", "b.io"] {
        for repository in NAMES {
            for tag in TAGS.into_iter().filter(|_| dice.percent(60)) {
                registries.image(registry, repository, tag);
            }
        }
    }
    registries
}

fn work(registries: &Registries, rules: &[Random]) -> Vec<Work> {
    let target = |name: &String| RuleTarget {
        target: Arc::new(registries.at("c.io").repository("c.io", name)),
        naming: Naming::Same,
    };
    let rule = |rule: &Random| -> Work {
        match rule.clone() {
            Random::Written { from, to } => {
                let rule = registries.rule((from.0, &from.1), Selection::All, ("c.io", &to[0]));
                Rule { targets: to.iter().map(target).collect(), ..rule }.into()
            }
            Random::Pattern { from, to } => {
                let pattern = registries.pattern(from, vec![names(&NAMES)], "**", ("c.io", to[0]));
                let (registries, make) = (registries.clone(), pattern.make_rule.clone());
                let targets = to.iter().map(|folder| target_below("c.io", folder)).collect();
                let make_rule = move |name: &oci::RepositoryName| {
                    let target = |folder: &&str| RuleTarget {
                        target: Arc::new(
                            registries.at("c.io").repository("c.io", &format!("{folder}/{name}")),
                        ),
                        naming: Naming::Same,
                    };
                    make(name).map(|rule: Rule| Rule { targets: to.iter().map(target).collect(), ..rule })
                };
                PatternRule { make_rule: Arc::new(make_rule), targets, ..pattern }.into()
            }
        }
    };
    rules.iter().map(rule).collect()
}

/// The tags of the target.
fn brought(registries: &Registries) -> BTreeMap<String, Digest> {
    let state = registries.at("c.io").state();
    state
        .tags
        .iter()
        .map(|((repository, tag), digest)| (format!("{repository}:{tag}"), digest.clone()))
        .collect()
}

fn run(sync: Sync) -> WholeReport {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(DEADLINE, sync.run_whole(CancellationToken::new())).await.expect("a wait cycle")
    })
}

fn simulate(seed: u64) {
    fastrand::seed(seed);
    let mut dice = Dice::new(seed);
    let rules: Vec<_> = (0..2 + dice.below(3)).map(|_| random(&mut dice)).collect();
    let sync =
        |registries: &Registries| Sync::new(work(registries, &rules), Options::new(4, 1), Arc::new(Silent));
    let whole = registries(seed);
    let expected = run(sync(&whole));
    let divided = registries(seed);
    let count = 2 + index(&mut dice, 3);
    let mut order: Vec<_> = (0..count).collect();
    order.rotate_left(index(&mut dice, count));
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for shard in order {
        // Another registry is slow for each shard, but not so slow that rules no longer wait for each other's lists.
        for registry in ["a.io", "b.io"] {
            let takes = if dice.percent(50) { dice.below(500) } else { 0 };
            divided.at(registry).state().step_takes = Duration::from_millis(takes);
        }
        let report = run(sync(&divided).only(Shard::new(shard, count).unwrap()));
        assert_eq!(report.failed_rules.len(), expected.failed_rules.len(), "{rules:?}");
        let copied = report.images.iter().filter(|ended| matches!(ended.outcome, Outcome::Copied { .. }));
        for ended in copied {
            *times.entry(ended.image.target_name()).or_default() += 1;
        }
    }
    assert_eq!(brought(&divided), brought(&whole), "{rules:?}");
    assert!(times.values().all(|times| *times == 1), "{rules:?}: {times:?}");
    assert_eq!(times.len(), expected.copied(), "{rules:?}");
}

#[test]
fn shards_of_random_rules_bring_what_one_run_brings_each_image_once() {
    let only: Option<u64> = std::env::var("IMAGE_SYNCER_SEED").ok().and_then(|seed| seed.parse().ok());
    let (first, seeds) = only.map_or((0, SEEDS), |seed| (seed, 1));
    let broken: Vec<_> =
        (first..first + seeds).filter(|seed| std::panic::catch_unwind(|| simulate(*seed)).is_err()).collect();
    assert!(broken.is_empty(), "these seeds broke a law (see above): {broken:?}");
}
