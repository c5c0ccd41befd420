//! The decisions of a run: a plan reports them, a copy carries them out, and a task carries them out elsewhere.

use std::sync::{Arc, Mutex, OnceLock};

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, Fault, LoggedRequest, Match, Store, Times};
use http::Method;
use oci::TagOrDigest;
use sync::endpoint::Meaning;
use sync::{
    Action, BoundTask, Cause, Decision, Event, IndexPolicy, Load, Mode, Observer, OnConflict, Operation,
    Options, Outcome, PlatformFilter, Policy, ReferrerPolicy, Rule, Selection, SkipReason, Stamp, Sync, Task,
    Work,
};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, count};
use crate::fake::with_policy;
use crate::whole_report::{RunWhole, WholeReport};

#[derive(Default)]
struct Decided(Mutex<Vec<(Decision, Option<Arc<Load>>)>>);

impl Observer for Decided {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::Decided { decision, load } = event {
            self.0.lock().unwrap().push(((**decision).clone(), load.clone()));
        }
    }
}

type Decisions = Vec<(Decision, Option<Arc<Load>>)>;

async fn run(work: Vec<Work>, mode: Mode) -> (WholeReport, Decisions) {
    let (decided, options) = (Arc::new(Decided::default()), Options { mode, ..Options::new(4, 0) });
    let report = Sync::new(work, options, decided.clone()).run_whole(CancellationToken::new()).await;
    let mut decisions = std::mem::take(&mut *decided.0.lock().unwrap());
    decisions.sort_by_key(|(decision, _)| decision.image.target_name());
    (report, decisions)
}

async fn plan(rule: &Rule) -> (WholeReport, Decisions) {
    run(vec![rule.clone().into()], Mode::Plan).await
}

async fn copy(rule: &Rule) -> (WholeReport, Decisions) {
    run(vec![rule.clone().into()], Mode::Copy).await
}

fn all(bench: &Bench, policy: Policy) -> Rule {
    with_policy(bench.rule("a/app", Selection::All, &["b/app"]), |of_rule| *of_rule = policy)
}

fn actions(decisions: &Decisions) -> Vec<(String, Action)> {
    let shown = |(decision, _): &(Decision, Option<Arc<Load>>)| {
        (decision.image.target_reference.to_string(), decision.action)
    };
    decisions.iter().map(shown).collect()
}

fn bytes(decisions: &Decisions) -> u64 {
    let loads = decisions.iter().filter_map(|(_, load)| load.as_ref());
    let mut blobs: Vec<_> =
        loads.flat_map(|load| &load.blobs).map(|blob| (&blob.digest, blob.size)).collect();
    blobs.sort_unstable();
    blobs.dedup();
    blobs.iter().map(|(_, size)| size).sum()
}

/// Tags that are new, moved, new for an existing image, unchanged, and unchanged with a new signature.
async fn world(bench: &Bench) -> Rule {
    let rule = all(bench, Policy { referrers: ReferrerPolicy::Copy, ..Policy::default() });
    let store = bench.source.store();
    let signed = bench.image("a/app", "signed", &[1, 2]);
    for (tag, layer) in [("moved", 3), ("still", 4)] {
        bench.image("a/app", tag, &[1, layer]);
    }
    assert_eq!(copy(&rule).await.0.copied(), 3);
    bench.image("a/app", "moved", &[1, 5, 6]);
    bench.image("a/app", "new", &[7]);
    let still = store.manifest("a/app", "still").unwrap();
    store.put_manifest("a/app", "renamed", &still.media_type, still.bytes);
    sample::referrer(store, "a/app", &signed, "test/signature", &["signature".into()]);
    bench.clear();
    rule
}

#[tokio::test]
async fn a_plan_says_what_a_copy_does_and_a_plan_after_it_is_empty() {
    let bench = Bench::start().await;
    let rule = world(&bench).await;
    let before = bench.target.store().tags("b/app");
    let (report, planned) = plan(&rule).await;
    let expected = [
        ("moved", Action::Update),
        ("new", Action::Create),
        ("renamed", Action::Retag),
        ("signed", Action::Referrers),
        ("still", Action::Unchanged),
    ];
    assert_eq!(actions(&planned), expected.map(|(tag, action)| (tag.to_owned(), action)));
    assert_eq!((report.would_copy(), report.skipped(), report.copied()), (4, 1, 0));
    assert_eq!(bench.target.store().tags("b/app"), before);
    assert_eq!(count(&bench.target, |request| request.is_manifest(&Method::PUT)), 0);
    assert_eq!(count(&bench.source, LoggedRequest::is_blob_read), 0);

    let (report, carried_out) = copy(&rule).await;
    assert_eq!(report.amounts().moved_bytes, bytes(&planned));
    assert_eq!((report.copied(), report.amounts().referrers), (3, 1));
    let same = |(planned, _): &(Decision, _), (done, _): &(Decision, _)| {
        planned.source_digest == done.source_digest
            && planned.target_digest == done.target_digest
            && planned.result_digest == done.result_digest
    };
    assert!(planned.iter().zip(&carried_out).all(|(planned, done)| same(planned, done)), "{carried_out:?}");

    let (report, after) = plan(&rule).await;
    assert!(after.iter().all(|(decision, _)| decision.action == Action::Unchanged), "{after:?}");
    assert_eq!((report.skipped(), bytes(&after)), (5, 0));
}

#[tokio::test]
async fn a_plan_of_what_is_unchanged_costs_a_list_more_than_a_copy_that_does_nothing() {
    let bench = Bench::start().await;
    for number in 0..20 {
        bench.image("a/app", &format!("v{number}"), &[number]);
    }
    let rule = all(&bench, Policy::default());
    copy(&rule).await;
    let mut costs = Vec::new();
    for mode in [Mode::Plan, Mode::Copy] {
        bench.clear();
        run(vec![rule.clone().into()], mode).await;
        costs.push((bench.source.requests().len(), bench.target.requests().len()));
    }
    let list_of_what_only_the_target_has = 1;
    assert_eq!(costs[0], (costs[1].0, costs[1].1 + list_of_what_only_the_target_has));
}

#[tokio::test]
async fn k1_a_plan_meets_what_the_copy_would_meet() {
    for (code, name) in [(401, "UNAUTHORIZED"), (403, "DENIED")] {
        for everywhere in [false, true] {
            let bench = Bench::start().await;
            bench.image("a/app", "v1", &[1]);
            bench.image("a/app", "v2", &[2]);
            let when = if everywhere { Match::any() } else { Match::post("/b/app/blobs/uploads/") };
            let effect = Effect::refuse(code, name, "no");
            bench.target.misbehave(Fault { when, times: Times::Always, effect });
            let rule = all(&bench, Policy::default());
            let (planned, _) = plan(&rule).await;
            let trials = count(&bench.target, |request| request.method == Method::POST);
            assert_eq!(trials, 1, "once for a repository");
            assert_eq!((planned.failed(), planned.would_copy()), (2, 0), "{code} {everywhere}");
            assert_eq!(copy(&rule).await.0.failed(), 2);
        }
    }
}

#[tokio::test]
async fn what_a_rule_keeps_is_kept_or_fails_and_both_are_conflicts() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    copy(&all(&bench, Policy::default())).await;
    let there = bench.target.store().manifest("b/app", "v1").unwrap().digest;
    bench.image("a/app", "v1", &[2]);
    bench.image("a/app", "v2", &[3]);
    for mode in [Mode::Plan, Mode::Copy] {
        for on_conflict in [OnConflict::Fail, OnConflict::Keep] {
            let rule = all(&bench, Policy { on_conflict, ..Policy::default() });
            let (report, decisions) = run(vec![rule.into()], mode).await;
            assert_eq!(decisions[0].0.action, Action::Conflict);
            assert_eq!(decisions[0].0.target_digest, decisions[0].0.result_digest);
            let ended = report.images.iter().find(|ended| ended.image.target_name().ends_with("v1")).unwrap();
            match (&ended.outcome, on_conflict) {
                (Outcome::Failed(error), OnConflict::Fail) => {
                    assert!(matches!(error.cause, Cause::Conflict { .. }), "{error:?}");
                }
                (Outcome::Skipped(SkipReason::Kept { at_target, .. }), OnConflict::Keep) => {
                    assert_eq!(at_target.to_string(), there);
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(bench.target.store().manifest("b/app", "v1").unwrap().digest, there);
        }
    }
    assert!(bench.same("v2"), "what is no conflict is copied");
}

#[tokio::test]
async fn e26_what_a_target_does_not_tell_is_not_overwritten_where_a_rule_keeps_it() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    copy(&all(&bench, Policy::default())).await;
    bench.image("a/app", "v1", &[2]);
    for method in [Method::HEAD, Method::GET] {
        let when = Match::new(method, "/b/app/manifests/v1");
        let effect = Effect::refuse(412, "PRECONDITION", "blocked");
        bench.target.misbehave(Fault { when, times: Times::Always, effect });
    }
    for on_conflict in [OnConflict::Fail, OnConflict::Keep] {
        let rule = all(&bench, Policy { on_conflict, ..Policy::default() });
        assert_eq!(copy(&rule).await.0.failed(), 1);
    }
    assert!(!bench.same("v1"));
}

/// Lets the target deny to show `b/app:v1`.
fn hide(bench: &Bench, code: u16, times: Times) {
    for method in [Method::HEAD, Method::GET] {
        let when = Match::new(method, "/b/app/manifests/v1");
        bench.target.misbehave(Fault { when, times, effect: Effect::refuse(code, "DENIED", "no") });
    }
}

#[tokio::test]
async fn what_the_target_denies_to_show_is_replaced_only_where_nothing_depends_on_it() {
    for code in [401, 403] {
        let bench = Bench::start().await;
        bench.image("a/app", "v1", &[1]);
        assert_eq!(copy(&all(&bench, Policy::default())).await.0.copied(), 1);
        let before = bench.target.store().manifest("b/app", "v1");
        bench.image("a/app", "v1", &[2]);
        hide(&bench, code, Times::Always);
        let is_hidden = |error: &sync::Error| {
            matches!(error.operation, Operation::Resolve(_))
                && error.endpoint().is_some_and(|error| error.meaning == Meaning::Hidden)
        };
        for on_conflict in [OnConflict::Fail, OnConflict::Keep] {
            let rule = all(&bench, Policy { on_conflict, ..Policy::default() });
            for mode in [Mode::Plan, Mode::Copy] {
                let (report, _) = run(vec![rule.clone().into()], mode).await;
                assert_eq!(report.failed(), 1, "{code} {on_conflict:?} {mode:?}");
                assert!(report.errors().all(is_hidden), "{:?}", report.images);
            }
        }
        // A plan that was made while the target showed nothing.
        let rule = all(&bench, Policy::default());
        let (_, planned) = plan(&rule).await;
        let (report, _) = run(vec![tasks(&rule, &planned)], Mode::Copy).await;
        assert!(report.failed() == 1 && report.errors().all(is_hidden), "{:?}", report.images);
        assert_eq!(bench.target.store().manifest("b/app", "v1"), before, "{code}");

        let (report, _) = copy(&rule).await;
        assert!(report.copied() == 1 && bench.same("v1"), "{code}: {:?}", report.images);
    }
}

#[tokio::test]
async fn a_tag_that_is_hidden_right_before_it_is_set_is_not_set() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    // The two looks of the decision find nothing; the one before the push is denied.
    let when = Match::head("/b/app/manifests/v1");
    bench.target.misbehave(Fault {
        when,
        times: Times::First(2),
        effect: Effect::refuse(404, "MANIFEST_UNKNOWN", "no"),
    });
    hide(&bench, 403, Times::Always);
    let rule = all(&bench, Policy { on_conflict: OnConflict::Keep, ..Policy::default() });
    assert_eq!(copy(&rule).await.0.failed(), 1);
    assert!(bench.target.store().tags("b/app").is_empty());
}

#[tokio::test]
async fn a_named_image_that_is_not_there_is_missing() {
    let bench = Bench::start().await;
    let named = Selection::These(vec![TagOrDigest::Tag("v1".parse().unwrap())]);
    let (report, decisions) = plan(&bench.rule("a/app", named, &["b/app"])).await;
    assert_eq!(actions(&decisions), [("v1".to_owned(), Action::Missing)]);
    assert_eq!(report.failed(), 1);
}

/// The tasks of a plan, serialized and parsed again.
fn tasks(rule: &Rule, decisions: &Decisions) -> Work {
    let tasks = decisions.iter().filter_map(|(decision, _)| decision.task());
    let bound = tasks.map(|task| {
        let written = serde_json::to_string(&task).unwrap();
        let read: Task = serde_json::from_str(&written).unwrap();
        assert_eq!(read, task);
        BoundTask { task: read, source: rule.source.clone(), target: rule.targets[0].target.clone() }
    });
    bound.collect::<Vec<_>>().into()
}

#[tokio::test]
async fn tasks_bring_what_was_planned_whatever_the_source_has_by_then() {
    let bench = Bench::start().await;
    let rule = world(&bench).await;
    let (_, planned) = plan(&rule).await;
    let wanted = bench.source.store().manifest("a/app", "new").unwrap();
    bench.image("a/app", "new", &[8]);
    let (report, _) = run(vec![tasks(&rule, &planned)], Mode::Copy).await;
    assert_eq!((report.copied(), report.skipped(), report.failed()), (3, 1, 0), "{:?}", report.images);
    assert_eq!(report.amounts().referrers, 1);
    assert_eq!(bench.target.store().manifest("b/app", "new").unwrap().digest, wanted.digest);
    let (again, _) = run(vec![tasks(&rule, &planned)], Mode::Copy).await;
    assert_eq!((again.skipped(), again.failed()), (4, 0), "what stands there already is no drift");
}

/// Two rules that want `v1` under one reference: each another platform, the later one with referrers.
fn two_rules(bench: &Bench, to: &str) -> [Rule; 2] {
    [("amd64", ReferrerPolicy::Leave), ("arm64", ReferrerPolicy::Copy)].map(|(architecture, referrers)| {
        let platforms = PlatformFilter::new(&[], &[architecture.to_owned()]);
        let named = Selection::These(vec![TagOrDigest::Tag("v1".parse().unwrap())]);
        let policy = Policy { platforms, referrers, index: IndexPolicy::Cut, ..Policy::default() };
        with_policy(bench.rule("a/app", named, &[to]), |of_rule| *of_rule = policy)
    })
}

#[tokio::test]
async fn e21_a_task_of_rules_that_meet_brings_what_both_want() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    let children = [(1, "amd64"), (2, "arm64"), (3, "s390x")].map(|(number, architecture)| {
        sample::image(store, "a/app", None, Flavour::Oci, &[sample::layer(number, 900)], architecture)
    });
    sample::index(store, "a/app", Some("v1"), Flavour::Oci, &children);
    let signature = sample::referrer(store, "a/app", &children[0], "test/signature", &["signature".into()]);
    let [first, later] = two_rules(&bench, "b/app");
    let merged = first.policy.merged(&later.policy);
    let works = [&first, &later].map(|rule| rule.clone().into());
    let (_, planned) = run(works.to_vec(), Mode::Plan).await;
    assert_eq!(planned.len(), 1, "{planned:?}");
    assert_eq!(*planned[0].0.policy, merged);
    run(vec![tasks(&first, &planned)], Mode::Copy).await;
    run(two_rules(&bench, "c/app").map(Work::from).to_vec(), Mode::Copy).await;
    for (repository, by) in [("b/app", "the task"), ("c/app", "the rules")] {
        let has = |digest: &String| bench.target.store().manifest(repository, digest).is_some();
        let brought: Vec<_> = children.iter().map(|child| &child.digest).map(has).collect();
        assert_eq!((brought, has(&signature.digest)), (vec![true, true, false], true), "{by}");
    }
    let [one, other] = ["b/app", "c/app"].map(|repository| bench.target.store().manifest(repository, "v1"));
    assert!(one.is_some() && one == other);
}

#[tokio::test]
async fn a_rule_that_cannot_be_listed_keeps_its_names_from_an_earlier_one() {
    let bench = Bench::start().await;
    let image = |repository: &str, tag: &str, layer: u64| bench.image(repository, tag, &[layer]).digest;
    image("a/app", "v1", 1);
    let later = image("a/other", "v1", 2);
    let rules =
        || ["a/app", "a/other"].map(|from| bench.rule(from, Selection::All, &["b/app"]).into()).to_vec();
    let at = |tag: &str| bench.target.store().manifest("b/app", tag).map(|stored| stored.digest);
    assert_eq!(run(rules(), Mode::Copy).await.0.copied(), 1);
    assert_eq!(at("v1"), Some(later.clone()));

    let new = image("a/app", "v2", 3);
    let when = Match::get("/a/other/tags/list");
    let effect = Effect::refuse(403, "DENIED", "not now");
    bench.source.misbehave(Fault { when, times: Times::First(2), effect });
    for mode in [Mode::Plan, Mode::Copy] {
        let (report, _) = run(rules(), mode).await;
        assert_eq!((report.kept(), report.failed_rules.len()), (1, 1), "{:?}", report.images);
        assert_eq!(report.copied() + report.would_copy(), 1);
    }
    assert_eq!((at("v1"), at("v2")), (Some(later), Some(new)), "what is new comes, what is there stays");
}

#[tokio::test]
async fn what_one_source_lacks_is_missing_in_a_plan_though_another_source_has_it() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    let children = [1, 2].map(|number| {
        let layers = [sample::layer(number, 900)];
        sample::image(store, "a/app", None, Flavour::Oci, &layers, "amd64")
    });
    sample::index(store, "a/app", Some("v1"), Flavour::Oci, &children);
    for reference in ["v1", &children[0].digest] {
        let stored = store.manifest("a/app", reference).unwrap();
        store.put_manifest("a/other", reference, &stored.media_type, stored.bytes);
    }
    let rules = [("a/app", "b/app"), ("a/other", "c/app")]
        .map(|(from, to)| bench.rule(from, Selection::All, &[to]).into());
    let (planned, _) = run(rules.to_vec(), Mode::Plan).await;
    assert_eq!((planned.would_copy(), planned.failed()), (1, 1), "{:?}", planned.images);
    assert_eq!(run(rules.to_vec(), Mode::Copy).await.0.failed(), 1);
}

#[tokio::test]
async fn a_task_whose_target_has_changed_since_is_refused_and_the_others_go_on() {
    let bench = Bench::start().await;
    let rule = world(&bench).await;
    let (_, planned) = plan(&rule).await;
    for tag in ["new", "moved"] {
        let other = [sample::layer(99, 500)];
        sample::image(bench.target.store(), "b/app", Some(tag), Flavour::Oci, &other, "amd64");
    }
    let (report, _) = run(vec![tasks(&rule, &planned)], Mode::Copy).await;
    assert_eq!((report.copied(), report.skipped(), report.failed()), (1, 1, 2));
    assert!(report.errors().all(|error| matches!(error.cause, Cause::Drift { .. })));
    assert!(bench.same("renamed") && !bench.same("new") && !bench.same("moved"));
}

#[tokio::test]
async fn a_task_of_which_something_else_comes_is_refused_before_anything_is_written() {
    let bench = Bench::start().await;
    let rule = world(&bench).await;
    let (_, planned) = plan(&rule).await;
    let other = oci::Digest::sha256(b"other");
    let wrong: Vec<_> = planned
        .iter()
        .map(|(decision, load)| {
            let result_digest = decision.result_digest.as_ref().map(|_| other.clone());
            (sync::Decision { result_digest, ..decision.clone() }, load.clone())
        })
        .collect();
    bench.target.clear_requests();
    let (report, _) = run(vec![tasks(&rule, &wrong)], Mode::Copy).await;
    assert_eq!((report.copied(), report.skipped()), (0, 0), "{:?}", report.images);
    let is_named = |error: &sync::Error| match &error.cause {
        Cause::OtherResult { planned, actual } => **planned == other && **actual != other,
        _ => false,
    };
    assert!(report.failed() > 0 && report.errors().all(is_named));
    assert!(
        bench
            .target
            .requests()
            .iter()
            .all(|asked| !matches!(asked.method.as_str(), "POST" | "PUT" | "PATCH"))
    );
}

#[tokio::test]
async fn what_somebody_pushed_since_the_list_was_read_is_no_news_to_a_rule_that_keeps_it() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    bench.image("a/app", "v2", &[2]);
    let rule = all(&bench, Policy { on_conflict: OnConflict::Keep, ..Policy::default() });
    // The target's list is empty, but it has the tag when asked for it.
    let other = [sample::layer(99, 500)];
    sample::image(bench.target.store(), "b/app", Some("v2"), Flavour::Oci, &other, "amd64");
    let absent = Effect::refuse(404, "MANIFEST_UNKNOWN", "not yet");
    for tag in ["v1", "v2"] {
        let when = Match::new(Method::HEAD, &format!("/b/app/manifests/{tag}"));
        bench.target.misbehave(Fault { when, times: Times::First(1), effect: absent.clone() });
    }
    let (report, _) = copy(&rule).await;
    assert_eq!((report.copied(), report.kept()), (1, 1), "{:?}", report.images);
}

#[tokio::test]
async fn a_task_for_a_signature_follows_its_image() {
    let bench = Bench::start().await;
    let image = bench.image("a/app", "v1", &[1]);
    sample::signature(bench.source.store(), "a/app", &image.digest);
    let rule = all(&bench, Policy::default());
    let (_, mut planned) = plan(&rule).await;
    planned.sort_by_key(|(decision, _)| decision.image.target_name());
    assert!(planned[0].0.image.target_name().contains("sha256-"), "the signature's task is the first");
    bench.clear();
    let (report, _) = run(vec![tasks(&rule, &planned)], Mode::Copy).await;
    assert_eq!(report.copied(), 2);
    let puts = bench.target.requests().into_iter().filter(|request| request.is_manifest(&Method::PUT));
    let puts: Vec<_> = puts.map(|request| request.path.clone()).collect();
    assert!(puts[0].ends_with("/v1") && puts[1].contains("sha256-"), "{puts:?}");
}

/// Pushes a tag to the target as soon as a blob is sent there.
struct Pusher {
    store: Store,
    tag: String,
    pushed: OnceLock<String>,
}

impl Observer for Pusher {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::BlobPlanned { .. } = event {
            self.pushed.get_or_init(|| {
                let other = [sample::layer(99, 500)];
                sample::image(&self.store, "b/app", Some(&self.tag), Flavour::Oci, &other, "amd64").digest
            });
        }
    }
}

/// Runs while another client pushes `tag`; returns the digest that it pushed.
async fn overtaken(bench: &Bench, work: Work, tag: &str) -> (WholeReport, String) {
    let (store, tag) = (bench.target.store().clone(), tag.to_owned());
    let pusher = Arc::new(Pusher { store, tag, pushed: OnceLock::new() });
    let options = Options { mode: Mode::Copy, ..Options::new(4, 0) };
    let report = Sync::new(vec![work], options, pusher.clone()).run_whole(CancellationToken::new()).await;
    (report, pusher.pushed.get().expect("blobs were sent").clone())
}

#[tokio::test]
async fn what_somebody_pushes_while_blobs_move_is_not_put_over_by_a_task_or_a_rule_that_keeps_it() {
    for on_conflict in [None, Some(OnConflict::Keep), Some(OnConflict::Fail), Some(OnConflict::Overwrite)] {
        for stands_before in [false, true] {
            let bench = Bench::start().await;
            if stands_before && on_conflict.is_none() {
                bench.image("a/app", "v1", &[3]);
                copy(&all(&bench, Policy::default())).await;
            } else if stands_before {
                continue;
            }
            bench.image("a/app", "v1", &[1, 2]);
            let policy = Policy { on_conflict: on_conflict.unwrap_or_default(), ..Policy::default() };
            let rule = all(&bench, policy);
            let work = match on_conflict {
                None => tasks(&rule, &plan(&rule).await.1),
                Some(_) => rule.into(),
            };
            let (report, pushed) = overtaken(&bench, work, "v1").await;
            let outcome = &report.images[0].outcome;
            let cause = |outcome: &Outcome| match outcome {
                Outcome::Failed(error) => Some(format!("{:?}", error.cause)),
                _ => None,
            };
            let cause = cause(outcome).unwrap_or_default();
            let is_right = match on_conflict {
                None => cause.starts_with("Drift"),
                Some(OnConflict::Fail) => cause.starts_with("Conflict"),
                Some(OnConflict::Keep) => {
                    matches!(outcome, Outcome::Skipped(SkipReason::Kept { at_target, .. })
                    if at_target.to_string() == pushed)
                }
                Some(OnConflict::Overwrite) => matches!(outcome, Outcome::Copied { .. }),
            };
            assert!(is_right, "{on_conflict:?}: {outcome:?}");
            let stays = bench.target.store().manifest("b/app", "v1").unwrap().digest == pushed;
            assert_eq!(stays, on_conflict != Some(OnConflict::Overwrite), "{on_conflict:?}");
        }
    }
}

#[tokio::test]
async fn the_last_look_at_a_name_costs_one_question_and_none_where_a_rule_overwrites() {
    let mut looks = Vec::new();
    for on_conflict in [OnConflict::Overwrite, OnConflict::Keep] {
        let bench = Bench::start().await;
        bench.image("a/app", "v1", &[1]);
        let (report, _) = copy(&all(&bench, Policy { on_conflict, ..Policy::default() })).await;
        assert_eq!(report.copied(), 1);
        looks.push(count(&bench.target, |request| {
            request.is_manifest(&Method::HEAD) && request.path.ends_with("/v1")
        }));
    }
    assert_eq!(looks[1], looks[0] + 2, "when it is decided, and when it is named: {looks:?}");
}

/// An image that both sides have; returns the tag of its signature, which only the source has.
async fn signed_at_the_source(bench: &Bench) -> String {
    let image = bench.image("a/app", "v1", &[1]);
    copy(&all(bench, Policy::default())).await;
    sample::signature(bench.source.store(), "a/app", &image.digest);
    format!("{}.sig", image.digest.replace(':', "-"))
}

fn signed(bench: &Bench, on_conflict: OnConflict) -> Rule {
    let named = Selection::These(vec![TagOrDigest::Tag("v1".parse().unwrap())]);
    let policy = Policy { referrers: ReferrerPolicy::Copy, on_conflict, ..Policy::default() };
    with_policy(bench.rule("a/app", named, &["b/app"]), |of_rule| *of_rule = policy)
}

/// Another client's signature under that tag at the target.
fn sign_at_the_target(bench: &Bench, tag: &str) -> String {
    let other = [sample::layer(99, 500)];
    sample::image(bench.target.store(), "b/app", Some(tag), Flavour::Oci, &other, "").digest
}

fn at_target(bench: &Bench, tag: &str) -> String {
    bench.target.store().manifest("b/app", tag).unwrap().digest
}

#[tokio::test]
async fn a_signatures_tag_that_somebody_else_has_set_stays_where_the_rule_keeps_it() {
    for on_conflict in [OnConflict::Keep, OnConflict::Fail, OnConflict::Overwrite] {
        let bench = Bench::start().await;
        let tag = signed_at_the_source(&bench).await;
        let others = sign_at_the_target(&bench, &tag);
        let rule = signed(&bench, on_conflict);
        let (planned, _) = plan(&rule).await;
        let (report, _) = copy(&rule).await;
        let counted = |report: &WholeReport| (report.skipped(), report.failed(), report.would_copy());
        let left = report.amounts().referrers_left;
        match on_conflict {
            OnConflict::Keep => {
                assert_eq!((counted(&planned), counted(&report), left), ((1, 0, 0), (1, 0, 0), 1));
            }
            OnConflict::Fail => {
                assert_eq!((counted(&planned), counted(&report)), ((0, 1, 0), (0, 1, 0)));
                assert!(report.errors().all(|error| matches!(error.cause, Cause::Conflict { .. })));
            }
            OnConflict::Overwrite => {
                assert_eq!((counted(&planned), counted(&report), left), ((0, 0, 1), (1, 0, 0), 0));
            }
        }
        assert_eq!(
            at_target(&bench, &tag) == others,
            on_conflict != OnConflict::Overwrite,
            "{on_conflict:?}"
        );
    }
}

#[tokio::test]
async fn a_signatures_tag_that_somebody_sets_while_a_task_is_carried_out_or_before_stays() {
    let bench = Bench::start().await;
    let tag = signed_at_the_source(&bench).await;
    let rule = signed(&bench, OnConflict::Overwrite);
    let (_, planned) = plan(&rule).await;
    assert_eq!(actions(&planned), [("v1".to_owned(), Action::Referrers)]);
    let (report, pushed) = overtaken(&bench, tasks(&rule, &planned), &tag).await;
    assert_eq!((report.failed(), report.amounts().referrers_left), (0, 1), "{:?}", report.images);
    assert_eq!(at_target(&bench, &tag), pushed);

    let others = sign_at_the_target(&bench, &tag);
    let (report, _) = run(vec![tasks(&rule, &planned)], Mode::Copy).await;
    assert_eq!((report.failed(), report.amounts().referrers_left), (0, 1), "{:?}", report.images);
    assert_eq!(at_target(&bench, &tag), others);
}
