//! The memory and work of a run are bounded, whatever is planned and configured. In virtual time.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci::{Descriptor, Digest, MediaType};
use sync::{
    ArtifactTypes, AttestationPolicy, Cause, Event, Load, Mode, Observer, Options, Outcome, ReferrerPolicy,
    Rule, Silent, Stamp, Sync,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::fake::{self, Fake, with_policy};
use crate::whole_report::{RunWhole, WholeReport};

fn rule(source: &Fake, target: &Fake) -> Rule {
    fake::rule((source, "source.io"), &[(target, "target.io")])
}

async fn run(rule: Rule, blobs_at_once: usize, observer: Arc<dyn Observer>) -> WholeReport {
    Sync::new([rule], Options::new(blobs_at_once, 0), observer).run_whole(CancellationToken::new()).await
}

/// An image with this many layers, each with this size in its descriptor.
fn image(source: &Fake, layers: usize, size: &str) {
    let mut body = String::from(r#"{"schemaVersion":2,"layers":["#);
    for number in 0..layers {
        let digest = source.put_blob("a/app", format!("layer {number}").as_bytes());
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(body, r#"{comma}{{"digest":"{digest}"{size}}}"#);
    }
    body += "]}";
    source.put_manifest("a/app", Some("v1"), &body);
}

/// The maximum number of an image's bodies in transfer at the same time.
async fn most_sending(layers: usize, size: &str, blobs_at_once: usize) -> usize {
    let (source, target) = (Fake::default(), Fake::default());
    image(&source, layers, size);
    target.state().step_takes = Duration::from_millis(100);
    let report = run(rule(&source, &target), blobs_at_once, Arc::new(Silent)).await;
    assert_eq!(report.copied(), 1, "{:?}", report.errors().collect::<Vec<_>>());
    target.state().most_sending
}

#[tokio::test(start_paused = true)]
async fn bodies_obey_a_budget_of_bytes_whatever_was_asked_for() {
    let large = r#","size":5000000000"#;
    assert_eq!(most_sending(600, large, 5000).await, 256, "each may hold 1 MiB of 256");
    assert_eq!(most_sending(600, large, 100).await, 100, "what is usual does not wait for memory");
}

/// Records the maximum number of images that were planned and had not ended.
#[derive(Default)]
struct Ahead {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Observer for Ahead {
    fn event(&self, _: &Stamp, event: &Event) {
        match event {
            Event::ImagePlanned(_) => {
                let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
                self.most.fetch_max(now, Ordering::Relaxed);
            }
            Event::ImageFinished(_) => {
                self.now.fetch_sub(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn discovery_keeps_only_a_little_ahead_of_copying() {
    let (source, target) = (Fake::default(), Fake::default());
    for number in 0..2000 {
        source.put_manifest(
            "a/app",
            Some(&format!("v{number}")),
            &format!(r#"{{"schemaVersion":2,"manifests":[],"n":{number}}}"#),
        );
    }
    target.state().step_takes = Duration::from_millis(10);
    let ahead = Arc::new(Ahead::default());
    let report = run(rule(&source, &target), 4, ahead.clone()).await;
    assert_eq!(report.copied(), 2000);
    // 64 running, 64 queued, one in the channel, and one that waits for room.
    let most = ahead.most.load(Ordering::Relaxed);
    assert!(most <= 64 + 64 + 2, "{most}");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_takes_nothing_has_a_few_pieces_waiting() {
    let (source, target) = (Fake::default(), Fake::default());
    let blob = source.put_blob("a/app", &[7; 3000]);
    let body = format!(r#"{{"schemaVersion":2,"layers":[{{"digest":"{blob}","size":3000}}]}}"#);
    source.put_manifest("a/app", Some("v1"), &body);
    let turns = Arc::new(Semaphore::new(0));
    target.state().turns = Some(turns.clone());
    let copying = tokio::spawn(run(rule(&source, &target), 4, Arc::new(Silent)));
    tokio::time::sleep(Duration::from_secs(60)).await;
    // The tag list, the manifest, the begin of the blob's read, and some of its 1000 pieces.
    assert!(source.steps() < 12, "{} steps at the source", source.steps());
    turns.add_permits(1);
    assert_eq!(copying.await.unwrap().copied(), 1);
}

/// A chain of indexes: `depth` of them above an index without children. The topmost one has a tag.
fn chain(source: &Fake, depth: usize) {
    let mut body = r#"{"schemaVersion":2,"manifests":[]}"#.to_owned();
    let mut below = source.put_manifest("a/app", None, &body);
    for level in 1..=depth {
        let tag = (level == depth).then_some("v1");
        let size = body.len();
        body = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{below}","size":{size}}}]}}"#);
        below = source.put_manifest("a/app", tag, &body);
    }
}

#[tokio::test(start_paused = true)]
async fn indexes_inside_indexes_are_followed_to_a_depth_and_no_further() {
    for (depth, ends_well) in [(16, true), (17, false)] {
        for mode in [Mode::Plan, Mode::Copy] {
            let (source, target) = (Fake::default(), Fake::default());
            chain(&source, depth);
            let options = Options { mode, ..Options::new(4, 0) };
            let sync = Sync::new([rule(&source, &target)], options, Arc::new(Silent));
            let report = sync.run_whole(CancellationToken::new()).await;
            assert_eq!(report.copied() + report.would_copy() == 1, ends_well, "{depth} {mode:?}");
            let is_told = |outcome: &Outcome| matches!(outcome, Outcome::Failed(error) if matches!(error.cause, Cause::TooDeep { .. }));
            let has_told = report.images.iter().any(|ended| is_told(&ended.outcome));
            assert_eq!(has_told, !ends_well, "{depth} {mode:?}");
            assert!(target.state().broken_promises.is_empty());
        }
    }
}

/// Keeps what a plan says that an image brings.
#[derive(Default)]
struct Loads(Mutex<Vec<Arc<Load>>>);

impl Observer for Loads {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::Decided { load: Some(load), .. } = event {
            self.0.lock().unwrap().push(load.clone());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_visits_a_manifest_once_however_many_paths_lead_to_it() {
    let (source, target) = (Fake::default(), Fake::default());
    let layer = source.put_blob("a/app", b"layer");
    let bottom = format!(r#"{{"schemaVersion":2,"layers":[{{"digest":"{layer}","size":5}}]}}"#);
    let mut level = vec![(source.put_manifest("a/app", None, &bottom), bottom.len())];
    // Sixteen levels of two indexes, each with both of the next level as its children: 32768 paths to the bottom.
    for depth in (0..16).rev() {
        let children: Vec<_> =
            level.iter().map(|(digest, size)| format!(r#"{{"digest":"{digest}","size":{size}}}"#)).collect();
        let indexes = if depth == 0 { 1 } else { 2 };
        let above = (0..indexes).map(|number| {
            let (tag, children) = ((depth == 0).then_some("v1"), children.join(","));
            let body = format!(r#"{{"schemaVersion":2,"manifests":[{children}],"n":{number}}}"#);
            (source.put_manifest("a/app", tag, &body), body.len())
        });
        level = above.collect();
    }
    let manifests = source.state().manifests.len();
    let (loads, options) = (Arc::new(Loads::default()), Options { mode: Mode::Plan, ..Options::new(4, 0) });
    let planning = Sync::new([rule(&source, &target)], options, loads.clone());
    let report = planning.run_whole(CancellationToken::new()).await;
    assert_eq!(report.would_copy(), 1, "{:?}", report.errors().collect::<Vec<_>>());
    let load = loads.0.lock().unwrap().pop().unwrap();
    assert_eq!((load.manifests, load.blobs.len()), (manifests, 1));
    assert!(source.steps() < 3 * manifests, "{} steps for {manifests} manifests", source.steps());

    let report = run(rule(&source, &target), 4, Arc::new(Silent)).await;
    assert_eq!(report.copied(), 1);
    assert_eq!(target.state().manifests.len(), manifests, "a copy stores as many");
}

#[tokio::test(start_paused = true)]
async fn lists_of_referrers_obey_a_budget_of_bytes() {
    let (source, target) = (Fake::default(), Fake::default());
    for number in 0..200 {
        let body = format!(r#"{{"schemaVersion":2,"manifests":[],"n":{number}}}"#);
        source.put_manifest("a/app", Some(&format!("v{number}")), &body);
    }
    let mut large = Descriptor::new(None, Digest::sha256(b"signature"), Some(100));
    large.artifact_type = Some(MediaType::new("application/x-unwanted"));
    large.annotations.insert("note".to_owned(), "x".repeat(2 << 20));
    source.state().referrers = vec![large];
    source.state().step_takes = Duration::from_millis(10);
    let rule = with_policy(rule(&source, &target), |policy| {
        let wanted = "application/x-wanted".parse().unwrap();
        policy.referrers = ReferrerPolicy::ByType(ArtifactTypes::new(vec![wanted], Vec::new()));
    });
    let report = run(rule, 4, Arc::new(Silent)).await;
    assert_eq!((report.copied(), report.amounts().referrers_left), (200, 200));
    let most = source.state().most_lists;
    assert!((1..=4).contains(&most), "8 MiB have room for four of 2 MiB, not for {most}");
}

/// Below an index, a marked attestation may be an index itself. What it takes of the budget must not keep its own
/// children waiting.
#[tokio::test(start_paused = true)]
async fn an_attestation_that_is_an_index_holds_no_bytes_while_its_children_wait_for_theirs() {
    let (source, target) = (Fake::default(), Fake::default());
    let plain = source.put_manifest("a/app", None, r#"{"schemaVersion":2,"manifests":[],"x":1}"#);
    // More than the whole budget of 16 MiB, and not its real size.
    let bogus = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{plain}","size":99000000}}]}}"#);
    let bogus = source.put_manifest("a/app", None, &bogus);
    let mark = r#""annotations":{"vnd.docker.reference.type":"attestation-manifest"}"#;
    let body = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{bogus}",{mark}}}]}}"#);
    source.put_manifest("a/app", Some("v1"), &body);
    let rule = with_policy(rule(&source, &target), |policy| policy.attestations = AttestationPolicy::Drop);
    let run = run(rule, 4, Arc::new(Silent));
    let report = tokio::time::timeout(Duration::from_secs(600), run).await.expect("it ends");
    let cause = report.errors().next().map(|error| format!("{:?}", error.cause)).unwrap_or_default();
    assert!(report.failed() == 1 && cause.starts_with("Mismatch"), "{cause}");
}
