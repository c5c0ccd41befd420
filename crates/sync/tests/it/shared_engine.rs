//! Many runs at once on one engine, as in a worker that gets jobs one after the other: each is a task with its own
//! id, events, cancellation and report; they share slots, budgets, breakers and knowledge of targets. In virtual
//! time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci::Digest;
use sync::{Cause, Engine, Event, Observer, Options, Outcome, Rule, RunId, Silent, Stamp, Sync};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, rule_to};
use crate::whole_report::{RunWhole, WholeReport};

const RUNS: usize = 12;
const IMAGES: usize = 10;
const BLOBS_AT_ONCE: usize = 4;

/// Shared by all runs: how many images each run planned and ended, by its id.
#[derive(Default)]
struct Seen(Mutex<BTreeMap<String, (usize, usize)>>);

impl Observer for Seen {
    fn event(&self, stamp: &Stamp, event: &Event) {
        let mut seen = self.0.lock().unwrap();
        let (planned, ended) = seen.entry(stamp.run.to_string()).or_default();
        match event {
            Event::ImagePlanned(image) => {
                assert!(image.target.ends_with(stamp.run.as_str()), "{image} is no image of {}", stamp.run);
                *planned += 1;
            }
            Event::ImageFinished(_) => *ended += 1,
            _ => {}
        }
    }
}

/// This many images, each with its own layer and one that all share.
fn source() -> (Fake, Digest) {
    let source = Fake::default();
    let shared = source.put_blob("a/app", b"shared");
    for number in 0..IMAGES {
        let layer = source.put_blob("a/app", format!("layer {number}").as_bytes());
        let layers = format!(r#"{{"digest":"{layer}","size":7}},{{"digest":"{shared}","size":6}}"#);
        let body = format!(r#"{{"schemaVersion":2,"layers":[{layers}]}}"#);
        source.put_manifest("a/app", Some(&format!("v{number}")), &body);
    }
    (source, shared)
}

type Job = (Rule, CancellationToken);

/// Starts each job as soon as it comes; returns the reports by the jobs' numbers.
async fn work_off(engine: &Engine, seen: &Arc<Seen>, jobs: Vec<Job>) -> BTreeMap<usize, WholeReport> {
    let (give, mut come) = tokio::sync::mpsc::channel(1);
    let giving = async move {
        for job in jobs.into_iter().enumerate() {
            give.send(job).await.unwrap();
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    let working = async {
        let mut running = JoinSet::new();
        while let Some((number, (rule, cancel))) = come.recv().await {
            let run = Sync::new([rule], Options::new(BLOBS_AT_ONCE, 1), seen.clone())
                .called(RunId::new(format!("run-of-{number}")))
                .on(engine);
            running.spawn(async move { (number, run.run_whole(cancel).await) });
        }
        running.join_all().await
    };
    let ((), reports) = tokio::join!(giving, working);
    reports.into_iter().collect()
}

#[tokio::test(start_paused = true)]
async fn many_runs_at_once_have_an_engine_together_and_all_else_alone() {
    let (source, shared) = source();
    let target = Fake::default();
    target.state().step_takes = Duration::from_millis(10);
    let engine = Engine::new(BLOBS_AT_ONCE, None);
    let job = |number: usize| {
        let rule = rule_to(&format!("p/run-of-{number}"), (&source, "a.io"), &[(&target, "t.io")]);
        (rule, CancellationToken::new())
    };
    let jobs: Vec<Job> = (0..RUNS).map(job).collect();
    // One is cancelled before it comes.
    jobs[5].1.cancel();
    let seen = Arc::new(Seen::default());
    let reports = work_off(&engine, &seen, jobs).await;
    assert_eq!(reports.len(), RUNS);
    for (number, report) in &reports {
        let copied = if *number == 5 { 0 } else { IMAGES };
        assert_eq!((report.copied(), report.failed()), (copied, 0), "run {number}");
        assert_eq!(report.run.as_str(), format!("run-of-{number}"));
        let seen = seen.0.lock().unwrap();
        let (planned, ended) = seen.get(report.run.as_str()).copied().unwrap_or_default();
        assert_eq!((planned, ended), (report.images.len(), report.images.len()), "run {number}");
    }
    let state = target.state();
    let sent = state.sent.iter().filter(|((_, digest), _)| *digest == shared).map(|(_, times)| times);
    assert_eq!(sent.sum::<usize>(), 1, "all runs know what another has sent");
    assert!(state.most_sending <= BLOBS_AT_ONCE * 8, "and have one budget: {}", state.most_sending);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_leaves_the_others_and_a_store_that_one_found_dead_is_so_for_all() {
    let (source, _) = source();
    let (target, dead) = (Fake::default(), Fake::default());
    target.state().step_takes = Duration::from_secs(1);
    dead.state().is_dead = true;
    let engine = Engine::new(BLOBS_AT_ONCE, None);
    let run = |to: &str, target: (&Fake, &str), cancel: &CancellationToken| {
        let rule = rule_to(to, (&source, "a.io"), &[target]);
        let run = Sync::new([rule], Options::new(BLOBS_AT_ONCE, 1), Arc::new(Silent)).on(&engine);
        run.run_whole(cancel.clone())
    };
    let (stays, cancelled) = (CancellationToken::new(), CancellationToken::new());
    let stop = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        cancelled.cancel();
    };
    let at = (&target, "t.io");
    let (whole, broken_off, ()) = tokio::join!(run("p/1", at, &stays), run("p/2", at, &cancelled), stop);
    assert_eq!((whole.copied(), whole.not_done()), (IMAGES, 0));
    assert_eq!(broken_off.copied() + broken_off.not_done(), broken_off.images.len());
    assert!(broken_off.not_done() > 0);

    let at_dead = (&dead, "dead.io");
    let first = run("p/3", at_dead, &stays).await;
    let asked = dead.steps();
    let second = run("p/4", at_dead, &stays).await;
    assert_eq!((first.failed(), second.failed()), (IMAGES, IMAGES));
    let is_known = |outcome: &Outcome| matches!(outcome, Outcome::Failed(error) if matches!(error.cause, Cause::NoAnswer(_)));
    let told = second.images.iter().filter(|ended| is_known(&ended.outcome)).count();
    let asked_again = dead.steps() - asked;
    assert!(told >= IMAGES - 2 && asked_again < asked, "{told} told, {asked_again} steps after {asked}");
}
