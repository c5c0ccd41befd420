//! Indexes whose target does not get all manifests: sparse or rewritten, and without attestations that it refuses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use embedded_registry::sample::{self, Flavour, Sample};
use embedded_registry::{Attestations, Builder, EmbeddedRegistry, Indexes, LoggedRequest};
use http::Method;
use serde_json::{Value, json};
use sync::endpoint::Meaning;
use sync::state::State;
use sync::{
    AttestationPolicy, Decision, Event, IndexPolicy, LeftOut, Mode, Observer, Options, Outcome,
    PlatformFilter, Policy, ReferrerPolicy, SOURCE_DIGEST, Selection, SkipReason, Stamp, Sync,
};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, count, counted};
use crate::fake::with_policy;
use crate::whole_report::{RunWhole, WholeReport};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

pub(crate) async fn bench(target: Builder) -> Bench {
    let source = EmbeddedRegistry::builder().start().await.unwrap();
    Bench { source, target: target.start().await.unwrap() }
}

#[derive(Default)]
struct Decisions(Mutex<Vec<Decision>>);

impl Observer for Decisions {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::Decided { decision, .. } = event {
            self.0.lock().unwrap().push((**decision).clone());
        }
    }
}

pub(crate) async fn run(
    bench: &Bench,
    policy: &Policy,
    mode: Mode,
    state: State,
) -> (WholeReport, Vec<Decision>) {
    let rule = bench.rule("a/app", Selection::All, &["b/app"]);
    let rule = with_policy(rule, |of_rule| of_rule.clone_from(policy));
    let decisions = Arc::new(Decisions::default());
    let options = Options { mode, ..Options::new(4, 0) };
    let sync = Sync::new(vec![rule], options, decisions.clone()).remembering(state);
    let report = sync.run_whole(CancellationToken::new()).await;
    let decisions = std::mem::take(&mut *decisions.0.lock().unwrap());
    (report, decisions)
}

pub(crate) async fn copy(bench: &Bench, policy: &Policy) -> WholeReport {
    run(bench, policy, Mode::Copy, State::none()).await.0
}

/// A run as in a new process, with the state that earlier ones left in the folder.
pub(crate) async fn copy_remembering(
    bench: &Bench,
    policy: &Policy,
    folder: &tempfile::TempDir,
) -> WholeReport {
    let (state, _) = State::open(&folder.path().join("state")).unwrap();
    let report = run(bench, policy, Mode::Copy, state.clone()).await.0;
    state.close().unwrap();
    report
}

pub(crate) fn only(index: IndexPolicy, architectures: &[&str]) -> Policy {
    let architectures: Vec<_> = architectures.iter().map(|name| (*name).to_owned()).collect();
    Policy { index, platforms: PlatformFilter::new(&[], &architectures), ..Policy::default() }
}

fn image(bench: &Bench, number: u64, architecture: &str) -> Sample {
    let layers = [sample::layer(number, 900)];
    sample::image(bench.source.store(), "a/app", None, Flavour::Oci, &layers, architecture)
}

/// An index for three platforms; each number gives different images.
pub(crate) fn three(bench: &Bench, tag: &str, flavour: Flavour, number: u64) -> [Sample; 3] {
    let children = [(1, "amd64"), (2, "arm64"), (3, "s390x")]
        .map(|(place, architecture)| image(bench, 10 * number + place, architecture));
    sample::index(bench.source.store(), "a/app", Some(tag), flavour, &children);
    children
}

pub(crate) fn has(bench: &Bench, child: &Sample) -> bool {
    bench.target.store().manifest("b/app", &child.digest).is_some()
}

pub(crate) fn stored(bench: &Bench, tag: &str) -> String {
    let manifest = bench.target.store().manifest("b/app", tag).unwrap();
    String::from_utf8(manifest.bytes.to_vec()).unwrap()
}

fn digest(bench: &Bench, tag: &str) -> String {
    bench.source.store().manifest("a/app", tag).unwrap().digest
}

pub(crate) fn puts(bench: &Bench) -> usize {
    count(&bench.target, |request| request.method == Method::PUT)
}

fn left_out(report: &WholeReport) -> LeftOut {
    match &report.images[0].outcome {
        Outcome::Copied { left_out, .. } => *left_out,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_sparse_index_keeps_its_digest_and_the_second_run_does_nothing() {
    for index in [IndexPolicy::Auto, IndexPolicy::Sparse] {
        for flavour in [Flavour::Oci, Flavour::Docker] {
            let bench = bench(EmbeddedRegistry::builder().indexes(Indexes::Sparse)).await;
            let [amd64, arm64, s390x] = three(&bench, "v1", flavour, 0);
            let policy = only(index, &["amd64", "arm64"]);
            let folder = tempfile::tempdir().unwrap();
            let report = match index {
                IndexPolicy::Auto => copy_remembering(&bench, &policy, &folder).await,
                _ => copy(&bench, &policy).await,
            };
            assert_eq!((report.copied(), left_out(&report).platforms), (1, 1));
            assert!(bench.same("v1") && has(&bench, &amd64) && has(&bench, &arm64) && !has(&bench, &s390x));
            assert_eq!(count(&bench.source, |request| request.path.contains(&s390x.digest)), 0);
            bench.clear();
            let again = copy(&bench, &policy).await;
            assert_eq!((again.copied(), again.skipped(), puts(&bench)), (0, 1, 0));
            let children = count(&bench.target, |request| request.path.contains("/manifests/sha256:"));
            assert_eq!(children, 2, "without a state the wanted children are asked for, one HEAD each");
        }
    }
}

#[tokio::test]
async fn with_a_state_an_unchanged_sparse_index_costs_two_questions() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(EmbeddedRegistry::builder().indexes(Indexes::Sparse)).await;
    three(&bench, "v1", Flavour::Oci, 0);
    let policy = only(IndexPolicy::Auto, &["amd64"]);
    assert_eq!(copy_remembering(&bench, &policy, &folder).await.copied(), 1);
    bench.clear();
    assert_eq!(copy_remembering(&bench, &policy, &folder).await.skipped(), 1);
    assert_eq!((counted(&bench.source).len(), counted(&bench.target).len()), (1, 1));
}

#[tokio::test]
async fn platforms_that_are_wanted_later_come_though_the_digest_is_the_same() {
    for remembers in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(EmbeddedRegistry::builder().indexes(Indexes::Sparse)).await;
        let [amd64, arm64, s390x] = three(&bench, "v1", Flavour::Oci, 0);
        let run = async |architectures: &[&str]| {
            let index = if remembers { IndexPolicy::Auto } else { IndexPolicy::Sparse };
            let policy = only(index, architectures);
            let report = if remembers {
                copy_remembering(&bench, &policy, &folder).await
            } else {
                copy(&bench, &policy).await
            };
            (report.copied(), report.skipped())
        };
        assert_eq!(run(&["amd64"]).await, (1, 0));
        assert_eq!(run(&["amd64", "arm64"]).await, (1, 0));
        assert!(bench.same("v1") && has(&bench, &amd64) && has(&bench, &arm64) && !has(&bench, &s390x));
        assert_eq!(run(&["amd64", "arm64"]).await, (0, 1));
        assert_eq!(run(&["arm64"]).await, (0, 1), "fewer are there, too");
        if remembers {
            assert_eq!(run(&[]).await, (1, 0), "all are wanted");
            assert!(has(&bench, &s390x));
            bench.clear();
            assert_eq!(run(&[]).await, (0, 1));
            assert_eq!(counted(&bench.target).len(), 1, "it is whole now, and its digest is proof enough");
        }
    }
}

#[tokio::test]
async fn a_wanted_child_that_is_lost_is_brought_again() {
    let bench = bench(EmbeddedRegistry::builder().indexes(Indexes::Sparse)).await;
    let [amd64, ..] = three(&bench, "v1", Flavour::Oci, 0);
    let policy = only(IndexPolicy::Sparse, &["amd64"]);
    copy(&bench, &policy).await;
    bench.target.store().remove_manifest("b/app", &amd64.digest);
    let (planned, decisions) = run(&bench, &policy, Mode::Plan, State::none()).await;
    assert_eq!((planned.would_copy(), decisions[0].note.is_some()), (1, true));
    assert_eq!(decisions[0].result_digest.as_ref().map(ToString::to_string), Some(digest(&bench, "v1")));
    assert_eq!(copy(&bench, &policy).await.copied(), 1);
    assert!(has(&bench, &amd64) && bench.same("v1"));
}

#[tokio::test]
async fn where_sparse_indexes_are_refused_auto_rewrites_once_and_remembers_it() {
    for indexes in [Indexes::Whole, Indexes::Invalid, Indexes::Denied] {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(EmbeddedRegistry::builder().indexes(indexes)).await;
        let [amd64, arm64, s390x] = three(&bench, "v1", Flavour::Oci, 0);
        let policy = only(IndexPolicy::Auto, &["amd64", "arm64"]);
        let report = copy_remembering(&bench, &policy, &folder).await;
        assert_eq!((report.copied(), report.failed()), (1, 0), "{indexes:?} {:?}", report.images);
        let whole = digest(&bench, "v1");
        let Outcome::Copied { at_source, digest, .. } = &report.images[0].outcome else { panic!() };
        assert_eq!((at_source.to_string(), *at_source == *digest), (whole.clone(), false));
        let kept = stored(&bench, "v1");
        let read: Value = serde_json::from_str(&kept).unwrap();
        assert_eq!(read["annotations"], json!({SOURCE_DIGEST: whole}));
        assert_eq!(read["manifests"], json!([amd64.descriptor, arm64.descriptor]));
        assert!(!has(&bench, &s390x));
        let by_tag = |request: &LoggedRequest| {
            request.method == Method::PUT && request.path.ends_with("/manifests/v1")
        };
        assert_eq!(count(&bench.target, by_tag), 2, "{indexes:?}: once in each form, no healing");

        bench.clear();
        assert_eq!(copy_remembering(&bench, &policy, &folder).await.skipped(), 1);
        assert_eq!((counted(&bench.source).len(), counted(&bench.target).len()), (1, 1));
        assert_eq!(copy(&bench, &policy).await.skipped(), 1, "also without a state");
        assert_eq!(puts(&bench), 0);

        three(&bench, "v2", Flavour::Oci, 1);
        bench.clear();
        assert_eq!(copy_remembering(&bench, &policy, &folder).await.copied(), 1);
        let by_tag = |request: &LoggedRequest| {
            request.method == Method::PUT && request.path.ends_with("/manifests/v2")
        };
        assert_eq!(count(&bench.target, by_tag), 1, "the refusal is remembered");
    }
}

#[tokio::test]
async fn a_sparse_index_that_is_refused_fails_where_nothing_else_is_wanted() {
    for indexes in [Indexes::Whole, Indexes::Invalid] {
        let bench = bench(EmbeddedRegistry::builder().indexes(indexes)).await;
        three(&bench, "v1", Flavour::Oci, 0);
        let report = copy(&bench, &only(IndexPolicy::Sparse, &["amd64"])).await;
        let error = report.errors().next().unwrap();
        assert_eq!(error.endpoint().unwrap().meaning, Meaning::SparseIndex, "{error:?}");
        assert!(bench.target.store().tags("b/app").is_empty());
        let by_tag = |request: &LoggedRequest| request.path.ends_with("/manifests/v1");
        let tried = count(&bench.target, |request| request.method == Method::PUT && by_tag(request));
        assert_eq!(tried, 1);
    }
}

#[tokio::test]
async fn an_index_that_is_rewritten_by_rule_is_never_tried_as_it_was() {
    for (index, flavour, is_marked) in [
        (IndexPolicy::Rewrite, Flavour::Oci, true),
        (IndexPolicy::Rewrite, Flavour::Docker, false),
        (IndexPolicy::Cut, Flavour::Oci, false),
    ] {
        let bench = bench(EmbeddedRegistry::builder().indexes(Indexes::Sparse)).await;
        three(&bench, "v1", flavour, 0);
        assert_eq!(copy(&bench, &only(index, &["arm64"])).await.copied(), 1);
        assert_eq!(stored(&bench, "v1").contains(SOURCE_DIGEST), is_marked, "{index:?} {flavour:?}");
        assert!(!stored(&bench, "v1").contains("s390x"));
        let by_tag = |request: &LoggedRequest| request.path.ends_with("/manifests/v1");
        assert_eq!(count(&bench.target, |request| request.method == Method::PUT && by_tag(request)), 1);
    }
}

#[tokio::test]
async fn a_plan_leaves_open_what_the_target_decides() {
    for (indexes, index, is_known) in [
        (Indexes::Whole, IndexPolicy::Auto, false),
        (Indexes::Sparse, IndexPolicy::Auto, false),
        (Indexes::Sparse, IndexPolicy::Sparse, true),
        (Indexes::Whole, IndexPolicy::Rewrite, true),
    ] {
        let bench = bench(EmbeddedRegistry::builder().indexes(indexes)).await;
        three(&bench, "v1", Flavour::Oci, 0);
        let policy = only(index, &["arm64"]);
        let folder = tempfile::tempdir().unwrap();
        let read = || State::read(&folder.path().join("state")).unwrap();
        let (planned, decisions) = run(&bench, &policy, Mode::Plan, read()).await;
        assert_eq!((planned.would_copy(), decisions[0].result_digest.is_some()), (1, is_known), "{index:?}");
        let report = copy_remembering(&bench, &policy, &folder).await;
        let Outcome::Copied { digest, .. } = &report.images[0].outcome else { panic!("{report:?}") };
        let expected = decisions[0].result_digest.as_ref();
        assert!(expected.is_none_or(|expected| expected == digest));
        let (_, decisions) = run(&bench, &policy, Mode::Plan, read()).await;
        assert_eq!(decisions[0].result_digest.as_ref(), Some(digest));
    }
}

/// The two kinds of attestations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Image,
    Artifact,
}

/// An attestation of an image, as `BuildKit` makes it.
fn attestation(bench: &Bench, shape: Shape, of: &Sample) -> Sample {
    let store = bench.source.store();
    let statement = format!("{{\"subject\": \"{}\"}}", of.digest);
    let layer = store.put_blob("a/app", statement.clone());
    let (kind, config) = match shape {
        Shape::Image => {
            ("application/vnd.oci.image.config.v1+json", r#"{"os":"unknown","architecture":"unknown"}"#)
        }
        Shape::Artifact => ("application/vnd.oci.empty.v1+json", "{}"),
    };
    let mut manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": kind, "digest": store.put_blob("a/app", config), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.in-toto+json", "digest": layer, "size": statement.len()}],
    });
    if shape == Shape::Artifact {
        manifest["artifactType"] = json!("application/vnd.docker.attestation.manifest.v1+json");
        manifest["subject"] = json!({"mediaType": MANIFEST, "digest": of.digest, "size": of.size});
    }
    let text = manifest.to_string();
    let digest = oci::Digest::sha256(text.as_bytes()).to_string();
    store.put_manifest("a/app", &digest, MANIFEST, text.clone());
    let descriptor = json!({
        "mediaType": MANIFEST, "digest": digest, "size": text.len(),
        "annotations": {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": of.digest},
        "platform": {"os": "unknown", "architecture": "unknown"},
    });
    Sample { digest, size: text.len(), media_type: MANIFEST.to_owned(), descriptor }
}

/// An index of an image and its attestation.
fn attested(bench: &Bench, shape: Shape) -> [Sample; 2] {
    let amd64 = image(bench, 1, "amd64");
    let children = [amd64.clone(), attestation(bench, shape, &amd64)];
    sample::index(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, &children);
    children
}

fn drop_attestations() -> Policy {
    Policy { attestations: AttestationPolicy::Drop, ..Policy::default() }
}

fn refusing() -> HashMap<&'static str, fn() -> Builder> {
    let builders: [(_, fn() -> Builder); 4] = [
        ("400", || EmbeddedRegistry::builder().attestations(Attestations::Refused)),
        ("403", || EmbeddedRegistry::builder().attestations(Attestations::Denied)),
        ("400 for the index", || EmbeddedRegistry::builder().attestations(Attestations::RefusedInIndexes)),
        ("acr", embedded_registry::preset::acr_personal),
    ];
    builders.into()
}

#[tokio::test]
async fn attestations_that_are_refused_are_left_out_where_the_rule_says_so() {
    for (name, builder) in refusing() {
        for shape in [Shape::Image, Shape::Artifact] {
            let bench = bench(builder()).await;
            let [amd64, attestation] = attested(&bench, shape);
            let report = copy(&bench, &drop_attestations()).await;
            assert_eq!((report.copied(), report.failed()), (1, 0), "{name} {shape:?} {:?}", report.images);
            if name == "acr" && shape == Shape::Image {
                assert!(bench.same("v1") && has(&bench, &attestation), "what is taken is kept");
                continue;
            }
            assert_eq!(left_out(&report), LeftOut { platforms: 0, attestations: 1 });
            let read: Value = serde_json::from_str(&stored(&bench, "v1")).unwrap();
            assert_eq!(read["manifests"], json!([amd64.descriptor]));
            assert_eq!(read["annotations"], json!({SOURCE_DIGEST: digest(&bench, "v1")}));
            bench.clear();
            let again = copy(&bench, &drop_attestations()).await;
            assert_eq!((again.skipped(), puts(&bench)), (1, 0), "{name} {shape:?}");
        }
    }
}

#[tokio::test]
async fn attestations_that_are_kept_fail_where_they_are_refused() {
    for name in ["400", "403", "acr"] {
        let bench = bench(refusing()[name]()).await;
        attested(&bench, Shape::Artifact);
        let report = copy(&bench, &Policy::default()).await;
        let error = report.errors().next().unwrap();
        assert_eq!(error.endpoint().unwrap().meaning, Meaning::Attestation, "{name} {error:?}");
        assert!(bench.target.store().tags("b/app").is_empty());
    }
}

#[tokio::test]
async fn attestations_that_are_taken_stay_where_they_may_be_left_out() {
    for shape in [Shape::Image, Shape::Artifact] {
        let bench = bench(EmbeddedRegistry::builder()).await;
        attested(&bench, shape);
        assert_eq!(copy(&bench, &drop_attestations()).await.copied(), 1);
        assert!(bench.same("v1"));
        bench.clear();
        assert_eq!(copy(&bench, &drop_attestations()).await.skipped(), 1);
        assert_eq!((counted(&bench.source).len(), counted(&bench.target).len()), (1, 1));
    }
}

#[tokio::test]
async fn what_refers_to_something_left_out_is_left_out_and_counted() {
    let bench = bench(EmbeddedRegistry::builder().attestations(Attestations::Denied)).await;
    let [amd64, attestation] = attested(&bench, Shape::Artifact);
    let store = bench.source.store();
    let of_attestation = sample::referrer(store, "a/app", &attestation, "test/signature", &["s".into()]);
    let of_amd64 = sample::referrer(store, "a/app", &amd64, "test/sbom", &["b".into()]);
    let policy = Policy { referrers: ReferrerPolicy::Copy, ..drop_attestations() };
    let report = copy(&bench, &policy).await;
    assert_eq!((report.copied(), report.failed()), (1, 0), "{:?}", report.images);
    assert!(has(&bench, &of_amd64) && !has(&bench, &of_attestation) && !has(&bench, &attestation));
    let amounts = report.amounts();
    assert_eq!((amounts.referrers, amounts.referrers_left), (1, 2), "the attestation is a referrer, too");

    let bench = self::bench(EmbeddedRegistry::builder()).await;
    let [amd64, _, s390x] = three(&bench, "v1", Flavour::Oci, 0);
    let signature =
        |of: &Sample| sample::referrer(bench.source.store(), "a/app", of, "test/signature", &["s".into()]);
    let (kept, left) = (signature(&amd64), signature(&s390x));
    let policy = Policy { referrers: ReferrerPolicy::Copy, ..only(IndexPolicy::Auto, &["amd64"]) };
    let report = copy(&bench, &policy).await;
    assert!(has(&bench, &kept) && !has(&bench, &left));
    assert_eq!((report.amounts().referrers, report.amounts().referrers_left), (1, 1));
}

#[tokio::test]
async fn sparse_and_without_attestations_at_once() {
    let bench = bench(EmbeddedRegistry::builder().attestations(Attestations::Denied)).await;
    let [amd64, arm64] = [(1, "amd64"), (2, "arm64")].map(|(number, name)| image(&bench, number, name));
    let mut attestation = attestation(&bench, Shape::Artifact, &amd64);
    // With a platform, so that no filter removes it.
    attestation.descriptor["platform"] = amd64.descriptor["platform"].clone();
    let children = [amd64.clone(), arm64, attestation];
    sample::index(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, &children);
    let policy = Policy { attestations: AttestationPolicy::Drop, ..only(IndexPolicy::Auto, &["amd64"]) };
    let report = copy(&bench, &policy).await;
    assert_eq!(left_out(&report), LeftOut { platforms: 1, attestations: 1 });
    let read: Value = serde_json::from_str(&stored(&bench, "v1")).unwrap();
    assert_eq!(read["manifests"], json!([amd64.descriptor]));
    bench.clear();
    let again = copy(&bench, &policy).await;
    assert!(matches!(&again.images[0].outcome, Outcome::Skipped(SkipReason::Unchanged(_))), "{again:?}");
    assert_eq!(puts(&bench), 0);
}
