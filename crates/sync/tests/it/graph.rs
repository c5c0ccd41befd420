//! Laws of the walk, for any graph of manifests, any number of repositories and any passing failures.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use oci::{Digest, TagOrDigest};
use proptest::prelude::*;
use sync::{Event, Naming, Observer, Options, Outcome, Rule, RuleTarget, Selection, Stamp, Sync};
use tokio_util::sync::CancellationToken;

use crate::fake::Fake;
use crate::whole_report::{RunWhole, WholeReport};

/// A graph to copy: manifests refer to blobs and to manifests before them.
#[derive(Clone, Debug)]
struct Graph {
    manifests: Vec<(Vec<usize>, Vec<proptest::sample::Index>)>,
    roots: Vec<proptest::sample::Index>,
}

const BLOBS: usize = 6;

fn graph() -> impl Strategy<Value = Graph> {
    let blobs = proptest::collection::vec(0..BLOBS, 0..4);
    let children = proptest::collection::vec(any::<proptest::sample::Index>(), 0..3);
    let manifests = proptest::collection::vec((blobs, children), 1..8);
    let roots = proptest::collection::vec(any::<proptest::sample::Index>(), 1..5);
    (manifests, roots).prop_map(|(manifests, roots)| Graph { manifests, roots })
}

/// Writes the graph to a repository; tags `t0`, `t1`, ... name the roots.
fn seed(fake: &Fake, repository: &str, graph: &Graph) {
    let blobs: Vec<Digest> = (0..BLOBS)
        .map(|number| fake.put_blob(repository, format!("blob number {number}").as_bytes()))
        .collect();
    let mut bodies: Vec<(String, Digest)> = Vec::new();
    for (number, (layers, children)) in graph.manifests.iter().enumerate() {
        let mut body = format!("{{\"schemaVersion\": 2, \"number\": {number},\n \"layers\": [");
        let layer = |layer: &usize| format!("{{\"digest\":\"{}\",\"size\":13}}", blobs[*layer]);
        body += &layers.iter().map(layer).collect::<Vec<_>>().join(",");
        body += "], \"manifests\": [";
        let child = |index: &proptest::sample::Index| {
            let (body, digest) = (!bodies.is_empty()).then(|| index.get(&bodies))?;
            Some(format!("{{\"digest\":\"{digest}\",\"size\":{}}}", body.len()))
        };
        body += &children.iter().filter_map(child).collect::<Vec<_>>().join(",");
        let _ = write!(body, "]}}");
        let digest = fake.put_manifest(repository, None, &body);
        bodies.push((body, digest));
    }
    for (number, root) in graph.roots.iter().enumerate() {
        fake.put_manifest(repository, Some(&format!("t{number}")), &root.get(&bodies).0);
    }
}

#[derive(Default)]
pub(crate) struct Diary(pub(crate) Mutex<Vec<Event>>);

impl Observer for Diary {
    fn event(&self, _: &Stamp, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

/// Copies `library/app` to the repositories `to` of one registry, with a rule for each.
fn copy(
    source: &Fake,
    target: &Fake,
    to: &[&str],
    retries: u32,
    one_rule: bool,
) -> (WholeReport, Vec<Event>) {
    let rule_target = |name: &&str| RuleTarget {
        target: Arc::new(target.repository("target.io", name)),
        naming: Naming::Same,
    };
    let rule = |targets: Vec<RuleTarget>| Rule {
        source: Arc::new(source.repository("source.io", "library/app")),
        selection: Selection::All,
        targets,
        policy: Arc::default(),
    };
    let rules = if one_rule {
        vec![rule(to.iter().map(rule_target).collect())]
    } else {
        to.iter().map(|name| rule(vec![rule_target(name)])).collect()
    };
    let diary = Arc::new(Diary::default());
    let options = Options::new(3, retries);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let report = runtime.block_on(async {
        let run = Sync::new(rules, options, diary.clone()).run_whole(CancellationToken::new());
        // Time is paused, so the timeout fires only if no task can proceed: a cycle of waits.
        tokio::time::timeout(std::time::Duration::from_secs(100_000), run).await.expect("the run ends")
    });
    let events = std::mem::take(&mut *diary.0.lock().unwrap());
    (report, events)
}

/// Everything below a tag, as bytes.
pub(crate) fn closure(
    fake: &Fake,
    repository: &str,
    digest: &Digest,
    into: &mut BTreeSet<(Digest, Vec<u8>)>,
) {
    let state = fake.state();
    let manifest = state.manifests[&(repository.to_owned(), digest.clone())].clone();
    let links = manifest.links().unwrap();
    for blob in links.blobs {
        let bytes = state.blobs[&(repository.to_owned(), blob.digest.clone())].to_vec();
        into.insert((blob.digest, bytes));
    }
    into.insert((digest.clone(), manifest.bytes().to_vec()));
    drop(state);
    for child in links.manifests {
        closure(fake, repository, &child.digest, into);
    }
}

fn assert_same(source: &Fake, target: &Fake, to: &str) {
    let tags: Vec<_> = source.state().tags.clone().into_iter().collect();
    for ((_, tag), digest) in tags {
        let arrived = target.state().tags.get(&(to.to_owned(), tag.clone())).cloned();
        assert_eq!(arrived.as_ref(), Some(&digest), "{to}:{tag}");
        let (mut here, mut there) = (BTreeSet::new(), BTreeSet::new());
        closure(source, "library/app", &digest, &mut here);
        closure(target, to, &digest, &mut there);
        assert_eq!(here, there, "{to}:{tag}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn children_come_first_and_nothing_is_sent_twice(
        graph in graph(),
        repositories in 1usize..4,
        one_rule in any::<bool>(),
    ) {
        let (source, target) = (Fake::default(), Fake::default());
        seed(&source, "library/app", &graph);
        let to = &["a/app", "b/app", "c/app"][..repositories];
        let (report, _) = copy(&source, &target, to, 0, one_rule);
        prop_assert_eq!(report.copied(), graph.roots.len() * to.len());
        prop_assert_eq!(&target.state().broken_promises, &Vec::<String>::new());
        for to in to {
 assert_same(&source, &target, to);
 }
        let state = target.state();
        prop_assert!(state.sent.values().all(|times| *times == 1), "{:?}", state.sent);
        let distinct: BTreeSet<_> = state.sent.keys().map(|(_, digest)| digest.clone()).collect();
        // One rule with several targets reads once and sends to each; several rules send once and mount.
        if one_rule {
            prop_assert!(source.state().read.values().all(|times| *times == 1));
        } else {
            prop_assert_eq!(state.sent.len(), distinct.len());
        }
        drop(state);

        let sent_before = target.state().sent.clone();
        let (again, _) = copy(&source, &target, to, 0, one_rule);
        prop_assert_eq!((again.copied(), again.skipped()), (0, graph.roots.len() * to.len()));
        prop_assert_eq!(&target.state().sent, &sent_before);
    }

    #[test]
    fn passing_failures_are_outlived_or_told_and_the_sums_agree(
        graph in graph(),
        failing in proptest::collection::btree_set(1usize..120, 0..12),
        retries in 0u32..4,
        one_rule in any::<bool>(),
    ) {
        let (source, target) = (Fake::default(), Fake::default());
        seed(&source, "library/app", &graph);
        target.state().failing_steps = failing.clone();
        source.state().failing_steps = failing.iter().map(|step| step * 2).collect();
        let to = ["a/app", "b/app"];
        let (report, events) = copy(&source, &target, &to, retries, one_rule);
        prop_assert_eq!(&target.state().broken_promises, &Vec::<String>::new());
        let planned = events.iter().filter(|event| matches!(event, Event::ImagePlanned(_))).count();
        prop_assert_eq!(report.images.len(), planned);
        prop_assert_eq!(report.copied() + report.skipped() + report.failed(), planned);
        for image in &report.images {
            let TagOrDigest::Tag(tag) = &image.image.target_reference else { unreachable!() };
            let repository = image.image.target.strip_prefix("target.io/").unwrap();
            let arrived = target.state().tags.get(&(repository.to_owned(), tag.clone())).cloned();
            match &image.outcome {
                Outcome::Copied { digest, .. } => prop_assert_eq!(arrived.as_ref(), Some(digest)),
                Outcome::Failed(_) => prop_assert!(retries < 12),
                other => prop_assert!(false, "{:?}", other),
            }
        }
        // The next run copies the rest.
        target.state().failing_steps.clear();
        source.state().failing_steps.clear();
        let (after, _) = copy(&source, &target, &to, 0, one_rule);
        prop_assert_eq!(after.failed(), 0);
        for to in to {
 assert_same(&source, &target, to);
 }
    }
}

/// One image in each of `repositories`, each copied by its own rule; every step takes a second of virtual time.
async fn copy_slowly(repositories: usize) -> (WholeReport, std::time::Duration) {
    let (source, target) = (Fake::default(), Fake::default());
    source.state().step_takes = std::time::Duration::from_secs(1);
    let rules = (0..repositories).map(|number| {
        let name = format!("library/app{number}");
        let blob = source.put_blob(&name, name.as_bytes());
        let body = format!(r#"{{"layers":[{{"digest":"{blob}","size":{}}}]}}"#, name.len());
        source.put_manifest(&name, Some("v1"), &body);
        let to = RuleTarget { target: Arc::new(target.repository("target.io", &name)), naming: Naming::Same };
        let source = Arc::new(source.repository("source.io", &name));
        Rule { source, selection: Selection::All, targets: vec![to], policy: Arc::default() }
    });
    let sync = Sync::new(rules, Options::new(8, 0), Arc::new(Diary::default()));
    let started = tokio::time::Instant::now();
    let report = sync.run_whole(CancellationToken::new()).await;
    (report, started.elapsed())
}

#[tokio::test(start_paused = true)]
async fn b18_nothing_waits_for_a_clock() {
    let (source, target) = (Fake::default(), Fake::default());
    let body = r#"{"layers":[]}"#;
    source.put_manifest("library/app", Some("v1"), body);
    let targets =
        vec![RuleTarget { target: Arc::new(target.repository("target.io", "a")), naming: Naming::Same }];
    let source = Arc::new(source.repository("source.io", "library/app"));
    let rule = Rule { source, selection: Selection::All, targets, policy: Arc::default() };
    let started = tokio::time::Instant::now();
    for _ in 0..2 {
        let sync = Sync::new(vec![rule.clone()], Options::new(1, 5), Arc::new(Diary::default()));
        assert_eq!(sync.run_whole(CancellationToken::new()).await.failed(), 0);
    }
    assert_eq!(started.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn uploads_of_one_read_that_wait_for_one_turn_all_end() {
    let (source, target) = (Fake::default(), Fake::default());
    target.state().turns = Some(Arc::new(tokio::sync::Semaphore::new(1)));
    let blob = source.put_blob("library/app", &[7; 1000]);
    source.put_manifest(
        "library/app",
        Some("v1"),
        &format!(r#"{{"layers":[{{"digest":"{blob}","size":1000}}]}}"#),
    );
    let targets = ["a.io", "b.io", "c.io"].map(|registry| RuleTarget {
        target: Arc::new(target.repository(registry, registry)),
        naming: Naming::Same,
    });
    let source = Arc::new(source.repository("source.io", "library/app"));
    let rule = Rule { source, selection: Selection::All, targets: targets.into(), policy: Arc::default() };
    let sync = Sync::new(vec![rule], Options::new(5, 0), Arc::new(Diary::default()));
    let run = sync.run_whole(CancellationToken::new());
    let report = tokio::time::timeout(std::time::Duration::from_secs(3600), run).await.expect("it ends");
    assert_eq!((report.copied(), report.failed()), (3, 0), "who is left behind has not failed");
}

#[tokio::test(start_paused = true)]
async fn b23_rules_are_listed_side_by_side() {
    let (one, alone) = copy_slowly(1).await;
    let (eight, together) = copy_slowly(8).await;
    assert_eq!((one.copied(), eight.copied()), (1, 8));
    assert_eq!(alone, together, "eight rules take as long as one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b22_many_runs_at_once_on_many_threads_all_end() {
    let graph = Graph {
        manifests: vec![(vec![0, 1, 2], Vec::new()), (vec![3, 4, 5], Vec::new())],
        roots: Vec::new(),
    };
    let runs = (0..50).map(|_| {
        let graph = graph.clone();
        tokio::spawn(async move {
            let (source, target) = (Fake::default(), Fake::default());
            seed(&source, "library/app", &graph);
            let digests: Vec<_> = source.state().manifests.keys().map(|(_, digest)| digest.clone()).collect();
            let selection = Selection::These(digests.into_iter().map(TagOrDigest::Digest).collect());
            let targets = ["a", "b"].map(|name| RuleTarget {
                target: Arc::new(target.repository("target.io", name)),
                naming: Naming::Same,
            });
            let source = Arc::new(source.repository("source.io", "library/app"));
            let rule = Rule { source, selection, targets: targets.into(), policy: Arc::default() };
            Sync::new(vec![rule], Options::new(2, 0), Arc::new(Diary::default()))
                .run_whole(CancellationToken::new())
                .await
        })
    });
    for run in runs.collect::<Vec<_>>() {
        assert_eq!(run.await.unwrap().copied(), 4);
    }
}
