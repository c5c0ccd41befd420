//! A registry that cannot be reached gets only a few requests, however many images need it. In virtual time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use oci::TagOrDigest;
use sync::{Cause, ImageReport, Naming, Options, Outcome, Rule, RuleTarget, Selection, Silent, Sync};
use tokio_util::sync::CancellationToken;

use crate::fake::{self, Fake};
use crate::whole_report::{RunWhole, WholeReport};

const IMAGES: usize = 200;
const RETRIES: u32 = 2;
/// Blobs in parallel, and the resulting number of running images.
const BLOBS: usize = 2;
const IN_WORK: usize = 32;
/// How many images may send requests to a dead registry: the running ones, and some that begin while these give up.
const MOST_ASKING: usize = 2 * IN_WORK;

fn source() -> Fake {
    let source = Fake::default();
    for number in 0..IMAGES {
        let blob = source.put_blob("a/app", format!("blob of image {number}").as_bytes());
        let body = format!(r#"{{"schemaVersion":2,"layers":[{{"digest":"{blob}","size":20}}]}}"#);
        source.put_manifest("a/app", Some(&format!("v{number:03}")), &body);
    }
    source
}

fn dead() -> Fake {
    let fake = Fake::default();
    fake.state().is_dead = true;
    fake
}

fn slow(step: Duration) -> Fake {
    let fake = Fake::default();
    fake.state().step_takes = step;
    fake
}

fn rule(source: &Fake, targets: &[(&Fake, &str)]) -> Rule {
    fake::rule((source, "source.io"), targets)
}

async fn run(rules: Vec<Rule>) -> WholeReport {
    Sync::new(rules, Options::new(BLOBS, RETRIES), Arc::new(Silent)).run_whole(CancellationToken::new()).await
}

/// Makes `fake` silent for a period.
fn silent(fake: &Fake, from: Duration, until: Duration) {
    let fake = fake.clone();
    tokio::spawn(async move {
        tokio::time::sleep(from).await;
        fake.state().is_dead = true;
        tokio::time::sleep(until.saturating_sub(from)).await;
        fake.state().is_dead = false;
    });
}

fn at<'a>(report: &'a WholeReport, host: &str) -> Vec<&'a ImageReport> {
    report.images.iter().filter(|ended| ended.image.target.starts_with(host)).collect()
}

fn copied(ended: &[&ImageReport]) -> usize {
    ended.iter().filter(|ended| matches!(ended.outcome, Outcome::Copied { .. })).count()
}

/// The error texts of refused images, and how many were refused.
fn refused(ended: &[&ImageReport]) -> (BTreeSet<String>, usize) {
    let words: Vec<_> = ended
        .iter()
        .filter_map(|ended| match &ended.outcome {
            Outcome::Failed(error) => match &error.cause {
                Cause::NoAnswer(silence) => Some(format!("{silence}: {:?}", silence.last.cause)),
                _ => None,
            },
            _ => None,
        })
        .collect();
    (words.iter().cloned().collect(), words.len())
}

#[tokio::test(start_paused = true)]
async fn a_dead_target_is_asked_a_few_times_and_the_other_target_gets_everything() {
    let (source, dead, good) = (source(), dead(), Fake::default());
    let report = run(vec![rule(&source, &[(&dead, "dead.io"), (&good, "good.io")])]).await;
    assert_eq!(copied(&at(&report, "good.io")), IMAGES);
    let at_dead = at(&report, "dead.io");
    assert_eq!((at_dead.len(), report.failed()), (IMAGES, IMAGES));
    let (words, refused) = refused(&at_dead);
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(words.first().unwrap().contains("5 times in a row"), "{words:?}");
    assert!(refused >= IMAGES - MOST_ASKING, "{refused}");
    let most = MOST_ASKING * (1 + RETRIES as usize);
    assert!(dead.steps() <= most, "asked {} times", dead.steps());
}

#[tokio::test(start_paused = true)]
async fn a_dead_source_is_asked_a_few_times_for_any_number_of_images_and_rules() {
    let (source, dead, good) = (source(), dead(), Fake::default());
    let tags: Vec<_> = source.state().tags.keys().map(|(_, tag)| TagOrDigest::Tag(tag.clone())).collect();
    let named = Rule { selection: Selection::These(tags), ..rule(&dead, &[(&good, "good.io")]) };
    let report = run(vec![named]).await;
    assert_eq!(report.failed(), IMAGES);
    assert!(dead.steps() <= MOST_ASKING * (1 + RETRIES as usize), "asked {} times", dead.steps());

    let before = dead.steps();
    let report = run((0..IMAGES).map(|_| rule(&dead, &[(&good, "good.io")])).collect()).await;
    assert_eq!(report.failed_rules.len(), IMAGES);
    assert!(dead.steps() - before <= MOST_ASKING * (1 + RETRIES as usize), "{}", dead.steps() - before);
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_comes_to_life_in_a_long_run_gets_the_images_after_that() {
    let (early, source, late) = (source(), source(), dead());
    silent(&late, Duration::ZERO, Duration::from_secs(60));
    // Its images are planned after the target has been silent for long.
    source.state().step_takes = Duration::from_secs(90);
    let target = RuleTarget { target: Arc::new(late.repository("late.io", "c/app")), naming: Naming::Same };
    let later = Rule { targets: vec![target], ..rule(&source, &[]) };
    let report = run(vec![rule(&early, &[(&late, "late.io")]), later]).await;
    let (failed, copied) = (report.failed(), report.copied());
    assert_eq!((failed, copied), (IMAGES, IMAGES));
    let last = report.images.last().unwrap();
    assert!(matches!(last.outcome, Outcome::Copied { .. }), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_the_middle_costs_at_most_the_images_in_work() {
    let (source, target) = (source(), slow(Duration::from_millis(100)));
    silent(&target, Duration::from_secs(1), Duration::from_secs(21));
    let report = run(vec![rule(&source, &[(&target, "target.io")])]).await;
    assert!(report.failed() > 0, "so short a silence shows nothing");
    assert!(report.failed() <= MOST_ASKING, "{} failed", report.failed());
    assert_eq!(report.copied(), IMAGES - report.failed());
}

#[tokio::test(start_paused = true)]
async fn images_of_one_repository_do_not_queue_for_a_registry_that_swallows_questions() {
    let (source, target) = (source(), dead());
    let wait = Duration::from_secs(10);
    target.state().step_takes = wait;
    let begun = tokio::time::Instant::now();
    let report = run(vec![rule(&source, &[(&target, "target.io")])]).await;
    assert_eq!(report.failed(), IMAGES);
    // The first image asks alone; then all running images ask in parallel, and those that begin while these give up.
    let rounds = 2 * (1 + RETRIES) + 2;
    assert!(begun.elapsed() < wait * rounds, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_refuses_is_asked_for_every_image() {
    let (source, target) = (source(), Fake::default());
    target.state().refuses = true;
    let report = run(vec![rule(&source, &[(&target, "target.io")])]).await;
    assert_eq!(report.failed(), IMAGES);
    assert_eq!(refused(&at(&report, "target.io")).1, 0);
}
