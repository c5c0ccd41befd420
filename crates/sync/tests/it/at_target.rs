//! What the target has under a reference: targets that do not tell, and copies with the same content in other bytes.

use std::sync::Arc;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, Fault, Match, Times};
use http::Method;
use sync::{Mode, Options, Outcome, Policy, Rewrite, Selection, SkipReason, Sync};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, count};
use crate::fake::with_policy;
use crate::notes::Notes;
use crate::whole_report::{RunWhole, WholeReport};

async fn run(bench: &Bench, options: Options) -> (WholeReport, Vec<String>) {
    run_with(bench, Policy::default(), options).await
}

async fn run_with(bench: &Bench, policy: Policy, options: Options) -> (WholeReport, Vec<String>) {
    let rule = with_policy(bench.rule("a/app", Selection::All, &["b/app"]), |of_rule| *of_rule = policy);
    let notes = Arc::new(Notes::default());
    let report = Sync::new(vec![rule], options, notes.clone()).run_whole(CancellationToken::new()).await;
    (report, std::mem::take(&mut notes.0.lock().unwrap()))
}

fn refused(code: u16) -> Effect {
    Effect::refuse(code, "SOMETHING", "the registry's words")
}

fn image(bench: &Bench, layer: u64) {
    let layers = [sample::layer(layer, 900)];
    sample::image(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, &layers, "amd64");
}

/// An index on both sides, serialized differently at the target.
async fn reprinted(bench: &Bench) {
    let child = |number, architecture| {
        let layers = [sample::layer(number, 900)];
        sample::image(bench.source.store(), "a/app", None, Flavour::Oci, &layers, architecture)
    };
    let children = [child(1, "amd64"), child(2, "arm64")];
    sample::index(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, &children);
    assert_eq!(run(bench, Options::new(4, 0)).await.0.copied(), 1);
    let exact = bench.target.store().manifest("b/app", "v1").unwrap();
    let value: serde_json::Value = serde_json::from_slice(&exact.bytes).unwrap();
    bench.target.store().put_manifest("b/app", "v1", &exact.media_type, value.to_string());
    bench.clear();
}

fn misbehave(bench: &Bench, when: Match, times: Times, effect: Effect) {
    bench.target.misbehave(Fault { when, times, effect });
}

fn puts(bench: &Bench) -> usize {
    count(&bench.target, |request| request.is_manifest(&Method::PUT))
}

fn is_same_content(report: &WholeReport) -> bool {
    matches!(&*report.images, [image] if matches!(image.outcome, Outcome::Skipped(SkipReason::SameContent { .. })))
}

#[tokio::test]
async fn e11_an_error_while_the_old_manifest_is_compared_is_no_difference() {
    for when in [Match::get("/b/app/manifests/"), Match::head("/b/app/manifests/sha256:")] {
        let bench = Bench::start().await;
        reprinted(&bench).await;
        misbehave(&bench, when.clone(), Times::First(1), refused(503));
        let (report, notes) = run(&bench, Options::new(4, 2)).await;
        assert!(is_same_content(&report), "{report:?}");
        assert_eq!((puts(&bench), notes), (0, vec![]), "{when:?}");

        misbehave(&bench, when.clone(), Times::Always, refused(503));
        let (report, _) = run(&bench, Options::new(4, 0)).await;
        assert_eq!(
            (report.failed(), puts(&bench)),
            (1, 0),
            "a registry in trouble is not written to: {when:?}"
        );
    }
}

#[tokio::test]
async fn e11_an_old_manifest_that_cannot_be_read_for_good_is_written_again() {
    for code in [404, 412, 500] {
        let bench = Bench::start().await;
        reprinted(&bench).await;
        misbehave(&bench, Match::get("/b/app/manifests/"), Times::Always, refused(code));
        let (report, notes) = run(&bench, Options::new(4, 0)).await;
        assert_eq!((report.copied(), report.failed(), bench.same("v1")), (1, 0, true), "{code}");
        assert_eq!(notes.len(), 1, "{notes:?}");
    }
}

#[tokio::test]
async fn e11_an_index_that_lacks_a_child_at_the_target_is_not_the_same() {
    let bench = Bench::start().await;
    reprinted(&bench).await;
    let child = bench.source.store().manifest("a/app", "v1").unwrap();
    let child: serde_json::Value = serde_json::from_slice(&child.bytes).unwrap();
    bench.target.store().remove_manifest("b/app", child["manifests"][1]["digest"].as_str().unwrap());
    let (report, notes) = run(&bench, Options::new(4, 0)).await;
    assert_eq!((report.copied(), bench.same("v1"), notes), (1, true, vec![]));
}

#[tokio::test]
async fn e26_a_tag_that_the_target_does_not_show_is_stored() {
    for code in [400, 406, 409, 412, 422, 451, 500] {
        let bench = Bench::start().await;
        image(&bench, 1);
        run(&bench, Options::new(4, 0)).await;
        image(&bench, 2);
        for method in [Method::HEAD, Method::GET] {
            misbehave(&bench, Match::new(method, "/b/app/manifests/v1"), Times::Always, refused(code));
        }
        let look = Options { mode: Mode::Plan, ..Options::new(4, 0) };
        assert_eq!(run(&bench, look).await.0.would_copy(), 1, "{code}");
        let (report, notes) = run(&bench, Options::new(4, 0)).await;
        // A registry that refuses to show the image may have it; one that answers 500 cannot serve it to any client.
        let copied = usize::from(code != 500);
        assert_eq!(
            (report.copied(), report.failed(), bench.same("v1")),
            (copied, 1 - copied, true),
            "{code}"
        );
        assert!(notes.len() == 1 && notes[0].contains(&code.to_string()), "{notes:?}");
        for error in report.errors() {
            assert!(matches!(error.cause, sync::Cause::KeepsUnreadable { .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_tag_that_is_shown_once_it_was_stored_again_is_copied() {
    let bench = Bench::start().await;
    image(&bench, 1);
    run(&bench, Options::new(4, 0)).await;
    image(&bench, 2);
    misbehave(&bench, Match::head("/b/app/manifests/v1"), Times::First(1), refused(500));
    bench.clear();
    let (report, _) = run(&bench, Options::new(4, 0)).await;
    assert_eq!((report.copied(), report.failed(), bench.same("v1")), (1, 0, true));
    let looks = |request: &embedded_registry::LoggedRequest| {
        request.is_manifest(&Method::GET) && request.path.ends_with("/v1")
    };
    assert_eq!(count(&bench.target, looks), 1, "it is looked at once more");
}

#[tokio::test]
async fn e26_a_target_that_does_not_answer_is_not_written_to() {
    for effect in [refused(503), Effect::DropConnection] {
        let bench = Bench::start().await;
        image(&bench, 1);
        misbehave(&bench, Match::head("/b/app/manifests/v1"), Times::Always, effect);
        let (report, _) = run(&bench, Options::new(4, 1)).await;
        assert_eq!(report.failed(), 1);
        assert_eq!(
            count(&bench.target, |request| request.is_upload() || request.is_manifest(&Method::PUT)),
            0
        );
    }
}

#[tokio::test]
async fn e26_who_forces_does_not_depend_on_what_was_there() {
    for effect in [refused(412), refused(500), refused(503), Effect::DropConnection] {
        let bench = Bench::start().await;
        image(&bench, 1);
        run(&bench, Options::new(4, 0)).await;
        bench.clear();
        for method in [Method::HEAD, Method::GET] {
            misbehave(&bench, Match::new(method, "/b/app/manifests/v1"), Times::Always, effect.clone());
        }
        let forced = Policy { rewrite: Rewrite::Always, ..Policy::default() };
        let (report, notes) = run_with(&bench, forced, Options::new(4, 5)).await;
        let copied = usize::from(!matches!(effect, Effect::Status { code: 500, .. }));
        assert_eq!((report.copied(), report.failed(), notes), (copied, 1 - copied, vec![]), "{effect:?}");
        let looks = count(&bench.target, |request| request.is_manifest(&Method::HEAD));
        assert!(looks <= 2, "it is not waited for: {looks}");
        assert_eq!(puts(&bench), 1);
    }
}
