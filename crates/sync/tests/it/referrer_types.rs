//! Rules that copy some kinds of referrers and leave out others.

use std::sync::Arc;

use embedded_registry::Referrers;
use embedded_registry::sample::{self, Sample};
use oci::TagOrDigest;
use sync::{ArtifactTypes, Mode, Options, ReferrerPolicy, Selection, Silent, Sync};
use tokio_util::sync::CancellationToken;

use crate::referrers::{Bench, keep_list, under_tag};
use crate::whole_report::{RunWhole as _, WholeReport};

const SBOM: &str = "application/spdx+json";
const PROVENANCE: &str = "application/vnd.in-toto+json";
const COSIGN: &str = "application/vnd.dev.cosign.artifact.";

fn types(types: &[&str], exclude: &[&str]) -> ReferrerPolicy {
    let read = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    ReferrerPolicy::ByType(ArtifactTypes::new(read(types), read(exclude)))
}

fn named(tag: &str) -> Selection {
    Selection::These(vec![TagOrDigest::Tag(tag.parse().unwrap())])
}

fn refer(bench: &Bench, subject: &Sample, kind: &str) -> Sample {
    let content = format!("{kind} of {}", subject.digest).into();
    sample::referrer(bench.source.store(), "a/app", subject, kind, &[content])
}

/// How many referrers were copied, and how many were left out.
fn referrers(report: &WholeReport) -> (u64, u64) {
    assert_eq!(report.failed(), 0, "{:?}", report.images);
    (report.amounts().referrers, report.referrers_left())
}

#[tokio::test]
async fn kinds_are_taken_and_left_and_nobody_asks_what_refers_to_one_that_is_left() {
    for target in [Referrers::Api, Referrers::Absent] {
        for selection in [Selection::All, named("v1")] {
            for policy in [types(&[SBOM], &[]), types(&[], &["application/vnd.in-*"])] {
                let bench = Bench::start(Referrers::Api, target).await;
                let image = bench.image("v1", 1);
                let (sbom, provenance) = (refer(&bench, &image, SBOM), refer(&bench, &image, PROVENANCE));
                let witness = refer(&bench, &provenance, SBOM);
                let report = bench.copy(selection.clone(), policy.clone()).await;
                assert_eq!(referrers(&report), (1, 1), "{target:?} {selection:?}");
                assert_eq!(bench.listed(&image).await, std::slice::from_ref(&sbom.digest));
                for left in [&provenance, &witness] {
                    assert!(bench.target.store().manifest("b/app", &left.digest).is_none());
                }
                assert_eq!(bench.asked_for_referrers(), 2, "of the image, of its SBOM");
                let again = bench.copy(selection.clone(), policy).await;
                assert_eq!((again.skipped(), referrers(&again)), (1, (0, 1)));
            }
        }
    }
}

#[tokio::test]
async fn a_plan_weighs_what_a_run_brings() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    let image = bench.image("v1", 1);
    bench.copy(Selection::All, ReferrerPolicy::Leave).await;
    refer(&bench, &image, PROVENANCE);
    let plan = async |policy: ReferrerPolicy| {
        let options = Options { mode: Mode::Plan, ..Options::new(4, 0) };
        let rules = vec![bench.rule(Selection::All, policy)];
        Sync::new(rules, options, Arc::new(Silent)).run_whole(CancellationToken::new()).await
    };
    let (other, this) = (plan(types(&[SBOM], &[])).await, plan(types(&[PROVENANCE], &[])).await);
    assert_eq!((other.would_copy(), other.skipped(), this.would_copy()), (0, 1, 1));
}

#[tokio::test]
async fn a_list_under_a_tag_is_opened_and_its_entries_are_chosen_by_what_they_are() {
    for selection in [Selection::All, named("v1")] {
        let bench = Bench::start(Referrers::Absent, Referrers::Absent).await;
        let image = bench.image("v1", 1);
        // Entries without a type: their manifests have it.
        let (sbom, provenance) = (refer(&bench, &image, SBOM), refer(&bench, &image, PROVENANCE));
        assert!(sbom.descriptor.get("artifactType").is_none());
        let tag = keep_list(&bench, &image, &[&provenance, &sbom]);
        let report = bench.copy(selection, types(&[SBOM], &[])).await;
        assert_eq!((report.copied(), referrers(&report)), (1, (1, 1)));
        assert_eq!(under_tag(&bench, &tag), [sbom.digest]);
        assert!(bench.target.store().manifest("b/app", &provenance.digest).is_none());
    }
}

#[tokio::test]
async fn tags_of_cosign_come_by_what_stands_under_them() {
    for selection in [Selection::All, named("v1")] {
        let bench = Bench::start(Referrers::Api, Referrers::Api).await;
        let image = bench.image("v1", 1);
        sample::signature(bench.source.store(), "a/app", &image.digest);
        let front = image.digest.replace(':', "-");
        sample::artifact(
            bench.source.store(),
            "a/app",
            Some(&format!("{front}.att")),
            "a/b",
            &["att".into()],
        );
        let report = bench.copy(selection.clone(), types(&[&format!("{COSIGN}sig*")], &[])).await;
        assert_eq!((report.failed(), report.referrers_left()), (0, 1), "{selection:?}");
        assert_eq!(bench.target.store().tags("b/app"), [format!("{front}.sig"), "v1".to_owned()]);
        let report =
            bench.copy(selection, types(&[&format!("{COSIGN}*")], &[&format!("{COSIGN}sig*")])).await;
        assert_eq!((report.failed(), report.referrers_left()), (0, 1), "the signature is left");
        assert_eq!(bench.target.store().tags("b/app").len(), 3);
    }
}

#[tokio::test]
async fn two_rules_for_one_copy_bring_the_kinds_of_both() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    let image = bench.image("v1", 1);
    for kind in [SBOM, PROVENANCE, "test/other"] {
        refer(&bench, &image, kind);
    }
    let rules = vec![
        bench.rule(named("v1"), types(&[SBOM], &[])),
        bench.rule(Selection::All, types(&[PROVENANCE], &[])),
    ];
    let report = bench.try_rules(rules, Options::new(4, 0)).await;
    assert_eq!((report.images.len(), referrers(&report)), (1, (2, 1)));
    assert_eq!(bench.listed(&image).await.len(), 2);
}
