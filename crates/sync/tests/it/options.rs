//! Platform filters, forced rewriting, copies with the same content, and dry runs.

use std::sync::Arc;

use embedded_registry::LoggedRequest;
use embedded_registry::sample::{self, Flavour, Sample};
use http::Method;
use sync::{
    IndexPolicy, LeftOut, Mode, Options, Outcome, PlatformFilter, Policy, Rewrite, Selection, Silent,
    SkipReason, Sync,
};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, count, counted};
use crate::fake::with_policy;
use crate::whole_report::{RunWhole, WholeReport};

async fn run(bench: &Bench, policy: Policy, mode: Mode) -> WholeReport {
    let rule = with_policy(bench.rule("a/app", Selection::All, &["b/app"]), |of_rule| *of_rule = policy);
    let options = Options { mode, ..Options::new(4, 0) };
    Sync::new(vec![rule], options, Arc::new(Silent)).run_whole(CancellationToken::new()).await
}

async fn copy(bench: &Bench, policy: Policy) -> WholeReport {
    run(bench, policy, Mode::Copy).await
}

fn only(systems: &[&str], architectures: &[&str]) -> Policy {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let platforms = PlatformFilter::new(&owned(systems), &owned(architectures));
    Policy { platforms, index: IndexPolicy::Cut, ..Policy::default() }
}

fn image(bench: &Bench, number: u64, architecture: &str, flavour: Flavour) -> Sample {
    sample::image(bench.source.store(), "a/app", None, flavour, &[sample::layer(number, 900)], architecture)
}

fn single(bench: &Bench, tag: &str, architecture: &str, flavour: Flavour) {
    sample::image(bench.source.store(), "a/app", Some(tag), flavour, &[sample::layer(7, 900)], architecture);
}

fn indexes(bench: &Bench) {
    for (tag, flavour) in [("docker", Flavour::Docker), ("oci", Flavour::Oci)] {
        let children = [
            image(bench, 1, "amd64", flavour),
            image(bench, 2, "arm64", flavour),
            image(bench, 3, "unknown", flavour),
        ];
        sample::index(bench.source.store(), "a/app", Some(tag), flavour, &children);
    }
}

fn children(bench: &Bench, tag: &str) -> usize {
    let manifest = bench.target.store().manifest("b/app", tag).unwrap();
    String::from_utf8(manifest.bytes.to_vec()).unwrap().matches("\"platform\"").count()
}

#[tokio::test]
async fn b6_b9_lists_and_indexes_are_cut_down_to_the_wanted_platforms() {
    let bench = Bench::start().await;
    indexes(&bench);
    let report = copy(&bench, only(&["linux"], &["amd64", "arm64"])).await;
    assert_eq!(report.copied(), 2);
    for tag in ["docker", "oci"] {
        assert_eq!(children(&bench, tag), 2);
        let whole = bench.source.store().manifest("a/app", tag).unwrap().digest;
        let ended = report.images.iter().find(|image| image.image.target_name().ends_with(tag)).unwrap();
        let Outcome::Copied { digest, at_source, left_out, .. } = &ended.outcome else { panic!("{ended:?}") };
        assert_eq!(at_source.to_string(), whole);
        assert_eq!((digest == at_source, *left_out), (false, LeftOut { platforms: 1, attestations: 0 }));
    }
    assert_eq!(
        count(&bench.source, |request| request.is_blob(&Method::GET)),
        4,
        "nothing of the third is read"
    );

    bench.clear();
    let again = copy(&bench, only(&["linux"], &["amd64", "arm64"])).await;
    assert_eq!((again.copied(), again.skipped()), (0, 2));
    assert_eq!(count(&bench.target, |request| request.method == Method::PUT), 0);
}

#[tokio::test]
async fn a_filter_that_leaves_everything_changes_nothing() {
    let bench = Bench::start().await;
    let children = [image(&bench, 1, "amd64", Flavour::Oci), image(&bench, 2, "arm64", Flavour::Oci)];
    sample::index(bench.source.store(), "a/app", Some("oci"), Flavour::Oci, &children);
    assert_eq!(copy(&bench, only(&["linux"], &[])).await.copied(), 1);
    assert_eq!(bench.source.store().manifest("a/app", "oci"), bench.target.store().manifest("b/app", "oci"));
}

#[tokio::test]
async fn single_images_are_judged_by_their_config_and_artifacts_are_kept() {
    let bench = Bench::start().await;
    single(&bench, "docker-amd64", "amd64", Flavour::Docker);
    single(&bench, "docker-arm64", "arm64", Flavour::Docker);
    single(&bench, "oci-arm64", "arm64", Flavour::Oci);
    let artifact = r#"{"schemaVersion":2,"artifactType":"a/b","layers":[]}"#;
    bench.source.store().put_manifest(
        "a/app",
        "artifact",
        "application/vnd.oci.image.manifest.v1+json",
        artifact,
    );
    let report = copy(&bench, only(&["linux"], &["arm64"])).await;
    assert_eq!(bench.target.store().tags("b/app"), ["artifact", "docker-arm64", "oci-arm64"]);
    let left_out = report
        .images
        .iter()
        .filter(|image| matches!(image.outcome, Outcome::Skipped(SkipReason::NoPlatform)));
    assert_eq!((report.copied(), left_out.count(), report.failed()), (3, 1, 0));
}

#[tokio::test]
async fn b6_an_entry_without_a_platform_is_judged_by_its_config() {
    let bench = Bench::start().await;
    let mut children = [image(&bench, 1, "amd64", Flavour::Oci), image(&bench, 2, "arm64", Flavour::Oci)];
    for child in &mut children {
        child.descriptor.as_object_mut().unwrap().remove("platform");
    }
    sample::index(bench.source.store(), "a/app", Some("oci"), Flavour::Oci, &children);
    assert_eq!(copy(&bench, only(&[], &["arm64"])).await.copied(), 1);
    let kept = bench.target.store().manifest("b/app", "oci").unwrap().bytes;
    let kept = String::from_utf8(kept.to_vec()).unwrap();
    assert!(kept.contains(&children[1].digest) && !kept.contains(&children[0].digest), "{kept}");
}

#[tokio::test]
async fn b4_a_copy_with_the_same_content_is_left_alone_unless_forced() {
    let bench = Bench::start().await;
    indexes(&bench);
    copy(&bench, Policy::default()).await;
    let exact = bench.target.store().manifest("b/app", "oci").unwrap();
    // What the Go tool makes of it: the same content, serialized again.
    let value: serde_json::Value = serde_json::from_slice(&exact.bytes).unwrap();
    bench.target.store().put_manifest("b/app", "oci", &exact.media_type, value.to_string());
    let looked = run(&bench, Policy::default(), Mode::Plan).await;
    assert_eq!((looked.would_copy(), looked.skipped()), (0, 2), "a dry run knows it, too");
    bench.clear();
    let report = copy(&bench, Policy::default()).await;
    assert_eq!((report.copied(), report.skipped()), (0, 2));
    assert!(
        report
            .images
            .iter()
            .any(|image| matches!(image.outcome, Outcome::Skipped(SkipReason::SameContent { .. })))
    );
    assert_eq!(count(&bench.target, |request| request.method == Method::PUT), 0);

    let report = copy(&bench, Policy { rewrite: Rewrite::Always, ..Policy::default() }).await;
    assert_eq!(report.copied(), 2);
    assert_eq!(bench.target.store().manifest("b/app", "oci").unwrap(), exact);
    assert_eq!(
        count(&bench.target, |request| request.is_upload() && request.method == Method::PUT),
        0,
        "no blob again"
    );
}

#[tokio::test]
async fn a_dry_run_looks_and_moves_nothing() {
    let bench = Bench::start().await;
    single(&bench, "there", "amd64", Flavour::Docker);
    copy(&bench, Policy::default()).await;
    single(&bench, "new", "arm64", Flavour::Docker);
    bench.clear();
    let report = run(&bench, Policy::default(), Mode::Plan).await;
    assert_eq!((report.would_copy(), report.skipped(), report.copied()), (1, 1, 0));
    let requests = [counted(&bench.source), counted(&bench.target)].concat();
    let trials = requests.iter().filter(|request| !matches!(request.method, Method::HEAD | Method::GET));
    let trials: Vec<_> = trials.map(|request| request.method.clone()).collect();
    assert_eq!(trials, [Method::POST, Method::DELETE], "the push right was tried: {requests:?}");
    assert!(!requests.iter().any(LoggedRequest::is_blob_read), "{requests:?}");
    let filtered = run(&bench, only(&[], &["s390x"]), Mode::Plan).await;
    assert_eq!((filtered.would_copy(), filtered.skipped()), (0, 2));
    assert_eq!(bench.target.store().tags("b/app"), ["there"]);
}

#[tokio::test]
async fn b7_a_child_that_is_missing_fails_the_image_also_under_a_filter() {
    let bench = Bench::start().await;
    let mut lost = image(&bench, 1, "amd64", Flavour::Docker);
    lost.descriptor["digest"] = format!("sha256:{}", "0".repeat(64)).into();
    let other = image(&bench, 2, "arm64", Flavour::Docker);
    sample::index(bench.source.store(), "a/app", Some("oci"), Flavour::Oci, &[lost, other]);
    for policy in [only(&["linux"], &["amd64"]), Policy::default()] {
        let report = copy(&bench, policy).await;
        assert_eq!((report.copied(), report.skipped(), report.failed()), (0, 0, 1));
        assert!(bench.target.store().tags("b/app").is_empty());
    }
    assert_eq!(
        copy(&bench, only(&["linux"], &["arm64"])).await.copied(),
        1,
        "what is left out need not be there"
    );
}

#[tokio::test]
async fn a_config_too_large_to_be_one_is_not_read_to_its_end() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    let size = 9 << 20;
    let config = store.put_blob("a/app", vec![b' '; size]);
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let body = format!(
        r#"{{"schemaVersion":2,"mediaType":"{kind}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{size}}},"layers":[]}}"#
    );
    store.put_manifest("a/app", "v1", kind, body);
    let report = copy(&bench, only(&["linux"], &["amd64"])).await;
    let error = report.errors().next().unwrap();
    assert_eq!((report.failed(), error.kind()), (1, Some(oci::ErrorKind::Mismatch)), "{error:?}");
}

#[tokio::test]
async fn a_manifest_that_stands_for_two_platforms_is_wanted_for_either() {
    let bench = Bench::start().await;
    let mut twice = [image(&bench, 1, "amd64", Flavour::Oci), image(&bench, 1, "amd64", Flavour::Oci)];
    twice[0].descriptor["platform"]["architecture"] = "s390x".into();
    let children = [twice[0].clone(), twice[1].clone(), image(&bench, 2, "arm64", Flavour::Oci)];
    sample::index(bench.source.store(), "a/app", Some("oci"), Flavour::Oci, &children);
    assert_eq!(copy(&bench, only(&["linux"], &["amd64"])).await.copied(), 1);
    assert!(bench.target.store().manifest("b/app", &children[0].digest).is_some());
    assert!(bench.target.store().manifest("b/app", &children[2].digest).is_none());
}
