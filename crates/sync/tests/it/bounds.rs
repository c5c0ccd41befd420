//! The memory and work of a run are bounded, whatever is planned and configured. In virtual time.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oci::{Descriptor, Digest, MediaType};
use sync::{
    ArtifactTypes, Cause, Event, Observer, Options, Outcome, ReferrerPolicy, Rule, Silent, Stamp, Sync,
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

#[tokio::test(start_paused = true)]
async fn indexes_inside_indexes_are_followed_to_a_depth_and_no_further() {
    for (depth, ends_well) in [(16, true), (17, false)] {
        let (source, target) = (Fake::default(), Fake::default());
        let mut body = r#"{"schemaVersion":2,"manifests":[]}"#.to_owned();
        let mut below = source.put_manifest("a/app", None, &body);
        for level in 1..=depth {
            let tag = (level == depth).then_some("v1");
            let size = body.len();
            body = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{below}","size":{size}}}]}}"#);
            below = source.put_manifest("a/app", tag, &body);
        }
        let report = run(rule(&source, &target), 4, Arc::new(Silent)).await;
        assert_eq!(report.copied() == 1, ends_well, "{depth}");
        let is_told = |outcome: &Outcome| matches!(outcome, Outcome::Failed(error) if matches!(error.cause, Cause::TooDeep { .. }));
        assert_eq!(report.images.iter().any(|ended| is_told(&ended.outcome)), !ends_well, "{depth}");
        assert!(target.state().broken_promises.is_empty());
    }
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
