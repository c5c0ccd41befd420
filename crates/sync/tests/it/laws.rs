//! The laws about numbers of requests and bytes, one test each, counted at the registries. Pings and tag lists are
//! counted separately.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, LoggedRequest, Match, Mounts, Times};
use http::Method;
use sync::select::{Matched, Pattern, TagSelection};
use sync::{
    Event, Naming, Observer, Options, ReferrerPolicy, Rule, RuleTarget, Selection, Silent, Stamp, Sync,
};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, client, count, counted};
use crate::fake::{Fake, rule_to, with_policy};
use crate::whole_report::{RunWhole, WholeReport};

async fn run(rules: Vec<Rule>) -> WholeReport {
    let report =
        Sync::new(rules, Options::new(4, 0), Arc::new(Silent)).run_whole(CancellationToken::new()).await;
    assert_eq!(report.failed(), 0, "{:?}", report.errors().collect::<Vec<_>>());
    report
}

async fn copy(bench: &Bench) -> WholeReport {
    run(vec![bench.rule("a/app", Selection::All, &["b/app"])]).await
}

/// An image with one blob (its config) more than it has layers.
fn image(bench: &Bench, repository: &str, tag: &str, layers: &[u64]) {
    let layers: Vec<_> = layers.iter().map(|number| sample::layer(*number, 9_000)).collect();
    sample::image(bench.source.store(), repository, Some(tag), Flavour::Oci, &layers, "amd64");
}

fn requests(bench: &Bench) -> usize {
    counted(&bench.source).len() + counted(&bench.target).len()
}

fn all_lines(bench: &Bench) -> Vec<String> {
    [&bench.source, &bench.target]
        .iter()
        .flat_map(|side| counted(side))
        .map(|request| request.line())
        .collect()
}

fn blob_reads(bench: &Bench) -> usize {
    count(&bench.source, LoggedRequest::is_blob_read)
}

fn blobs_sent(registry: &EmbeddedRegistry) -> usize {
    count(registry, |request| request.is_upload_step(&Method::PUT) && request.status == 201)
}

#[tokio::test]
async fn law_cold_images_cost_3b_plus_2_each_and_a_head_for_the_repository() {
    let bench = Bench::start().await;
    image(&bench, "a/app", "v1", &[1, 2]);
    image(&bench, "a/app", "v2", &[3, 4, 5]);
    copy(&bench).await;
    let (first, second) = (3, 4);
    assert_eq!(requests(&bench), (3 * first + 2) + (3 * second + 2) + 1, "{:#?}", all_lines(&bench));
}

#[tokio::test]
async fn law_a_mountable_blob_costs_one_request() {
    let bench = Bench::start().await;
    image(&bench, "a/one", "v1", &[1, 2, 3]);
    image(&bench, "a/two", "v1", &[1, 2, 3]);
    let both = ["one", "two"]
        .map(|name| bench.rule(&format!("a/{name}"), Selection::All, &[format!("b/{name}").as_str()]));
    run(both.into()).await;
    let (distinct, mounted) = (3 + 2, 3);
    assert_eq!(count(&bench.target, |request| request.is_mount() && request.status == 201), mounted);
    assert_eq!(requests(&bench), 3 * distinct + mounted + 2 * (2 + 1), "{:#?}", all_lines(&bench));
}

#[tokio::test]
async fn law_an_unchanged_tag_costs_2_and_no_get_at_the_source() {
    let bench = Bench::start().await;
    for number in 0..5 {
        image(&bench, "a/app", &format!("v{number}"), &[1, 10 + number]);
    }
    copy(&bench).await;
    bench.clear();
    copy(&bench).await;
    assert_eq!(requests(&bench), 5 * 2);
    assert!(counted(&bench.source).iter().all(|request| request.method == Method::HEAD));
    assert_eq!(count(&bench.source, LoggedRequest::is_tag_list), 1);
    assert_eq!(count(&bench.target, LoggedRequest::is_tag_list), 0);
}

/// The source's list tells which signature tags exist, so missing ones are not requested.
#[tokio::test]
async fn law_an_unchanged_tag_that_was_chosen_costs_2_and_its_signature_2() {
    let bench = Bench::start().await;
    let layers = [sample::layer(1, 9_000)];
    let pushed = sample::image(bench.source.store(), "a/app", Some("v0"), Flavour::Oci, &layers, "amd64");
    sample::signature(bench.source.store(), "a/app", &pushed.digest);
    for number in 1..5 {
        image(&bench, "a/app", &format!("v{number}"), &[1, 10 + number]);
    }
    image(&bench, "a/app", "snapshot", &[99]);
    let chosen = || {
        let exclude = vec![Pattern::new("snapshot", Matched::Tags).unwrap()];
        let selection = TagSelection { exclude, ..TagSelection::default() };
        let rule = bench.rule("a/app", Selection::Chosen(Arc::new(selection)), &["b/app"]);
        vec![with_policy(rule, |policy| policy.referrers = ReferrerPolicy::Copy)]
    };
    run(chosen()).await;
    let signature = format!("sha256-{}.sig", pushed.digest.trim_start_matches("sha256:"));
    assert!(bench.target.store().manifest("b/app", &signature).is_some());
    bench.clear();
    run(chosen()).await;
    let asked = |request: &&LoggedRequest| !request.path.contains("/referrers/");
    let lines: Vec<_> = [&bench.source, &bench.target]
        .iter()
        .flat_map(|side| counted(side))
        .filter(|request| asked(&request))
        .map(|request| request.line())
        .collect();
    assert_eq!(lines.len(), 5 * 2 + 2, "{lines:#?}");
}

#[tokio::test]
async fn law_a_changed_tag_with_k_new_blobs_costs_3k_plus_5() {
    let bench = Bench::start().await;
    image(&bench, "a/app", "v1", &[1, 2, 3]);
    copy(&bench).await;
    // The config is new, too.
    image(&bench, "a/app", "v1", &[1, 2, 4]);
    bench.clear();
    copy(&bench).await;
    let new = 2;
    assert_eq!(requests(&bench), 3 * new + 5, "{:#?}", all_lines(&bench));
}

#[tokio::test]
async fn law_a_new_tag_in_a_known_repository_costs_3k_plus_3() {
    let bench = Bench::start().await;
    image(&bench, "a/app", "v1", &[1, 2]);
    copy(&bench).await;
    image(&bench, "a/app", "v2", &[3, 4]);
    bench.clear();
    copy(&bench).await;
    let (unchanged, new) = (2, 3);
    assert_eq!(requests(&bench), unchanged + 3 * new + 3, "{:#?}", all_lines(&bench));
}

#[tokio::test]
async fn law_each_blob_moves_once_among_tags_of_a_repository_and_children_of_an_index() {
    let bench = Bench::start().await;
    for number in 0..20 {
        image(&bench, "a/app", &format!("v{number}"), &[1, 2, 3]);
    }
    let store = bench.source.store();
    let layers = [sample::layer(1, 9_000), sample::layer(4, 9_000)];
    let children: Vec<_> = ["amd64", "arm64", "s390x"]
        .iter()
        .map(|architecture| sample::image(store, "a/app", None, Flavour::Oci, &layers, architecture))
        .collect();
    sample::index(store, "a/app", Some("all"), Flavour::Oci, &children);
    let rules = ["b/app", "c/app"].map(|target| bench.rule("a/app", Selection::All, &[target]));
    run(rules.into()).await;
    let distinct = 4 + 20 + 3;
    let paths = |requests: Vec<LoggedRequest>, wanted: fn(&LoggedRequest) -> bool| -> Vec<String> {
        requests.into_iter().filter(wanted).map(|request| request.path).collect()
    };
    let reads = paths(bench.source.requests(), LoggedRequest::is_blob_read);
    assert_eq!(reads.iter().collect::<BTreeSet<_>>().len(), reads.len(), "no blob is read twice");
    assert_eq!((reads.len(), blobs_sent(&bench.target)), (distinct, distinct));
}

#[tokio::test]
async fn law_many_targets_share_one_read_and_each_registry_is_sent_each_blob_once() {
    let bench = Bench::start().await;
    image(&bench, "a/app", "v1", &[1, 2, 3]);
    image(&bench, "a/app", "v2", &[1, 2, 4]);
    let mut others = Vec::new();
    let mut rule = bench.rule("a/app", Selection::All, &["b/app", "c/app"]);
    for _ in 0..3 {
        let other = EmbeddedRegistry::builder().start().await.unwrap();
        let target = endpoints::RegistryEndpoint::target(&client(&other), &"x/app".parse().unwrap());
        rule.targets.push(RuleTarget { target: Arc::new(target), naming: Naming::Same });
        others.push(other);
    }
    run(vec![rule]).await;
    let distinct = 4 + 2;
    assert_eq!(blob_reads(&bench), distinct);
    assert_eq!(count(&bench.source, |request| request.is_manifest(&Method::GET)), 2);
    assert_eq!(blobs_sent(&bench.target), distinct);
    assert!(others.iter().all(|other| blobs_sent(other) == distinct));
}

/// Stops the run with the first transferred byte, and records how many tag pages had been requested.
struct FirstByte {
    source: Arc<EmbeddedRegistry>,
    cancel: CancellationToken,
    pages: AtomicUsize,
}

impl Observer for FirstByte {
    fn event(&self, _: &Stamp, event: &Event) {
        if matches!(event, Event::BytesMoved { .. }) && !self.cancel.is_cancelled() {
            self.pages.store(count(&self.source, LoggedRequest::is_tag_list), Ordering::SeqCst);
            self.cancel.cancel();
        }
    }
}

#[tokio::test]
async fn law_the_first_blob_moves_before_the_second_page_of_tags_is_asked_for() {
    let source = Arc::new(EmbeddedRegistry::builder().tag_page_size(1_000).start().await.unwrap());
    let target = EmbeddedRegistry::builder().start().await.unwrap();
    let store = source.store();
    let layers = [sample::layer(1, 9_000)];
    sample::image(store, "a/app", Some("v0000"), Flavour::Oci, &layers, "amd64");
    let image = store.manifest("a/app", "v0000").unwrap();
    for number in 1..5_000 {
        store.put_manifest("a/app", &format!("v{number:04}"), &image.media_type, image.bytes.clone());
    }
    let endpoint = |registry, name: &str| {
        let name = name.parse().unwrap();
        (endpoints::RegistryEndpoint::source(&client(registry), &name), name)
    };
    let (from, name) = endpoint(&source, "a/app");
    let to = endpoints::RegistryEndpoint::target(&client(&target), &name);
    let rule = Rule {
        source: Arc::new(from),
        selection: Selection::All,
        policy: Arc::default(),
        targets: vec![RuleTarget { target: Arc::new(to), naming: Naming::Same }],
    };
    let cancel = CancellationToken::new();
    let observer = FirstByte { source: source.clone(), cancel: cancel.clone(), pages: AtomicUsize::new(0) };
    let observer = Arc::new(observer);
    Sync::new(vec![rule], Options::new(4, 0), observer.clone()).run_whole(cancel).await;
    assert_eq!(observer.pages.load(Ordering::SeqCst), 1);
}

/// The number of steps at both registries to find that this many tags are unchanged.
async fn steps_to_find_nothing(tags: usize) -> usize {
    let (source, target) = (Fake::default(), Fake::default());
    let manifest = r#"{"schemaVersion":2,"manifests":[]}"#;
    for number in 0..tags {
        let tag = format!("v{number}");
        source.put_manifest("a/app", Some(&tag), manifest);
        target.put_manifest("a/app", Some(&tag), manifest);
    }
    let rule = rule_to("a/app", (&source, "source.io"), &[(&target, "target.io")]);
    assert_eq!(run(vec![rule]).await.skipped(), tags);
    source.steps() + target.steps()
}

#[tokio::test]
async fn law_planning_is_linear() {
    let (few, many) = (steps_to_find_nothing(200).await, steps_to_find_nothing(20_000).await);
    assert_eq!(many - few, 2 * (20_000 - 200));
}

/// Copies the tag `v2`, whose 20 layers the target has under the tag `v1`.
async fn copy_what_is_there_under_another_tag(builder: embedded_registry::Builder) -> (Bench, WholeReport) {
    let source = EmbeddedRegistry::builder().start().await.unwrap();
    let bench = Bench { source, target: builder.start().await.unwrap() };
    let layers: Vec<u64> = (0..20).collect();
    image(&bench, "a/app", "v1", &layers);
    copy(&bench).await;
    image(&bench, "a/app", "v2", &[&layers[..], &[99]].concat());
    bench.clear();
    let only = Selection::These(vec![oci::TagOrDigest::Tag("v2".parse().unwrap())]);
    let report = run(vec![bench.rule("a/app", only, &["b/app"])]).await;
    (bench, report)
}

#[tokio::test]
async fn blobs_under_other_tags_are_found_by_opening_uploads() {
    let (bench, report) = copy_what_is_there_under_another_tag(EmbeddedRegistry::builder()).await;
    let new = 2;
    assert_eq!((blobs_sent(&bench.target), blob_reads(&bench)), (new, new));
    assert!(report.amounts().saved_bytes() >= 20 * 9_000, "{}", report.amounts().saved_bytes());
    // More than a few blobs: the registry has to prove its mounts, and until then is asked by HEAD.
    assert!(count(&bench.target, |request| request.is_mount() && request.status == 201) > 0);
}

#[tokio::test]
async fn a_registry_that_ignores_mounts_is_found_out() {
    for mounts in [Mounts::Declined, Mounts::Refused(404), Mounts::Refused(405)] {
        let builder = EmbeddedRegistry::builder().mounts(mounts);
        let (bench, _) = copy_what_is_there_under_another_tag(builder).await;
        let (new, on_suspicion) = (2, 8);
        assert!(blobs_sent(&bench.target) <= new + on_suspicion, "{:#?}", all_lines(&bench));
        assert!(count(&bench.target, |request| request.is_blob(&Method::HEAD)) >= 22 - on_suspicion - 1);
    }
}

#[tokio::test]
async fn a_registry_that_says_of_all_blobs_that_they_are_there_is_found_out() {
    let bench = Bench::start().await;
    image(&bench, "a/app", "v1", &[1, 2]);
    copy(&bench).await;
    image(&bench, "a/app", "v2", &[3, 4]);
    let effect = Effect::Status { code: 201, body: String::new(), headers: Vec::new() };
    bench.target.misbehave(Fault { when: Match::post("mount="), times: Times::Always, effect });
    copy(&bench).await;
    assert_eq!(bench.target.store().manifest("b/app", "v2"), bench.source.store().manifest("a/app", "v2"));
    assert_eq!(blobs_sent(&bench.target), 3 + 3);
}
