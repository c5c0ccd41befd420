//! Whole runs between embedded registries: what is copied, and which requests are saved.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use embedded_registry::sample::{self, Flavour, Sample};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, LoggedRequest, Match, Mounts, Times};
use endpoints::RegistryEndpoint;
use http::Method;
use oci::{ErrorKind, Tag, TagOrDigest};
use registry::{Registry, Security, Settings, Transport};
use sync::{
    Event, Naming, Observer, Options, Outcome, Rule, RuleTarget, Selection, Side, Silent, Stamp, Sync,
};
use tokio_util::sync::CancellationToken;

use crate::fake::with_policy;
use crate::whole_report::{RunWhole, WholeReport};

pub(crate) struct Bench {
    pub(crate) source: EmbeddedRegistry,
    pub(crate) target: EmbeddedRegistry,
}

pub(crate) fn client(server: &EmbeddedRegistry) -> Registry {
    let host = server.host().parse().unwrap();
    let settings = Settings { security: Security::INSECURE, ..Settings::new(host) };
    Registry::new(settings, Transport::new("test", &[]).unwrap())
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let source = EmbeddedRegistry::builder().start().await.unwrap();
        let target = EmbeddedRegistry::builder().start().await.unwrap();
        Self { source, target }
    }

    pub(crate) fn image(&self, repository: &str, tag: &str, layers: &[u64]) -> Sample {
        let layers: Vec<_> = layers.iter().map(|number| sample::layer(*number, 20_000)).collect();
        sample::image(self.source.store(), repository, Some(tag), Flavour::Oci, &layers, "amd64")
    }

    pub(crate) fn rule(&self, from: &str, selection: Selection, to: &[&str]) -> Rule {
        let target = client(&self.target);
        let targets = to.iter().map(|name| RuleTarget {
            target: Arc::new(RegistryEndpoint::target(&target, &name.parse().unwrap())),
            naming: Naming::Same,
        });
        Rule {
            source: Arc::new(RegistryEndpoint::source(&client(&self.source), &from.parse().unwrap())),
            selection,
            targets: targets.collect(),
            policy: Arc::default(),
        }
    }

    /// Copies all tags of `a/app` to `b/app`.
    pub(crate) async fn copy(&self) -> WholeReport {
        run(vec![self.rule("a/app", Selection::All, &["b/app"])], 0).await
    }

    pub(crate) fn clear(&self) {
        self.source.clear_requests();
        self.target.clear_requests();
    }

    pub(crate) fn same(&self, tag: &str) -> bool {
        let here = self.source.store().manifest("a/app", tag);
        here.is_some() && here == self.target.store().manifest("b/app", tag)
    }
}

pub(crate) async fn run(rules: Vec<Rule>, retries: u32) -> WholeReport {
    Sync::new(rules, Options::new(4, retries), Arc::new(Silent)).run_whole(CancellationToken::new()).await
}

/// Requests except pings and tag lists.
pub(crate) fn counted(server: &EmbeddedRegistry) -> Vec<LoggedRequest> {
    server.requests().into_iter().filter(|request| !request.is_ping() && !request.is_tag_list()).collect()
}

fn lines(server: &EmbeddedRegistry) -> Vec<String> {
    counted(server).iter().map(LoggedRequest::line).collect()
}

pub(crate) fn count(server: &EmbeddedRegistry, wanted: impl Fn(&LoggedRequest) -> bool) -> usize {
    server.requests().iter().filter(|request| wanted(request)).count()
}

fn failure(report: &WholeReport) -> &sync::Error {
    report.errors().next().unwrap()
}

#[tokio::test]
async fn b21_a_cold_image_costs_three_requests_a_blob_two_a_manifest_and_one_a_repository() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1, 2, 3]);
    let report = bench.copy().await;
    assert_eq!((report.copied(), report.amounts().moved_bytes > 60_000), (1, true));
    assert!(bench.same("v1"));
    let blobs = 4;
    let requests = counted(&bench.source).len() + counted(&bench.target).len();
    assert_eq!(requests, 3 * blobs + 2 + 1, "{:?} {:?}", lines(&bench.source), lines(&bench.target));
    assert_eq!(count(&bench.target, LoggedRequest::is_tag_list), 1);
}

#[tokio::test]
async fn an_unchanged_tag_costs_one_head_on_each_side() {
    let bench = Bench::start().await;
    for tag in ["v1", "v2", "v3"] {
        bench.image("a/app", tag, &[1, 2]);
    }
    assert_eq!(bench.copy().await.copied(), 3);
    bench.clear();
    let report = bench.copy().await;
    assert_eq!((report.copied(), report.skipped(), report.amounts().moved_bytes), (0, 3, 0));
    for side in [&bench.source, &bench.target] {
        assert!(counted(side).iter().all(|request| request.method == Method::HEAD), "{:?}", lines(side));
        assert_eq!(counted(side).len(), 3);
    }
}

#[tokio::test]
async fn a_changed_tag_sends_only_what_is_new() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1, 2, 3]);
    bench.copy().await;
    bench.image("a/app", "v1", &[1, 2, 4]);
    bench.clear();
    assert_eq!(bench.copy().await.copied(), 1);
    assert!(bench.same("v1"));
    let new_blobs = 2;
    assert_eq!(count(&bench.target, LoggedRequest::is_upload_start), new_blobs);
    assert_eq!(count(&bench.source, |request| request.is_blob(&Method::GET)), new_blobs);
    // The old manifest proves the other blobs, and opening an upload session tells for the new ones.
    assert_eq!(count(&bench.target, |request| request.is_blob(&Method::HEAD)), 0);
}

#[tokio::test]
async fn a_new_name_for_an_image_that_is_there_costs_no_blob() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1, 2]);
    bench.copy().await;
    let image = bench.source.store().manifest("a/app", "v1").unwrap();
    bench.source.store().put_manifest("a/app", "latest", &image.media_type, image.bytes);
    bench.clear();
    assert_eq!(bench.copy().await.copied(), 1);
    assert!(bench.same("latest"));
    assert_eq!(count(&bench.target, |request| request.is_upload() && request.method != Method::POST), 0);
    assert!(count(&bench.target, LoggedRequest::is_upload) <= 3);
    assert_eq!(count(&bench.source, |request| request.is_blob(&Method::GET)), 0);
}

#[tokio::test]
async fn layers_that_images_share_move_once_and_are_mounted_elsewhere() {
    let bench = Bench::start().await;
    for number in 0..6 {
        bench.image("a/app", &format!("v{number}"), &[1, 2, 10 + number]);
    }
    let rules = vec![
        bench.rule("a/app", Selection::All, &["b/app"]),
        bench.rule("a/app", Selection::All, &["c/app"]),
    ];
    let report = run(rules, 0).await;
    assert_eq!(report.copied(), 12);
    let distinct = 2 + 6 + 6;
    assert_eq!(count(&bench.source, |request| request.is_blob(&Method::GET)), distinct);
    assert_eq!(
        count(&bench.target, |request| request.method == Method::PUT && request.is_upload()),
        distinct
    );
    assert_eq!(count(&bench.target, |request| request.is_upload_start() && request.status == 201), distinct);
    assert!(report.amounts().saved_bytes() > report.amounts().moved_bytes);
}

#[tokio::test]
async fn several_targets_of_one_rule_are_fed_from_one_read() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1, 2]);
    let other = EmbeddedRegistry::builder().start().await.unwrap();
    let mut rule = bench.rule("a/app", Selection::All, &["b/app"]);
    rule.targets.push(RuleTarget {
        target: Arc::new(RegistryEndpoint::target(&client(&other), &"x/app".parse().unwrap())),
        naming: Naming::Same,
    });
    let report = run(vec![rule], 0).await;
    assert_eq!(report.copied(), 2);
    assert_eq!(count(&bench.source, |request| request.is_blob(&Method::GET)), 3);
    assert_eq!(count(&bench.source, |request| request.is_manifest(&Method::GET)), 1);
    assert_eq!(other.store().manifest("x/app", "v1"), bench.source.store().manifest("a/app", "v1"));
}

#[tokio::test]
async fn a_dead_target_leaves_the_other_alone() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1, 2]);
    let dead = EmbeddedRegistry::builder().start().await.unwrap();
    let effect = Effect::refuse(403, "DENIED", "quota exceeded");
    dead.misbehave(Fault { when: Match::new(Method::PUT, "/uploads/"), times: Times::Always, effect });
    let mut rule = bench.rule("a/app", Selection::All, &["b/app"]);
    rule.targets.push(RuleTarget {
        target: Arc::new(RegistryEndpoint::target(&client(&dead), &"x/app".parse().unwrap())),
        naming: Naming::Same,
    });
    let report = run(vec![rule], 0).await;
    assert_eq!((report.copied(), report.failed()), (1, 1));
    assert!(bench.same("v1"));
    assert!(dead.store().tags("x/app").is_empty());
    assert_eq!((failure(&report).side, failure(&report).kind()), (Side::Target, Some(ErrorKind::Denied)));
}

#[tokio::test]
async fn b6_b17_c10_indexes_inside_indexes_arrive_children_first_and_by_digest() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    let child = |number, architecture| {
        sample::image(store, "a/app", None, Flavour::Docker, &[sample::layer(number, 900)], architecture)
    };
    let inner = sample::index(store, "a/app", None, Flavour::Oci, &[child(1, "amd64"), child(2, "arm64")]);
    sample::index(store, "a/app", Some("v1"), Flavour::Oci, &[inner, child(3, "s390x")]);
    let report = bench.copy().await;
    assert_eq!(report.copied(), 1);
    assert!(bench.same("v1"));
    let puts: Vec<_> =
        counted(&bench.target).into_iter().filter(|request| request.is_manifest(&Method::PUT)).collect();
    assert_eq!(puts.len(), 5);
    assert!(puts[4].path.ends_with("/manifests/v1"), "the tag comes last");
    assert!(puts[..4].iter().all(|request| request.path.contains("/manifests/sha256:")));
}

#[tokio::test]
async fn one_bad_image_does_not_stop_the_others_and_leaves_the_old_tag() {
    let bench = Bench::start().await;
    bench.image("a/app", "bad", &[1]);
    bench.copy().await;
    let old = bench.target.store().manifest("b/app", "bad");
    bench.image("a/app", "bad", &[2]);
    bench.image("a/app", "good", &[3]);
    let lost = sample::layer(2, 20_000);
    let digest = oci::Digest::sha256(&lost).to_string();
    bench.source.store().remove_blob("a/app", &digest);
    let report = bench.copy().await;
    assert_eq!((report.copied(), report.failed()), (1, 1));
    assert_eq!(bench.target.store().manifest("b/app", "bad"), old);
    assert!(bench.same("good"));
    let error = failure(&report);
    assert_eq!((error.side, error.kind()), (Side::Source, Some(ErrorKind::NotFound)));
    assert!(error.to_string().contains(&oci::Digest::sha256(&lost).short()), "{error}");
    assert_eq!(bench.target.store().open_uploads(), 0, "c43: the upload was cancelled");
}

#[tokio::test]
async fn c05_corrupt_bytes_are_read_again_and_never_committed() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    let corrupt =
        |times| Fault { when: Match::new(Method::GET, "/blobs/"), times, effect: Effect::CorruptByteAt(5) };
    bench.source.misbehave(corrupt(Times::Always));
    let report = bench.copy().await;
    assert_eq!((report.failed(), failure(&report).kind()), (1, Some(ErrorKind::Mismatch)));
    assert!(bench.target.store().tags("b/app").is_empty());
    bench.source.behave();
    bench.source.misbehave(corrupt(Times::First(1)));
    let report = run(vec![bench.rule("a/app", Selection::All, &["b/app"])], 2).await;
    assert_eq!(report.copied(), 1);
    assert!(bench.same("v1"));
}

#[tokio::test]
async fn c53_a_registry_that_lost_a_blob_gets_it_again() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1, 2]);
    bench.copy().await;
    // The target's storage lost a layer, which the old manifest still names.
    let lost = oci::Digest::sha256(&sample::layer(1, 20_000)).to_string();
    bench.target.store().remove_blob("b/app", &lost);
    bench.image("a/app", "v1", &[1, 2, 3]);
    let report = bench.copy().await;
    assert_eq!((report.copied(), report.failed()), (1, 0));
    assert!(bench.same("v1"));
    assert!(bench.target.store().blob("b/app", &lost).is_some());
}

#[tokio::test]
async fn c67_passing_failures_are_tried_again_permanent_ones_are_not() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1, 2]);
    let passing = Effect::refuse(503, "UNAVAILABLE", "later");
    bench.target.misbehave(Fault {
        when: Match::new(Method::POST, "/uploads/"),
        times: Times::First(2),
        effect: passing,
    });
    let cut = Effect::CutBodyAfter(100);
    bench.source.misbehave(Fault {
        when: Match::new(Method::GET, "/blobs/"),
        times: Times::First(1),
        effect: cut,
    });
    let report = run(vec![bench.rule("a/app", Selection::All, &["b/app"])], 4).await;
    assert_eq!(report.copied(), 1);
    assert!(bench.same("v1"));

    bench.image("a/app", "v2", &[9]);
    let refused = Effect::refuse(400, "MANIFEST_INVALID", "not this");
    bench.target.misbehave(Fault {
        when: Match::new(Method::PUT, "/manifests/v2"),
        times: Times::Always,
        effect: refused,
    });
    bench.clear();
    let report = run(vec![bench.rule("a/app", Selection::All, &["b/app"])], 4).await;
    assert_eq!(report.failed(), 1);
    assert_eq!(count(&bench.target, |request| request.is_manifest(&Method::PUT)), 1);
}

#[tokio::test]
async fn a_registry_that_declines_mounts_gets_the_bytes_again() {
    let source = EmbeddedRegistry::builder().start().await.unwrap();
    let target = EmbeddedRegistry::builder().mounts(Mounts::Declined).start().await.unwrap();
    let bench = Bench { source, target };
    bench.image("a/app", "v1", &[1, 2, 3]);
    let rules = ["b/app", "c/app", "d/app"].map(|to| bench.rule("a/app", Selection::All, &[to]));
    let report = run(rules.into(), 0).await;
    assert_eq!(report.copied(), 3);
    assert_eq!(count(&bench.target, |request| request.method == Method::PUT && request.is_upload()), 12);
    assert_eq!(bench.target.store().open_uploads(), 0, "c46: a declined mount is the upload session");
}

fn tag(text: &str) -> TagOrDigest {
    TagOrDigest::Tag(text.parse::<Tag>().unwrap())
}

#[tokio::test]
async fn c21_tags_that_are_named_are_not_listed() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    bench.image("a/app", "v2", &[2]);
    let selection = Selection::These(vec![tag("v1"), tag("none")]);
    let report = run(vec![bench.rule("a/app", selection, &["b/app"])], 0).await;
    assert_eq!((report.copied(), report.failed()), (1, 1));
    assert_eq!(count(&bench.source, LoggedRequest::is_tag_list), 0);
    assert_eq!(bench.target.store().tags("b/app"), ["v1"]);
}

#[tokio::test]
async fn names_are_paired_by_position_and_their_number_must_agree() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    bench.image("a/app", "v2", &[2]);
    let paired = |names: &[&str]| {
        let mut rule = bench.rule("a/app", Selection::All, &["b/app"]);
        rule.targets[0].naming = Naming::These(names.iter().map(|name| Some(tag(name))).collect());
        rule
    };
    let report = run(vec![paired(&["x"])], 0).await;
    assert_eq!((report.images.len(), report.failed_rules.len()), (0, 1));
    assert!(failure(&report).cause.to_string().contains("selects 2 images"), "{}", failure(&report).cause);
    let report = run(vec![paired(&["x", "y"])], 0).await;
    assert_eq!(report.copied(), 2);
    assert_eq!(bench.target.store().tags("b/app"), ["x", "y"]);
}

#[tokio::test]
async fn e22_of_two_images_for_one_name_the_later_is_copied_and_the_same_copy_twice_is_one() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    let later = bench.image("a/other", "v1", &[2]);
    let rules = vec![
        bench.rule("a/app", Selection::All, &["b/app"]),
        bench.rule("a/app", Selection::All, &["b/app"]),
        bench.rule("a/other", Selection::All, &["b/app"]),
    ];
    let report = run(rules, 0).await;
    assert_eq!((report.copied(), report.images.len()), (1, 1));
    let tags = bench.target.store().manifest("b/app", "v1");
    assert_eq!(tags, bench.target.store().manifest("b/app", &later.digest));
}

#[tokio::test]
async fn an_image_by_digest_keeps_it_or_is_refused() {
    let bench = Bench::start().await;
    let image = bench.image("a/app", "v1", &[1]);
    let digest = TagOrDigest::Digest(image.digest.parse().unwrap());
    let report = run(vec![bench.rule("a/app", Selection::These(vec![digest.clone()]), &["b/app"])], 0).await;
    assert_eq!(report.copied(), 1);
    assert!(bench.target.store().manifest("b/app", &image.digest).is_some());
    assert!(bench.target.store().tags("b/app").is_empty());

    let mut rule = bench.rule("a/app", Selection::These(vec![tag("v1")]), &["c/app"]);
    let other = oci::Digest::sha256(b"other");
    rule.targets[0].naming = Naming::These(vec![Some(TagOrDigest::Digest(other))]);
    let report = run(vec![rule], 0).await;
    assert_eq!(report.failed(), 1);
    assert_eq!(
        count(&bench.target, |request| request.path.contains("c/app") && request.method == Method::PUT),
        0
    );
}

/// Cancels the run with the first transferred byte.
struct CancelOnBytes(CancellationToken);

impl Observer for CancelOnBytes {
    fn event(&self, _: &Stamp, event: &Event) {
        if matches!(event, Event::BytesMoved { .. }) {
            self.0.cancel();
        }
    }
}

#[tokio::test]
async fn a_cancelled_run_says_what_was_not_done_and_the_next_one_does_it() {
    let bench = Bench::start().await;
    for number in 0..100 {
        bench.image("a/app", &format!("v{number}"), &[number]);
    }
    bench.source.misbehave(Fault {
        when: Match::new(Method::GET, "/blobs/"),
        times: Times::After(10, 1_000),
        effect: Effect::Delay(Duration::from_millis(50)),
    });
    let cancel = CancellationToken::new();
    let rules = vec![bench.rule("a/app", Selection::All, &["b/app"])];
    let observer = Arc::new(CancelOnBytes(cancel.clone()));
    let report = Sync::new(rules, Options::new(4, 0), observer).run_whole(cancel).await;
    assert!(report.not_done() > 0 && report.failed() == 0, "{report:?}");
    assert_eq!(report.copied() + report.not_done(), report.images.len());
    bench.source.behave();
    let report = bench.copy().await;
    assert_eq!(report.copied() + report.skipped(), 100);
}

#[tokio::test]
async fn b3_a_panic_is_that_images_failure() {
    struct PanicsOnce;

    impl Observer for PanicsOnce {
        fn event(&self, _: &Stamp, event: &Event) {
            if let Event::BlobStarted { image, .. } = event {
                assert!(image.target_reference != tag("bad"), "told to break");
            }
        }
    }

    let bench = Bench::start().await;
    bench.image("a/app", "bad", &[1]);
    bench.image("a/app", "good", &[2]);
    let rules = vec![bench.rule("a/app", Selection::All, &["b/app"])];
    let options = Options::new(4, 0);
    let report = Sync::new(rules, options, Arc::new(PanicsOnce)).run_whole(CancellationToken::new()).await;
    assert_eq!((report.copied(), report.failed()), (1, 1));
    let bad = report.images.iter().find(|image| image.image.target_reference == tag("bad")).unwrap();
    assert!(
        matches!(&bad.outcome, Outcome::Failed(error) if error.cause.to_string().contains("told to break"))
    );
}

#[tokio::test]
async fn b16_artifacts_of_any_kind_and_manifests_without_blobs_arrive() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    let payload = store.put_blob("a/app", "wasm");
    let empty = store.put_blob("a/app", "{}");
    let artifact = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/wasm",
        "config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{empty}","size":2,"data":"e30="}},
        "layers":[{{"mediaType":"application/wasm","digest":"{payload}","size":4}}],"x-unknown":[1.50]}}"#
    );
    store.put_manifest("a/app", "wasm", "application/vnd.oci.image.manifest.v1+json", Bytes::from(artifact));
    let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    store.put_manifest("a/app", "empty", "application/vnd.oci.image.index.v1+json", index);
    assert_eq!(bench.copy().await.copied(), 2);
    assert!(bench.same("wasm") && bench.same("empty"));
}

#[tokio::test]
async fn c15_a_foreign_layer_is_copied_where_the_source_has_it_and_else_left_out() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    let kept = store.put_blob("a/app", "kept");
    let lost = oci::Digest::sha256(b"lost");
    let layer = |digest: &str| {
        format!(
            r#"{{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"{digest}","size":4,
                "urls":["http://127.0.0.1:1/no-tls","https://127.0.0.1:1/private"]}}"#
        )
    };
    let manifest =
        format!(r#"{{"schemaVersion":2,"layers":[{},{}]}}"#, layer(&kept), layer(&lost.to_string()));
    store.put_manifest("a/app", "windows", "application/vnd.docker.distribution.manifest.v2+json", manifest);
    let report = bench.copy().await;
    assert_eq!((report.copied(), report.failed(), report.amounts().moved_bytes), (1, 0, 4));
    assert!(bench.same("windows"));
    assert!(bench.target.store().blob("b/app", &kept).is_some());
    assert_eq!(bench.target.store().open_uploads(), 0);
}

#[tokio::test]
async fn b5_an_index_can_be_named_by_its_digest() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    let child = sample::image(store, "a/app", None, Flavour::Oci, &[sample::layer(1, 900)], "amd64");
    let index = sample::index(store, "a/app", None, Flavour::Oci, &[child]);
    let digest = TagOrDigest::Digest(index.digest.parse().unwrap());
    let report = run(vec![bench.rule("a/app", Selection::These(vec![digest]), &["b/app"])], 0).await;
    assert_eq!(report.copied(), 1);
    let (here, there) =
        (store.manifest("a/app", &index.digest), bench.target.store().manifest("b/app", &index.digest));
    assert!(here.is_some() && here == there);
}

#[tokio::test]
async fn b24_a_repository_without_tags_is_no_failure() {
    let bench = Bench::start().await;
    bench.source.store().put_blob("a/app", "a blob that no tag needs");
    let report = bench.copy().await;
    assert_eq!((report.images.len(), report.failed_rules.len()), (0, 0));
}

#[tokio::test]
async fn c53_a_registry_that_does_not_see_its_blobs_yet_is_given_a_moment_whatever_retries_says() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1, 2]);
    bench.target.misbehave(Fault {
        when: Match::put("/manifests/"),
        times: Times::First(2),
        effect: Effect::refuse(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"),
    });
    let report = bench.copy().await;
    assert_eq!((report.copied(), report.failed()), (1, 0));
    assert!(bench.same("v1"));
    let uploads = bench.target.requests().iter().filter(|request| request.method == Method::PUT).count();
    assert_eq!(uploads, 3 + 3, "three blobs once, the manifest three times");
}

#[tokio::test]
async fn c38_a_blob_that_breaks_on_either_side_goes_on_within_one_try() {
    let bench = Bench::start().await;
    let layer = sample::layer(9, 20 << 20);
    sample::image(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, &[layer], "amd64");
    let once = |when, effect| Fault { when, times: Times::First(1), effect };
    bench.source.misbehave(once(Match::get("/blobs/"), Effect::CutBodyAfter(7 << 20)));
    bench.target.misbehave(once(Match::patch("/uploads/"), Effect::CutRequestAfter(13 << 20)));
    let report = run(vec![bench.rule("a/app", Selection::All, &["b/app"])], 3).await;
    assert_eq!((report.copied(), report.failed()), (1, 0));
    assert!(bench.same("v1"));
    let received: u64 = bench.target.requests().iter().map(|request| request.received_bytes).sum();
    assert!(received < (22 << 20), "what had arrived was not sent again: {received}");
    let posts = bench.target.requests().iter().filter(|request| request.method == Method::POST).count();
    assert_eq!(posts, 2, "a session for each blob");
}

#[tokio::test]
async fn c66_a_registry_that_says_when_to_come_back_is_left_alone_until_then() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    bench.target.misbehave(Fault {
        when: Match::post("/uploads/"),
        times: Times::First(3),
        effect: Effect::too_many_requests("1"),
    });
    let report = run(vec![bench.rule("a/app", Selection::All, &["b/app"])], 1).await;
    assert_eq!(report.failed(), 0, "being told to wait is no failure: {:?}", report.images);
}

#[tokio::test]
async fn c54_a_tag_that_may_not_be_set_again_is_fine_where_it_points_there_already() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    assert_eq!(bench.copy().await.copied(), 1);
    let immutable = Fault {
        when: Match::put("/manifests/v1"),
        times: Times::Always,
        effect: Effect::refuse(
            412,
            "PRECONDITION",
            "Failed to process request due to 'a/app:v1' configured as immutable.",
        ),
    };
    bench.target.misbehave(immutable);
    // A target that does not tell what it has gets only the push.
    let force = |rules: Vec<Rule>| {
        Sync::new(rules, Options::new(4, 0), Arc::new(Silent)).run_whole(CancellationToken::new())
    };
    let always = |policy: &mut sync::Policy| policy.rewrite = sync::Rewrite::Always;
    let rule = || vec![with_policy(bench.rule("a/app", Selection::All, &["b/app"]), always)];
    assert_eq!(force(rule()).await.failed(), 0);
    bench.image("a/app", "v1", &[2]);
    let report = force(rule()).await;
    assert_eq!(report.failed(), 1, "another image under an immutable tag is a conflict");
}
