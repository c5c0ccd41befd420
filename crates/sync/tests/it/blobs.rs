//! How often a blob is sent, mounted and tried, when registries refuse, decline or give wrong answers.

use std::sync::Arc;
use std::time::Duration;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, LoggedRequest, Match, Mounts, Times};
use futures_util::future::join_all;
use http::Method;
use oci::{Digest, MediaType, RawManifest};
use sync::{BlobOutcome, Event, Naming, Options, Rule, RuleTarget, Selection, Side, Silent, Sync};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, count};
use crate::fake::{Fake, Page};
use crate::graph::Diary;
use crate::whole_report::{RunWhole, WholeReport};

const LAYER: usize = 20_000;

async fn run(rules: Vec<Rule>, retries: u32) -> WholeReport {
    Sync::new(rules, Options::new(16, retries), Arc::new(Silent)).run_whole(CancellationToken::new()).await
}

fn image(bench: &Bench, repository: &str, tag: &str, layers: &[u64]) {
    let layers: Vec<_> = layers.iter().map(|number| sample::layer(*number, LAYER)).collect();
    sample::image(bench.source.store(), repository, Some(tag), Flavour::Oci, &layers, "amd64");
}

/// The blobs of an image, by digest.
fn blobs(bench: &Bench, repository: &str, tag: &str) -> Vec<String> {
    let stored = bench.source.store().manifest(repository, tag).unwrap();
    let manifest = RawManifest::from_answer(&MediaType::OCI_MANIFEST, stored.bytes, None).unwrap();
    manifest.links().unwrap().blobs.into_iter().map(|blob| blob.digest.to_string()).collect()
}

/// The end of the URL that closes a layer's upload session.
fn hex(layer: u64) -> String {
    Digest::sha256(&sample::layer(layer, LAYER)).to_string().split_off("sha256:".len())
}

fn always(bench: &Bench, when: Match, effect: Effect) {
    bench.target.misbehave(Fault { when, times: Times::Always, effect });
}

/// How many bodies of layers were sent to the target, whatever it answered.
fn bodies(bench: &Bench) -> usize {
    count(&bench.target, |request| request.is_upload() && request.received_bytes >= LAYER as u64)
}

#[tokio::test]
async fn e17_a_body_that_is_refused_each_time_is_sent_as_often_as_the_retries_say() {
    let refusals = [
        (404, "BLOB_UPLOAD_UNKNOWN", 0),
        (404, "UNKNOWN", 0),
        (400, "BLOB_UPLOAD_INVALID", 0),
        // One renewal of the token does not count as a try.
        (401, "UNAUTHORIZED", 1),
        (416, "RANGE_INVALID", 1),
        (409, "CONFLICT", 1),
    ];
    for (status, code, free) in refusals {
        for retries in [0, 1] {
            let bench = Bench::start().await;
            image(&bench, "a/app", "v1", &[1]);
            always(&bench, Match::put(&hex(1)), Effect::refuse(status, code, "no"));
            let report = run(vec![bench.rule("a/app", Selection::All, &["b/app"])], retries).await;
            assert_eq!(report.failed(), 1, "{status}");
            assert_eq!(bodies(&bench), 1 + free + retries as usize, "{status} {code} at {retries} retries");
        }
    }
}

#[tokio::test]
async fn e17_a_session_that_was_closed_by_the_same_put_before_has_not_failed() {
    let bench = Bench::start().await;
    image(&bench, "a/app", "v1", &[1]);
    for blob in blobs(&bench, "a/app", "v1") {
        let bytes = bench.source.store().blob("a/app", &blob).unwrap();
        bench.target.store().put_blob("b/app", bytes);
    }
    always(&bench, Match::put("/uploads/"), Effect::refuse(404, "BLOB_UPLOAD_UNKNOWN", "no"));
    let report = run(vec![bench.rule("a/app", Selection::All, &["b/app"])], 0).await;
    assert_eq!((report.copied(), bodies(&bench)), (1, 1));
    assert_eq!(count(&bench.target, |request| request.is_blob(&Method::HEAD)), 2, "one look at each blob");
}

#[tokio::test]
async fn e14_a_blob_that_was_mounted_and_is_not_there_is_sent_and_mounts_are_not_believed_again() {
    let bench = Bench::start().await;
    for (repository, layers) in [("a/1", [1, 2]), ("a/2", [1, 2]), ("a/3", [2, 3]), ("a/4", [2, 3])] {
        image(&bench, repository, "v1", &layers);
    }
    let rule = |name: &str| bench.rule(&format!("a/{name}"), Selection::All, &[&format!("b/{name}")]);
    let created = Effect::Status { code: 201, body: String::new(), headers: Vec::new() };
    always(&bench, Match::post("mount="), created);
    assert_eq!(run(vec![rule("1")], 0).await.copied(), 1, "there is nothing to mount from");
    bench.clear();
    let report = Sync::new(vec![rule("1"), rule("2")], Options::new(16, 0), Arc::new(Silent));
    let report = report.run_whole(CancellationToken::new()).await;
    assert_eq!((report.copied(), report.skipped()), (1, 1), "{:?}", report.errors().collect::<Vec<_>>());
    assert_eq!(bodies(&bench), 2, "both layers, once");
    assert_eq!(bench.target.store().blob_count("b/2"), 3);
    let lies = count(&bench.target, LoggedRequest::is_mount);
    bench.clear();
    let rules = ["1", "2", "3", "4"].map(rule);
    let report = run(rules.into(), 0).await;
    assert_eq!((report.failed(), report.skipped()), (0, 2), "{:?}", report.errors().collect::<Vec<_>>());
    assert!(lies <= 3, "one mount for each blob: {lies}");
}

#[tokio::test]
async fn e13_who_lies_where_mounts_are_declined_is_not_the_only_one_who_is_asked() {
    for refusal in [Effect::refuse(403, "DENIED", "no"), Effect::refuse(404, "NAME_UNKNOWN", "no")] {
        let bench = Bench::start().await;
        let names: Vec<_> = (0..12)
            .map(|number| if number == 0 { "far/0".to_owned() } else { format!("near/{number}") })
            .collect();
        for name in &names {
            image(&bench, name, "v1", &[1]);
        }
        // The source that gets the blobs first.
        let effect = Effect::Delay(Duration::from_millis(500));
        bench.source.misbehave(Fault { when: Match::get("/near/"), times: Times::Always, effect });
        always(&bench, Match::post("from=far"), refusal);
        let rules = names.iter().map(|name| bench.rule(name, Selection::All, &[name])).collect();
        assert_eq!(run(rules, 0).await.copied(), 12);
        assert!(count(&bench.target, |request| request.is_mount() && request.status != 201) > 0);
        assert_eq!(bodies(&bench), 2, "to each project once");
        assert_eq!(bench.target.store().open_uploads(), 0);
    }
}

#[tokio::test]
async fn e13_a_registry_that_declines_all_mounts_is_found_out_at_a_bounded_cost() {
    let source = EmbeddedRegistry::builder().start().await.unwrap();
    let target = EmbeddedRegistry::builder().mounts(Mounts::Declined).start().await.unwrap();
    let bench = Bench { source, target };
    let names: Vec<_> = (0..12).map(|number| format!("a/{number}")).collect();
    for name in &names {
        image(&bench, name, "v1", &[1, 2, 3, 4]);
    }
    let rules = names.iter().map(|name| bench.rule(name, Selection::All, &[name])).collect();
    assert_eq!(run(rules, 0).await.copied(), 12);
    assert_eq!(bodies(&bench), 4 * 12);
    // A copy that was declined, and waits or asks another repository, cancels the upload session that it got.
    let cancelled = count(&bench.target, |request| request.is_upload_step(&Method::DELETE));
    assert!(cancelled <= 5 * 12 * 2, "{cancelled}");
    assert_eq!(bench.target.store().open_uploads(), 0);
}

/// How often a layer was read at the source, whatever it answered.
fn reads(bench: &Bench, layer: u64) -> usize {
    count(&bench.source, |request| request.is_blob(&Method::GET) && request.path.ends_with(&hex(layer)))
}

#[tokio::test]
async fn e1_what_the_source_does_not_give_to_one_image_fails_all_that_wait_for_it() {
    let bench = Bench::start().await;
    for number in 0..6 {
        image(&bench, "a/app", &format!("v{number}"), &[1, 10 + number]);
    }
    image(&bench, "a/app", "well", &[20]);
    let late = Effect::Delay(Duration::from_secs(1));
    bench.source.misbehave(Fault { when: Match::get(&hex(1)), times: Times::Always, effect: late });
    bench.source.store().remove_blob("a/app", &format!("sha256:{}", hex(1)));
    let report = run(vec![bench.rule("a/app", Selection::All, &["b/app", "c/app"])], 0).await;
    assert_eq!((report.copied(), report.failed()), (2, 12));
    assert_eq!(reads(&bench, 1), 1, "one read for all");
    assert!(
        report.errors().all(|error| error.side == Side::Source && error.to_string().contains(&hex(1)[..8]))
    );
}

#[tokio::test]
async fn e1_who_reads_elsewhere_tries_for_itself() {
    let bench = Bench::start().await;
    for (repository, tag) in [("a/lost", "v1"), ("a/whole", "v2")] {
        image(&bench, repository, tag, &[1]);
    }
    bench.source.store().remove_blob("a/lost", &format!("sha256:{}", hex(1)));
    let late = Effect::Delay(Duration::from_secs(1));
    bench.source.misbehave(Fault { when: Match::get(&hex(1)), times: Times::Always, effect: late });
    // The source that lacks the layer comes first.
    let later = Effect::Delay(Duration::from_millis(500));
    bench.source.misbehave(Fault {
        when: Match::get("/a/whole/manifests/"),
        times: Times::Always,
        effect: later,
    });
    let rules = ["a/lost", "a/whole"].map(|from| bench.rule(from, Selection::All, &["b/app"]));
    let report = run(rules.into(), 0).await;
    assert_eq!((report.copied(), report.failed()), (1, 1));
    assert_eq!(bench.target.store().tags("b/app"), ["v2"]);
}

#[tokio::test]
async fn e1_what_a_repository_does_not_take_fails_all_that_wait_there_and_nobody_elsewhere() {
    let bench = Bench::start().await;
    for number in 0..6 {
        image(&bench, "a/app", &format!("v{number}"), &[1, 10 + number]);
    }
    let when = || Match::put("/b/app/blobs/uploads/");
    bench.target.misbehave(Fault {
        when: when(),
        times: Times::Always,
        effect: Effect::refuse(400, "NO", "no"),
    });
    let rules = ["b/app", "c/app"].map(|to| bench.rule("a/app", Selection::All, &[to]));
    let report = run(rules.into(), 0).await;
    assert_eq!((report.copied(), report.failed()), (6, 6));
    let layer = hex(1);
    let sent = |to: &str| {
        count(&bench.target, |request| {
            let is_last = request.query.as_deref().is_some_and(|query| query.contains(&layer));
            request.method == Method::PUT && request.path.contains(to) && is_last
        })
    };
    // A copy that comes after the failure was passed to the waiting ones tries on its own.
    assert!((1..6).contains(&sent("/b/app/")), "{}", sent("/b/app/"));
    assert_eq!(sent("/c/app/"), 1);
}

#[tokio::test]
async fn e1_an_index_whose_child_cannot_be_read_fails_all_that_wait_for_the_child() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    let child = sample::image(store, "a/app", None, Flavour::Oci, &[sample::layer(1, LAYER)], "amd64");
    for number in 0..6 {
        let own =
            sample::image(store, "a/app", None, Flavour::Oci, &[sample::layer(10 + number, LAYER)], "arm64");
        sample::index(store, "a/app", Some(&format!("v{number}")), Flavour::Oci, &[child.clone(), own]);
    }
    let late = Effect::Delay(Duration::from_secs(1));
    bench.source.misbehave(Fault { when: Match::get(&child.digest), times: Times::Always, effect: late });
    bench.source.store().remove_manifest("a/app", &child.digest);
    let report = run(vec![bench.rule("a/app", Selection::All, &["b/app"])], 0).await;
    assert_eq!(report.failed(), 6);
    let asked =
        |request: &LoggedRequest| request.is_manifest(&Method::GET) && request.path.ends_with(&child.digest);
    assert_eq!(count(&bench.source, asked), 1);
}

/// Copies images that share a layer which the source lacks, and whose URL fails this many times. Returns the report,
/// the layer's outcomes, the notes, and how often the URL was requested.
async fn copy_foreign(
    images: usize,
    targets: usize,
    failures: usize,
    retries: u32,
) -> (WholeReport, Vec<BlobOutcome>, Vec<String>, usize) {
    const ADDRESS: &str = "https://example.com/layer";
    let source = Fake::default();
    source.state().step_takes = Duration::from_secs(1);
    let page = Page { bytes: "foreign".into(), failures, ..Page::default() };
    source.state().web.insert(ADDRESS.to_owned(), page);
    let layer = Digest::sha256(b"foreign");
    for number in 0..images {
        let body = format!(
            r#"{{"number":{number},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "digest":"{layer}","size":7,"urls":["https://example.com/gone","{ADDRESS}"]}}]}}"#
        );
        source.put_manifest("a/app", Some(&format!("v{number}")), &body);
    }
    let targets: Vec<_> = (0..targets).map(|_| Fake::default()).collect();
    let target = |(number, target): (usize, &Fake)| RuleTarget {
        target: Arc::new(target.repository(&format!("target{number}.io"), "b/app")),
        naming: Naming::Same,
    };
    let rule = Rule {
        source: Arc::new(source.repository("source.io", "a/app")),
        selection: Selection::All,
        targets: targets.iter().enumerate().map(target).collect(),
        policy: Arc::default(),
    };
    let diary = Arc::new(Diary::default());
    let sync = Sync::new(vec![rule], Options::new(8, retries), diary.clone());
    let report = sync.run_whole(CancellationToken::new()).await;
    let (mut outcomes, mut notes) = (Vec::new(), Vec::new());
    for event in std::mem::take(&mut *diary.0.lock().unwrap()) {
        match event {
            Event::BlobFinished { outcome, .. } => outcomes.push(outcome),
            Event::Note { text, .. } => notes.push(text),
            _ => {}
        }
    }
    let asked = source.state().web[ADDRESS].asked;
    assert!(targets.iter().all(|target| target.state().open_uploads == 0));
    (report, outcomes, notes, asked)
}

#[tokio::test(start_paused = true)]
async fn p21_a_layers_own_address_is_tried_again_as_anything_else() {
    let (report, outcomes, notes, asked) = copy_foreign(1, 1, 2, 2).await;
    assert_eq!((report.copied(), outcomes, asked), (1, vec![BlobOutcome::Copied], 3));
    assert!(notes.is_empty(), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn p21_why_a_layer_is_left_out_is_told_once_and_all_who_wait_for_it_go_on_without_it() {
    for (retries, asked_in_all) in [(0, 1), (2, 3)] {
        let (report, outcomes, notes, asked) = copy_foreign(4, 1, usize::MAX, retries).await;
        assert_eq!((report.copied(), outcomes), (4, vec![BlobOutcome::LeftOut; 4]));
        assert_eq!(asked, asked_in_all, "not once for each image");
        assert!(
            matches!(&notes[..], [note] if note.ends_with("left out: the connection broke")),
            "{notes:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn p21_a_layer_that_is_nowhere_is_left_out_at_all_targets_that_shared_its_read() {
    for (retries, asked_in_all) in [(0, 1), (2, 3)] {
        let (report, outcomes, notes, asked) = copy_foreign(1, 3, usize::MAX, retries).await;
        assert_eq!((report.copied(), outcomes), (3, vec![BlobOutcome::LeftOut; 3]));
        assert_eq!((asked, notes.len()), (asked_in_all, 1), "{notes:?}");
    }
}

/// How many upload sessions an image with a layer of this size opens and cancels, while its source refuses the layer
/// in this way and this often.
async fn uploads_while_refused(bytes: usize, times: Times, effect: Effect, retries: u32) -> [usize; 3] {
    let bench = Bench::start().await;
    let layer = sample::layer(7, bytes);
    let hex = Digest::sha256(&layer).to_string().split_off("sha256:".len());
    sample::image(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, &[layer], "amd64");
    bench.source.misbehave(Fault { when: Match::get(&hex), times, effect });
    let report = run(vec![bench.rule("a/app", Selection::All, &["b/app"])], retries).await;
    let of = |method: Method| count(&bench.target, |request| request.method == method && request.is_upload());
    assert_eq!(bench.target.store().open_uploads(), 0);
    [of(Method::POST), of(Method::DELETE), report.failed() as usize]
}

#[tokio::test]
async fn a_source_that_asks_for_patience_costs_its_target_no_request() {
    let patience = || Effect::too_many_requests("0");
    let broken = || Effect::refuse(500, "UNKNOWN", "unknown error");
    let gone = || Effect::refuse(404, "BLOB_UNKNOWN", "blob unknown to registry");
    let runs = [LAYER, 3 << 20].into_iter().flat_map(|bytes| {
        [
            (Times::First(3), patience(), [2, 0, 0]),
            (Times::First(1), broken(), [2, 0, 0]),
            // A session that waited in vain is cancelled.
            (Times::Always, broken(), [2, 1, 1]),
            (Times::Always, gone(), [2, 1, 1]),
        ]
        .map(|(times, effect, expected)| async move {
            let case = format!("{bytes}, {effect:?}, {times:?}");
            assert_eq!(uploads_while_refused(bytes, times, effect, 1).await, expected, "{case}");
        })
    });
    join_all(runs).await;
}

#[tokio::test]
async fn a_page_in_place_of_a_blob_is_wrong_bytes_like_any_other() {
    let page = || {
        let body = "<!DOCTYPE html><title>Sign in</title>".to_owned();
        Effect::Status { code: 200, body, headers: vec![("content-type", "text/html".to_owned())] }
    };
    assert_eq!(uploads_while_refused(LAYER, Times::First(1), page(), 1).await[2], 0, "it is asked for again");
    let [_, cancelled, failed] = uploads_while_refused(LAYER, Times::Always, page(), 1).await;
    assert!(cancelled > 0 && failed == 1, "nothing of the page stays in an upload");
}
