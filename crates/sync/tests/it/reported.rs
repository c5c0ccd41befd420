//! Problems that users reported of other tools: answers of registries that are no reason to fail an image.

use std::sync::Arc;

use embedded_registry::sample::{self, Flavour, Sample};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, LoggedRequest, Match, Referrers, Times};
use http::Method;
use oci::{Descriptor, Digest, TagOrDigest, referrers_tag};
use registry::{Access, ReferrerFilter};
use sync::{Naming, Options, PlatformFilter, ReferrerPolicy, Rule, Selection, Silent, Sync};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, client, count, counted};
use crate::fake::with_policy;
use crate::notes::Notes;
use crate::whole_report::{RunWhole, WholeReport};

async fn run(rule: Rule, options: Options) -> WholeReport {
    Sync::new(vec![rule], options, Arc::new(Silent)).run_whole(CancellationToken::new()).await
}

fn rule(bench: &Bench, selection: Selection) -> Rule {
    with_policy(bench.rule("a/app", selection, &["b/app"]), |policy| policy.referrers = ReferrerPolicy::Copy)
}

async fn copy(bench: &Bench, selection: Selection) -> WholeReport {
    run(rule(bench, selection), Options::new(4, 0)).await
}

fn named(tag: &str) -> Selection {
    Selection::These(vec![TagOrDigest::Tag(tag.parse().unwrap())])
}

fn image(server: &EmbeddedRegistry, tag: &str, layer: u64) -> Sample {
    sample::image(server.store(), "a/app", Some(tag), Flavour::Oci, &[sample::layer(layer, 1000)], "amd64")
}

fn refuse(server: &EmbeddedRegistry, when: Match, times: Times, code: u16, body: &str) {
    let effect = Effect::Status { code, body: body.to_owned(), headers: Vec::new() };
    server.misbehave(Fault { when, times, effect });
}

async fn without_lists() -> Bench {
    let start = async || EmbeddedRegistry::builder().referrers(Referrers::Absent).start().await.unwrap();
    Bench { source: start().await, target: start().await }
}

/// Signs an image, with a list under a referrers tag.
async fn sign(bench: &Bench, subject: &Sample, content: &'static str) -> Sample {
    let signature = sample::referrer(bench.source.store(), "a/app", subject, "test/sig", &[content.into()]);
    let source = client(&bench.source).repository(&"a/app".parse().unwrap(), Access::PullPush);
    let reference = TagOrDigest::Digest(signature.digest.parse().unwrap());
    let manifest = source.pull_manifest(&reference).await.unwrap();
    let size = Some(manifest.bytes().len() as u64);
    let entry = Descriptor::new(Some(manifest.media_type().clone()), manifest.digest().clone(), size);
    source.add_referrer(&subject.digest.parse().unwrap(), &entry).await.unwrap();
    signature
}

async fn listed(bench: &Bench, subject: &Sample) -> Vec<String> {
    let target = client(&bench.target).repository(&"b/app".parse().unwrap(), Access::Pull);
    let subject: Digest = subject.digest.parse().unwrap();
    let found = target.referrers(&subject, &ReferrerFilter::all()).await.unwrap();
    found.into_iter().map(|referrer| referrer.digest.to_string()).collect()
}

fn of_fallback_tags(server: &EmbeddedRegistry) -> Vec<String> {
    let asked = server.requests().into_iter().filter(|request| request.path.contains("/manifests/sha256-"));
    asked.map(|request| request.line()).collect()
}

#[tokio::test]
async fn p1_p8_a_source_that_refuses_lists_of_referrers_and_gives_manifests_keeps_none() {
    for (code, body) in [(401, ""), (400, "UNSUPPORTED"), (403, "no"), (404, ""), (405, ""), (501, "")] {
        for selection in [Selection::All, named("v1")] {
            let bench = Bench::start().await;
            let image = image(&bench.source, "v1", 1);
            let signature = sign(&bench, &image, "signed").await;
            refuse(&bench.source, Match::get("/referrers/"), Times::Always, code, body);
            let report = copy(&bench, selection.clone()).await;
            assert_eq!(report.failed(), 0, "{code}: {:?}", report.errors().collect::<Vec<_>>());
            assert_eq!(listed(&bench, &image).await, [signature.digest], "{code}");
            let again = copy(&bench, selection).await;
            assert_eq!((again.failed(), again.copied()), (0, 0), "{code}");
        }
    }
}

#[tokio::test]
async fn p1_a_refusal_of_manifests_is_told() {
    let bench = Bench::start().await;
    image(&bench.source, "v1", 1);
    refuse(&bench.source, Match::path("/v2/a/app/manifests"), Times::Always, 401, "");
    refuse(&bench.source, Match::path("/v2/a/app/referrers"), Times::Always, 401, "");
    assert_eq!(copy(&bench, Selection::All).await.failed(), 1);
}

#[tokio::test]
async fn p1_a_target_that_does_not_let_its_tags_be_listed_is_asked_for_the_list_once() {
    for code in [401, 403, 405] {
        let bench = Bench::start().await;
        for number in 0..5 {
            image(&bench.source, &format!("v{number}"), number);
        }
        refuse(&bench.target, Match::get("/tags/list"), Times::Always, code, "no");
        let report = run(bench.rule("a/app", Selection::All, &["b/app"]), Options::new(4, 0)).await;
        assert_eq!(report.copied(), 5);
        assert_eq!(count(&bench.target, LoggedRequest::is_tag_list), 1, "{code}");
    }
}

#[tokio::test]
async fn p2_an_index_of_blobs_is_copied_and_costs_what_its_blobs_cost() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    let layers: Vec<_> = (1..4).map(|number| sample::layer(number, 5_000)).collect();
    let mut entries: Vec<_> = layers
        .iter()
        .map(|layer| {
            let digest = store.put_blob("a/app", layer.clone());
            format!(
                r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{digest}","size":{}}}"#,
                layer.len()
            )
        })
        .collect();
    let config = r#"{"layers":[]}"#;
    let digest = store.put_blob("a/app", config);
    entries.push(format!(
        r#"{{"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"{digest}","size":{}}}"#,
        config.len()
    ));
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index =
        format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[{}]}}"#, entries.join(","));
    store.put_manifest("a/app", "cache", media_type, index);
    let report = run(bench.rule("a/app", Selection::All, &["b/app"]), Options::new(4, 0)).await;
    assert_eq!(report.copied(), 1, "{:?}", report.errors().collect::<Vec<_>>());
    assert_eq!(bench.target.store().manifest("b/app", "cache"), store.manifest("a/app", "cache"));
    assert_eq!(bench.target.store().blob_count("b/app"), 4);
    let requests = counted(&bench.source).len() + counted(&bench.target).len();
    assert_eq!(requests, 3 * 4 + 2 + 1);
    let again = run(bench.rule("a/app", Selection::All, &["b/app"]), Options::new(4, 0)).await;
    assert_eq!(again.skipped(), 1);
}

#[tokio::test]
async fn p2_platforms_leave_what_is_no_manifest_in_an_index() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    let child = |architecture| {
        sample::image(store, "a/app", None, Flavour::Oci, &[sample::layer(1, 100)], architecture)
    };
    let blob = store.put_blob("a/app", "extra");
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[{},{},{{"mediaType":"text/plain","digest":"{blob}","size":5}}]}}"#,
        child("amd64").descriptor,
        child("arm64").descriptor
    );
    store.put_manifest("a/app", "v1", media_type, index);
    let platforms = PlatformFilter::new(&[], &["amd64".to_owned()]);
    let rule =
        with_policy(bench.rule("a/app", Selection::All, &["b/app"]), |policy| policy.platforms = platforms);
    let report = run(rule, Options::new(4, 0)).await;
    assert_eq!(report.copied(), 1, "{:?}", report.errors().collect::<Vec<_>>());
    assert!(bench.target.store().blob("b/app", &blob).is_some());
    let stored = bench.target.store().manifest("b/app", "v1").unwrap();
    let stored: serde_json::Value = serde_json::from_slice(&stored.bytes).unwrap();
    assert_eq!(stored["manifests"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn p7_a_conflict_is_looked_at_and_only_another_digest_is_a_failure() {
    let conflict = r#"{"errors":[{"code":"CONFLICT","message":"busy"}]}"#;
    // Another client stores the same tag at that moment.
    let bench = Bench::start().await;
    image(&bench.source, "v1", 1);
    refuse(&bench.target, Match::put("/manifests/v1"), Times::First(1), 409, conflict);
    let report = run(bench.rule("a/app", Selection::All, &["b/app"]), Options::new(4, 1)).await;
    assert_eq!(report.copied(), 1, "a second try succeeds");
    assert_eq!(count(&bench.target, |request| request.is_manifest(&Method::PUT)), 2);

    // The target has the image, despite its answer.
    bench.clear();
    refuse(&bench.target, Match::put("/manifests/v1"), Times::Always, 409, conflict);
    let force = |policy: &mut sync::Policy| policy.rewrite = sync::Rewrite::Always;
    let report =
        run(with_policy(bench.rule("a/app", Selection::All, &["b/app"]), force), Options::new(4, 0)).await;
    assert_eq!((report.copied(), report.failed()), (1, 0));

    // The target has another image.
    image(&bench.source, "v1", 2);
    let report = run(bench.rule("a/app", Selection::All, &["b/app"]), Options::new(4, 0)).await;
    assert_eq!(report.failed(), 1);
}

#[tokio::test]
async fn p7_a_conflict_over_a_blob_that_is_there_is_none() {
    let bench = Bench::start().await;
    let whole = image(&bench.source, "v1", 1);
    let copy = async || run(bench.rule("a/app", Selection::All, &["b/app"]), Options::new(4, 0)).await;
    assert_eq!(copy().await.copied(), 1);
    // Without tags the repository looks empty, so nothing is looked up before it is sent.
    bench.target.store().remove_manifest("b/app", &whole.digest);
    bench.target.clear_requests();
    refuse(&bench.target, Match::put("/blobs/uploads/"), Times::Always, 409, "");
    let report = copy().await;
    assert_eq!((report.copied(), report.failed()), (1, 0), "{:?}", report.errors().collect::<Vec<_>>());
    assert_eq!(count(&bench.target, |request| request.status == 409), 2, "each blob is sent once");
}

#[tokio::test]
async fn p9_a_tag_that_moved_away_from_its_digest_is_told_and_the_digest_is_copied() {
    let bench = Bench::start().await;
    let pinned = image(&bench.source, "v1", 1);
    for moved in [false, true] {
        if moved {
            image(&bench.source, "v1", 2);
        }
        let digest = pinned.digest.parse().unwrap();
        let selection = Selection::Pinned { tag: "v1".parse().unwrap(), digest };
        let mut rule = bench.rule("a/app", selection, &["b/app"]);
        rule.targets[0].naming = Naming::These(vec![Some(TagOrDigest::Tag("v1".parse().unwrap()))]);
        let notes = Arc::new(Notes::default());
        let report = Sync::new(vec![rule], Options::new(4, 0), notes.clone())
            .run_whole(CancellationToken::new())
            .await;
        assert_eq!(report.failed(), 0);
        assert_eq!(bench.target.store().manifest("b/app", "v1").unwrap().digest, pinned.digest);
        let notes = notes.0.lock().unwrap();
        assert_eq!(notes.len(), usize::from(moved), "{notes:?}");
        assert!(notes.iter().all(|note| note.contains("`v1` is") && note.contains(&pinned.digest)));
    }
}

#[tokio::test]
async fn p29_a_part_that_harbor_misses_is_sent_again() {
    let bench = Bench::start().await;
    let image = image(&bench.source, "v1", 1);
    let message = format!("artifact library/app@{} not found", image.digest);
    let effect = Effect::refuse(404, "NOT_FOUND", &message);
    bench.target.misbehave(Fault { when: Match::put("/manifests/v1"), times: Times::First(1), effect });
    let report = run(bench.rule("a/app", Selection::All, &["b/app"]), Options::new(4, 0)).await;
    assert_eq!((report.copied(), report.failed()), (1, 0));
}

#[tokio::test]
async fn p31_where_all_tags_come_along_no_fallback_tag_is_asked_for_beside_its_copy() {
    for bench in [without_lists().await, Bench::start().await] {
        let signed = image(&bench.source, "v1", 1);
        for number in 2..6 {
            image(&bench.source, &format!("v{number}"), number);
        }
        let signature = sign(&bench, &signed, "signed").await;
        bench.clear();
        let report = copy(&bench, Selection::All).await;
        assert_eq!((report.copied(), report.failed()), (6, 0));
        assert_eq!(listed(&bench, &signed).await, [signature.digest]);
        let tag = referrers_tag(&signed.digest.parse().unwrap());
        assert_eq!(of_fallback_tags(&bench.source), [format!("GET /v2/a/app/manifests/{tag} 200")]);
        bench.clear();
        assert_eq!(copy(&bench, Selection::All).await.skipped(), 6);
        assert_eq!(of_fallback_tags(&bench.source), [format!("HEAD /v2/a/app/manifests/{tag} 200")]);
    }
}

#[tokio::test]
async fn p31_a_target_that_takes_only_some_tags_still_gets_the_signatures_of_these() {
    let bench = without_lists().await;
    let signed = image(&bench.source, "v1", 1);
    let signature = sign(&bench, &signed, "signed").await;
    let mut rule = rule(&bench, Selection::All);
    rule.targets[0].naming = Naming::Matching(regex::Regex::new("^v").unwrap());
    let report = run(rule, Options::new(4, 0)).await;
    assert_eq!((report.copied(), report.amounts().referrers), (1, 1));
    assert_eq!(listed(&bench, &signed).await, [signature.digest]);
}

#[tokio::test]
async fn p31_a_fallback_list_is_read_once_on_each_side() {
    let bench = without_lists().await;
    let signed = image(&bench.source, "v1", 1);
    sign(&bench, &signed, "signed").await;
    bench.clear();
    assert_eq!(copy(&bench, named("v1")).await.amounts().referrers, 1);
    let tag = referrers_tag(&signed.digest.parse().unwrap());
    let reads = |server: &EmbeddedRegistry, tag: &str| {
        count(server, |request| request.method == Method::GET && request.path.ends_with(tag))
    };
    assert_eq!(reads(&bench.source, tag.as_str()), 1);
    assert_eq!(reads(&bench.target, tag.as_str()), 1);
}

#[tokio::test]
async fn p31_with_platforms_each_single_images_config_is_read_once() {
    let bench = Bench::start().await;
    for number in 1..4 {
        image(&bench.source, &format!("v{number}"), number);
    }
    let platforms = PlatformFilter::new(&[], &["amd64".to_owned()]);
    let rule =
        with_policy(bench.rule("a/app", Selection::All, &["b/app"]), |policy| policy.platforms = platforms);
    let report = run(rule, Options::new(4, 0)).await;
    assert_eq!(report.copied(), 3);
    assert_eq!(count(&bench.source, LoggedRequest::is_blob_read), 2 * 3);
    assert_eq!(bench.target.store().blob_count("b/app"), 2 * 3);
}

/// Stores the manifest again, with a wrong size in its descriptor for `digest`.
fn missize(bench: &Bench, tag: &str, digest: &str, by: i64) {
    let store = bench.source.store();
    let stored = store.manifest("a/app", tag).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_slice(&stored.bytes).unwrap();
    for list in ["layers", "manifests"] {
        for entry in manifest[list].as_array_mut().into_iter().flatten() {
            if entry["digest"] == digest {
                entry["size"] = (entry["size"].as_i64().unwrap() + by).into();
            }
        }
    }
    store.put_manifest("a/app", tag, &stored.media_type, manifest.to_string());
}

#[tokio::test]
async fn p10_a_size_that_is_wrong_by_one_is_copied_nowhere_and_both_are_named() {
    for by in [-1, 1] {
        let bench = Bench::start().await;
        let layer = sample::layer(1, 1000);
        let child = image(&bench.source, "layer", 1);
        image(&bench.source, "good", 2);
        missize(&bench, "layer", &Digest::sha256(&layer).to_string(), by);
        let (store, flavour) = (bench.source.store(), Flavour::Oci);
        sample::index(store, "a/app", Some("child"), flavour, std::slice::from_ref(&child));
        missize(&bench, "child", &child.digest, by);

        let report = copy(&bench, Selection::All).await;
        assert_eq!((report.copied(), report.failed()), (1, 2));
        assert_eq!(bench.target.store().tags("b/app"), ["good"]);
        let told: Vec<_> = report.errors().map(|error| error.cause.to_string()).collect();
        for size in [1000, i64::try_from(child.size).unwrap()] {
            let said = format!("says {} bytes, but {size} came", size + by);
            assert!(told.iter().any(|told| told.contains(&said)), "{said}: {told:?}");
        }
    }
}

#[tokio::test]
async fn a_blob_of_another_length_is_asked_for_twice_however_many_retries_there_are() {
    for by in [-1, 1] {
        let bench = Bench::start().await;
        image(&bench.source, "layer", 1);
        let layer = Digest::sha256(&sample::layer(1, 1000)).to_string();
        missize(&bench, "layer", &layer, by);
        let report = run(rule(&bench, Selection::All), Options::new(4, 5)).await;
        assert_eq!(report.failed(), 1);
        let path = format!("/blobs/{layer}");
        let asked = |asked: &LoggedRequest| asked.method == Method::GET && asked.path.ends_with(&path);
        assert_eq!(count(&bench.source, asked), 2, "{by}");
        assert_eq!(bench.target.store().open_uploads(), 0);
    }
}

/// Unknown fields are not interpreted, however deep they are: the digest covers the bytes.
#[tokio::test]
async fn s6_p10_a_field_that_nobody_knows_is_copied_verbatim_and_a_deep_one_is_the_targets_to_judge() {
    for (depth, copied) in [(100, 1), (20_000, 0)] {
        let bench = Bench::start().await;
        let layer = sample::layer(1, 1000);
        let digest = bench.source.store().put_blob("a/app", layer.clone());
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let body = format!(
            r#"{{ "schemaVersion":2,"mediaType":"{media_type}","x" : {deep},"layers":[{{"digest":"{digest}","size":1000}}]}}"#
        );
        bench.source.store().put_manifest("a/app", "v1", media_type, body.clone().into_bytes());
        let report = copy(&bench, Selection::All).await;
        let there = bench.target.store().manifest("b/app", "v1").map(|manifest| manifest.bytes.to_vec());
        assert_eq!(report.copied(), copied, "{depth}: {:?}", report.errors().collect::<Vec<_>>());
        // Registries in Go parse 10,000 levels, this one 128: its answer is reported.
        match report.errors().next() {
            None => assert_eq!(there, Some(body.into_bytes())),
            Some(error) => assert!(error.cause.to_string().contains("MANIFEST_INVALID"), "{error:?}"),
        }
    }
}

/// A deep nest in the place of a descriptor is reported as such, with its position, before it is parsed to its end.
#[tokio::test]
async fn s6_a_deep_nest_where_something_is_read_is_an_error_that_says_so() {
    let bench = Bench::start().await;
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let body = format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{deep},"layers":[]}}"#);
    bench.source.store().put_manifest("a/app", "v1", media_type, body.into_bytes());
    let report = copy(&bench, Selection::All).await;
    let errors: Vec<_> = report.errors().map(|error| oci::with_sources(&error.cause)).collect();
    assert_eq!((report.failed(), errors.len()), (1, 1));
    assert!(
        errors[0].contains("cannot be used") && errors[0].contains("invalid type: sequence"),
        "{errors:?}"
    );
}
