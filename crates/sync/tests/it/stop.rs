//! Runs that are asked to stop: running images may end; those that take too long are broken off and leave no session open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, Fault, LoggedRequest, Match, Times};
use futures_util::future::join_all;
use http::Method;
use sync::{Event, Observer, Options, Selection, Stamp, Sync};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, count};
use crate::whole_report::{RunWhole, WholeReport};

/// No run needs this long; a test that waits for it fails. Less than the longest wait that registries may ask for.
const LONG: Duration = Duration::from_secs(600);
/// A step that takes this long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Stops the run at the first event of a kind, and counts the images that begin.
struct StopAt {
    kind: fn(&Event) -> bool,
    cancel: CancellationToken,
    begun: AtomicUsize,
    in_work: AtomicUsize,
}

impl Observer for StopAt {
    fn event(&self, _: &Stamp, event: &Event) {
        match event {
            Event::ImageStarted(_) => {
                self.begun.fetch_add(1, Ordering::SeqCst);
            }
            Event::Stopping { in_work, .. } => self.in_work.store(*in_work, Ordering::SeqCst),
            _ => {}
        }
        if (self.kind)(event) {
            self.cancel.cancel();
        }
    }
}

fn bytes_move(event: &Event) -> bool {
    matches!(event, Event::BytesMoved { .. })
}

fn is_tried_again(event: &Event) -> bool {
    matches!(event, Event::Retrying { .. })
}

fn begins(event: &Event) -> bool {
    matches!(event, Event::ImageStarted(_))
}

fn image(bench: &Bench, tag: &str, layer: u64, bytes: usize) {
    let layers = [sample::layer(layer, bytes)];
    sample::image(bench.source.store(), "a/app", Some(tag), Flavour::Oci, &layers, "amd64");
}

/// Copies `a/app` to `b/app` and stops at the first event of this kind.
async fn stopped(bench: &Bench, kind: fn(&Event) -> bool, drain: Duration) -> (WholeReport, Arc<StopAt>) {
    let (begun, in_work) = Default::default();
    let observer = Arc::new(StopAt { kind, cancel: CancellationToken::new(), begun, in_work });
    let rules = [bench.rule("a/app", Selection::All, &["b/app"])];
    let options = Options { drain, ..Options::new(4, 5) };
    let run = Sync::new(rules, options, observer.clone()).run_whole(observer.cancel.clone());
    let report = tokio::time::timeout(PATIENCE, run).await.expect("the run hangs");
    assert!(observer.cancel.is_cancelled(), "it was never asked to stop");
    (report, observer)
}

fn cancelled_uploads(bench: &Bench) -> usize {
    let is_cancelled =
        |request: &LoggedRequest| request.is_upload_step(&Method::DELETE) && request.status == 204;
    count(&bench.target, is_cancelled)
}

#[tokio::test]
async fn images_in_work_end_and_no_other_begins() {
    let bench = Bench::start().await;
    for number in 0..100 {
        image(&bench, &format!("v{number}"), number, 20_000);
    }
    let (report, observer) = stopped(&bench, bytes_move, LONG).await;
    assert!(report.copied() > 0 && report.copied() < 100, "{report:?}");
    assert!(report.not_done() > 0 || !report.unfinished_rules.is_empty(), "{report:?}");
    assert_eq!(report.copied(), observer.begun.load(Ordering::SeqCst), "what was begun was ended");
    assert!((1..=report.copied()).contains(&observer.in_work.load(Ordering::SeqCst)));
    assert_eq!(report.copied() + report.not_done(), report.images.len());
}

#[tokio::test]
async fn a_large_transfer_ends_within_the_drain() {
    let bench = Bench::start().await;
    image(&bench, "large", 1, 20 << 20);
    let (report, _) = stopped(&bench, bytes_move, LONG).await;
    assert_eq!((report.copied(), report.images.len()), (1, 1), "{report:?}");
    assert_eq!(
        bench.source.store().manifest("a/app", "large"),
        bench.target.store().manifest("b/app", "large")
    );
}

#[tokio::test]
async fn what_is_slower_than_the_drain_is_not_done_and_leaves_no_upload_open() {
    // In one PUT, and in a PATCH.
    for (bytes, stall_after) in [(200_000, 100_000), (20 << 20, 5 << 20)] {
        let bench = Bench::start().await;
        image(&bench, "slow", 1, bytes);
        let effect = Effect::StallBodyAfter(stall_after);
        bench.source.misbehave(Fault { when: Match::get("/blobs/"), times: Times::Always, effect });
        let (report, _) = stopped(&bench, bytes_move, Duration::from_millis(200)).await;
        assert_eq!((report.not_done(), report.images.len()), (1, 1), "{report:?}");
        assert_eq!((bench.target.store().open_uploads(), cancelled_uploads(&bench)), (0, 1));
    }
}

#[tokio::test]
async fn a_target_that_swallows_everything_does_not_hold_up_the_end() {
    let bench = Bench::start().await;
    image(&bench, "swallowed", 1, 20 << 20);
    let fault = |when, effect| Fault { when, times: Times::Always, effect };
    bench.target.misbehave(fault(Match::patch("/uploads/"), Effect::StallRequestAfter(1 << 20)));
    bench.target.misbehave(fault(Match::new(Method::DELETE, "/uploads/"), Effect::Hang));
    let (report, _) = stopped(&bench, bytes_move, Duration::from_millis(200)).await;
    assert_eq!((report.not_done(), report.images.len()), (1, 1), "{report:?}");
}

/// Copies an image while one side answers a step with 429 for ever, and stops at the first event of this kind.
async fn assert_given_up(is_source: bool, when: Match, kind: fn(&Event) -> bool) {
    let bench = Bench::start().await;
    image(&bench, "busy", 1, 20_000);
    let side = if is_source { &bench.source } else { &bench.target };
    let effect = Effect::too_many_requests("900");
    side.misbehave(Fault { when: when.clone(), times: Times::Always, effect });
    let (report, _) = stopped(&bench, kind, LONG).await;
    assert_eq!((report.not_done(), report.images.len()), (1, 1), "{when:?}: {report:?}");
}

#[tokio::test]
async fn a_try_that_would_come_after_the_drain_is_given_up_at_once() {
    let at_source = [Match::get("/manifests/"), Match::get("/blobs/")];
    let at_target = [Match::post("/uploads/"), Match::put("/uploads/"), Match::put("/manifests/")];
    let steps = at_source.map(|step| (true, step)).into_iter().chain(at_target.map(|step| (false, step)));
    let runs = steps.flat_map(|(is_source, step)| {
        let later = assert_given_up(is_source, step.clone(), is_tried_again);
        [later, assert_given_up(is_source, step, begins)]
    });
    join_all(runs).await;
}
