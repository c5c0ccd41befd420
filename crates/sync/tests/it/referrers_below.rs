//! Referrers of the manifests below an index come along also where the target has the index already.

use embedded_registry::sample::{self, Flavour, Sample};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, LoggedRequest, Match, Times};
use http::Method;
use sync::state::State;
use sync::{Action, Mode, Policy, ReferrerPolicy};

use crate::engine::{Bench, count, counted};
use crate::index_form::{bench, run};
use crate::whole_report::WholeReport;

async fn plain() -> Bench {
    bench(EmbeddedRegistry::builder()).await
}

fn image(bench: &Bench, number: u64, architecture: &str) -> Sample {
    let layers = [sample::layer(number, 900)];
    sample::image(bench.source.store(), "a/app", None, Flavour::Oci, &layers, architecture)
}

fn index(bench: &Bench, tag: Option<&str>, children: &[Sample]) -> Sample {
    sample::index(bench.source.store(), "a/app", tag, Flavour::Oci, children)
}

/// The tag `v1` of an index with an image and an index inside it; returns the only image of that.
fn nested(bench: &Bench) -> Sample {
    let child = image(bench, 1, "amd64");
    let inner = index(bench, None, std::slice::from_ref(&child));
    index(bench, Some("v1"), &[inner, image(bench, 2, "arm64")]);
    child
}

fn sign(bench: &Bench, subject: &Sample) -> String {
    let signature = format!("of {}", subject.digest).into();
    sample::referrer(bench.source.store(), "a/app", subject, "test/signature", &[signature]).digest
}

fn has(bench: &Bench, digest: &str) -> bool {
    bench.target.store().manifest("b/app", digest).is_some()
}

fn policy(referrers: ReferrerPolicy) -> Policy {
    Policy { referrers, ..Policy::default() }
}

async fn copy(bench: &Bench, referrers: ReferrerPolicy, state: &State) -> WholeReport {
    run(bench, &policy(referrers), Mode::Copy, state.clone()).await.0
}

/// Copies all with their referrers, as in a new process.
async fn all(bench: &Bench, folder: Option<&tempfile::TempDir>) -> WholeReport {
    let state =
        folder.map_or_else(State::none, |folder| State::open(&folder.path().join("state")).unwrap().0);
    let report = copy(bench, ReferrerPolicy::Copy, &state).await;
    state.close().unwrap();
    report
}

/// What a plan says would be done with `v1`.
async fn planned(bench: &Bench) -> Action {
    let (_, decisions) = run(bench, &policy(ReferrerPolicy::Copy), Mode::Plan, State::none()).await;
    decisions.iter().find(|decision| decision.image.target_reference.to_string() == "v1").unwrap().action
}

fn lists(bench: &Bench) -> usize {
    count(&bench.source, |request| request.path.contains("/referrers/"))
}

#[tokio::test]
async fn what_refers_to_a_child_comes_in_the_next_run_where_the_first_one_failed() {
    for remembers in [false, true] {
        let bench = plain().await;
        let child = nested(&bench);
        let signature = sign(&bench, &child);
        let folder = remembers.then(|| tempfile::tempdir().unwrap());
        let when = Match::get(&format!("/referrers/{}", child.digest));
        let effect = Effect::refuse(500, "UNKNOWN", "no");
        bench.source.misbehave(Fault { when, times: Times::First(1), effect });
        assert_eq!(all(&bench, folder.as_ref()).await.failed(), 1);
        assert!(bench.same("v1") && !has(&bench, &signature), "the tag stays");
        assert_eq!(planned(&bench).await, Action::Referrers);
        let report = all(&bench, folder.as_ref()).await;
        assert_eq!((report.skipped(), report.failed(), report.amounts().referrers), (1, 0, 1), "{remembers}");
        assert!(has(&bench, &signature));
        assert_eq!(planned(&bench).await, Action::Unchanged);
    }
}

#[tokio::test]
async fn a_child_that_is_signed_later_or_whose_referrers_are_wanted_later_has_them_copied() {
    for first in [ReferrerPolicy::Leave, ReferrerPolicy::Copy] {
        let bench = plain().await;
        let child = nested(&bench);
        assert_eq!(copy(&bench, first, &State::none()).await.copied(), 1);
        let signature = sign(&bench, &child);
        assert_eq!(planned(&bench).await, Action::Referrers);
        assert_eq!(all(&bench, None).await.amounts().referrers, 1);
        assert!(has(&bench, &signature));
    }
}

#[tokio::test]
async fn referrers_that_are_wanted_later_come_though_the_state_knows_the_index() {
    let bench = plain().await;
    let child = nested(&bench);
    let signature = sign(&bench, &child);
    let folder = tempfile::tempdir().unwrap();
    let (state, _) = State::open(&folder.path().join("state")).unwrap();
    assert_eq!(copy(&bench, ReferrerPolicy::Leave, &state).await.copied(), 1);
    state.close().unwrap();
    drop(state);
    assert_eq!(all(&bench, Some(&folder)).await.amounts().referrers, 1);
    assert!(has(&bench, &signature));
}

#[tokio::test]
async fn a_second_tag_of_an_index_brings_what_refers_to_its_children_and_tags_of_one_run_share_that() {
    let bench = plain().await;
    let child = nested(&bench);
    assert_eq!(copy(&bench, ReferrerPolicy::Leave, &State::none()).await.copied(), 1);
    let signature = sign(&bench, &child);
    let index = bench.source.store().manifest("a/app", "v1").unwrap();
    for tag in ["v2", "v3"] {
        bench.source.store().put_manifest("a/app", tag, &index.media_type, index.bytes.clone());
    }
    bench.clear();
    let report = all(&bench, None).await;
    assert_eq!((report.copied(), report.skipped(), report.amounts().referrers), (2, 1, 1));
    assert!(has(&bench, &signature));
    let subjects = "the index, the one inside it, its image, the signature, and the other image";
    assert_eq!(lists(&bench), 5, "{subjects}, each once");
}

/// With a state, an unchanged index costs what it costs where nothing is below it; without one, its children are asked
/// about each time, and the target's indexes are read.
#[tokio::test]
async fn law_an_unchanged_index_with_referrers_costs_3_where_the_state_has_noted_it() {
    let bench = plain().await;
    let child = nested(&bench);
    sign(&bench, &child);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(all(&bench, Some(&folder)).await.copied(), 1);
    bench.clear();
    assert_eq!(all(&bench, Some(&folder)).await.skipped(), 1);
    let lines: Vec<_> =
        counted(&bench.source).iter().chain(&counted(&bench.target)).map(LoggedRequest::line).collect();
    assert_eq!(lines.len(), 3, "a HEAD on each side, and a list of referrers: {lines:#?}");

    bench.clear();
    assert_eq!(all(&bench, None).await.skipped(), 1);
    let reads = count(&bench.target, |request| request.is_manifest(&Method::GET));
    assert_eq!((lists(&bench), reads), (5, 2), "both indexes are read, at the target");
    assert_eq!(count(&bench.source, |request| request.is_manifest(&Method::GET)), 0);
}

/// What the target says of a manifest's type spares the read.
#[tokio::test]
async fn law_an_unchanged_image_with_referrers_costs_3_without_a_state() {
    let bench = plain().await;
    let layers = [sample::layer(1, 900)];
    sample::image(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, &layers, "amd64");
    assert_eq!(all(&bench, None).await.copied(), 1);
    bench.clear();
    assert_eq!(all(&bench, None).await.skipped(), 1);
    assert_eq!(counted(&bench.source).len() + counted(&bench.target).len(), 3);
}
