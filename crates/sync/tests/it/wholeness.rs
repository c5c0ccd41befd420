//! Whether an index at a target has all its manifests is known or looked up, never assumed, if rules leave platforms out.

use std::sync::Arc;
use std::time::Duration;

use embedded_registry::sample::Flavour;
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Indexes, LoggedRequest, Match, Times};
use http::Method;
use oci::TagOrDigest;
use sync::state::State;
use sync::{IndexPolicy, Mode, Options, Policy, Rule, SOURCE_DIGEST, Selection, Silent, Sync};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, count, counted};
use crate::fake::with_policy;
use crate::index_form::{bench, copy, copy_remembering, has, only, puts, run, stored, three};
use crate::whole_report::{RunWhole, WholeReport};

async fn takes_sparse() -> Bench {
    bench(EmbeddedRegistry::builder().indexes(Indexes::Sparse)).await
}

/// A rule about one tag.
fn rule(bench: &Bench, tag: &str, to: &str, policy: &Policy) -> Rule {
    let selection = Selection::These(vec![TagOrDigest::Tag(tag.parse().unwrap())]);
    with_policy(bench.rule("a/app", selection, &[to]), |of_rule| of_rule.clone_from(policy))
}

async fn carry_out(rules: Vec<Rule>, state: State) -> WholeReport {
    Sync::new(rules, Options::new(4, 0), Arc::new(Silent))
        .remembering(state)
        .run_whole(CancellationToken::new())
        .await
}

/// How many requests for manifests were by digest.
fn looks(bench: &Bench, repository: &str) -> usize {
    let path = format!("/{repository}/manifests/sha256:");
    count(&bench.target, |request| request.path.contains(&path))
}

#[tokio::test]
async fn auto_rewrites_where_no_state_remembers_that_an_index_is_sparse() {
    let bench = takes_sparse().await;
    let [amd64, arm64, s390x] = three(&bench, "v1", Flavour::Oci, 0);
    let policy = only(IndexPolicy::Auto, &["amd64"]);
    assert_eq!(copy(&bench, &policy).await.copied(), 1);
    assert!(stored(&bench, "v1").contains(SOURCE_DIGEST) && has(&bench, &amd64) && !has(&bench, &s390x));
    bench.clear();
    assert_eq!((copy(&bench, &policy).await.skipped(), puts(&bench)), (1, 0));
    assert_eq!(copy(&bench, &Policy::default()).await.copied(), 1, "another digest is what tells it");
    assert!(bench.same("v1") && has(&bench, &arm64) && has(&bench, &s390x));

    let bench = takes_sparse().await;
    let folder = tempfile::tempdir().unwrap();
    three(&bench, "v1", Flavour::Oci, 0);
    assert_eq!(copy_remembering(&bench, &policy, &folder).await.copied(), 1);
    bench.clear();
    assert_eq!((copy(&bench, &policy).await.skipped(), puts(&bench)), (1, 0), "what is there stays");
    assert!(bench.same("v1"));
}

#[tokio::test]
async fn an_index_of_which_nothing_is_noted_is_looked_at_once_where_rules_leave_platforms_out() {
    for turned in [false, true] {
        let bench = takes_sparse().await;
        let first = three(&bench, "v1", Flavour::Oci, 0);
        three(&bench, "v2", Flavour::Oci, 1);
        // The state is lost, or is on another machine.
        assert_eq!(copy(&bench, &only(IndexPolicy::Sparse, &["amd64"])).await.copied(), 2);
        let folder = tempfile::tempdir().unwrap();
        let run = async || {
            let (state, _) = State::open(&folder.path().join("state")).unwrap();
            let filtered = rule(&bench, "v2", "b/app", &only(IndexPolicy::Auto, &["amd64"]));
            let mut rules = vec![filtered, rule(&bench, "v1", "b/app", &Policy::default())];
            if turned {
                rules.reverse();
            }
            let report = carry_out(rules, state.clone()).await;
            state.close().unwrap();
            (report.copied(), report.skipped())
        };
        assert_eq!(run().await, (1, 1), "the one is completed, the other is as it should be");
        assert!(first.iter().all(|child| has(&bench, child)));
        bench.clear();
        assert_eq!(run().await, (0, 2));
        assert_eq!((counted(&bench.source).len(), counted(&bench.target).len()), (2, 2));
    }
}

#[tokio::test]
async fn a_repository_to_which_whole_indexes_go_costs_no_look_beside_others() {
    let bench = takes_sparse().await;
    three(&bench, "v1", Flavour::Oci, 0);
    let run = async || {
        let filtered = rule(&bench, "v1", "c/app", &only(IndexPolicy::Sparse, &["amd64"]));
        carry_out(vec![filtered, rule(&bench, "v1", "b/app", &Policy::default())], State::none()).await
    };
    assert_eq!(run().await.copied(), 2);
    bench.clear();
    assert_eq!(run().await.skipped(), 2);
    assert_eq!((looks(&bench, "b/app"), looks(&bench, "c/app")), (0, 1));
}

#[tokio::test]
async fn an_index_that_the_state_knows_as_sparse_makes_a_run_look_at_those_beside_it() {
    let [folder, elsewhere] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let bench = takes_sparse().await;
    let first = three(&bench, "v1", Flavour::Oci, 0);
    let filtered = only(IndexPolicy::Auto, &["amd64"]);
    assert_eq!(copy_remembering(&bench, &filtered, &folder).await.copied(), 1);
    let second = three(&bench, "v2", Flavour::Oci, 1);
    assert_eq!(copy_remembering(&bench, &filtered, &elsewhere).await.copied(), 1);
    bench.image("a/app", "v3", &[7]);
    let whole = Policy::default();
    let read = State::read(&folder.path().join("state")).unwrap();
    let (planned, _) = run(&bench, &whole, Mode::Plan, read).await;
    assert_eq!(planned.would_copy(), 3);
    assert_eq!(copy_remembering(&bench, &whole, &folder).await.copied(), 3);
    assert!(first.iter().chain(&second).all(|child| has(&bench, child)));
    for _ in 0..2 {
        bench.clear();
        assert_eq!(copy_remembering(&bench, &whole, &folder).await.skipped(), 3);
        assert_eq!((counted(&bench.source).len(), counted(&bench.target).len()), (3, 3));
    }
}

#[tokio::test]
async fn that_an_index_is_sparse_is_written_down_before_the_index_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let [path, killed] = ["state", "killed"].map(|name| folder.path().join(name));
    let bench = takes_sparse().await;
    let children = three(&bench, "v1", Flavour::Oci, 0);
    let when = Match::new(Method::PUT, "/b/app/manifests/v1");
    bench.target.misbehave(Fault { when, times: Times::First(1), effect: Effect::Hang });
    let (state, _) = State::open(&path).unwrap();
    let policy = only(IndexPolicy::Auto, &["amd64"]);
    let put = |request: &LoggedRequest| {
        request.method == Method::PUT && request.path.ends_with("/b/app/manifests/v1")
    };
    let kill = async {
        while count(&bench.target, put) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        std::fs::copy(&path, &killed).unwrap();
    };
    tokio::select! {
        _ = run(&bench, &policy, Mode::Copy, state) => panic!("the index is not answered"),
        () = kill => {}
    }
    // The registry has stored the index despite its error.
    let index = bench.source.store().manifest("a/app", "v1").unwrap();
    bench.target.store().put_manifest("b/app", "v1", &index.media_type, index.bytes);
    assert!(bench.same("v1") && !has(&bench, &children[2]));
    let (state, _) = State::open(&killed).unwrap();
    let (report, _) = run(&bench, &Policy::default(), Mode::Copy, state).await;
    assert_eq!(report.copied(), 1);
    assert!(children.iter().all(|child| has(&bench, child)));
}
