//! What a verification finds at targets, which requests it sends, and how it repairs.

use std::collections::BTreeSet;
use std::sync::Arc;

use embedded_registry::sample::{self, Flavour};
use embedded_registry::{
    Attestations, BlobHeads, Effect, EmbeddedRegistry, Fault, Indexes, LoggedRequest, Match, Referrers,
    Store, Times,
};
use endpoints::RegistryEndpoint;
use http::Method;
use sync::{
    Against, AttestationPolicy, Cause, Depth, Event, IndexPolicy, Mended, Mode, Naming, Observer, OnConflict,
    Options, Outcome, PlatformFilter, Policy, ProblemKind, ProblemState, ReferrerPolicy, Repair, Rule,
    RuleTarget, Selection, Silent, SkipReason, Stamp, Standing, Sync, Verdict, Verification,
};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, client, count};
use crate::fake::with_policy;
use crate::index_form;
use crate::whole_report::{RunWhole, WholeReport};

const SHALLOW: Verification =
    Verification { against: Against::Source, depth: Depth::Length, repair: Repair::Never, sample: None };
const DEEP: Verification = Verification { depth: Depth::Content, ..SHALLOW };
const FROM: &str = "a/app";
const TO: &str = "b/app";

async fn run(rules: Vec<Rule>, mode: Mode, retries: u32) -> WholeReport {
    let options = Options { mode, ..Options::new(4, retries) };
    Sync::new(rules, options, Arc::new(Silent)).run_whole(CancellationToken::new()).await
}

async fn verify(rule: &Rule, how: Verification) -> WholeReport {
    run(vec![rule.clone()], Mode::Verify(how), 0).await
}

fn verdict_of<'a>(report: &'a WholeReport, tag: &str) -> &'a Verdict {
    let mut images = report.images.iter().filter(|ended| ended.image.target_reference.to_string() == tag);
    let ended = images.next().unwrap_or_else(|| panic!("no image {tag}"));
    match &ended.outcome {
        Outcome::Verified(verdict) => verdict,
        other => panic!("{other:?}"),
    }
}

/// The problems as tuples.
fn problems(verdict: &Verdict) -> Vec<(String, ProblemKind, ProblemState)> {
    let told = |digest: &Option<oci::Digest>| digest.as_ref().map(ToString::to_string).unwrap_or_default();
    verdict.problems.iter().map(|problem| (told(&problem.digest), problem.kind, problem.state)).collect()
}

/// An image with every kind of node: an index of two images, an SBOM of the index and one of a child, a signature of
/// the SBOM, and a signature with a tag.
struct World {
    bench: Bench,
    rule: Rule,
}

impl World {
    async fn start(referrers: Referrers) -> Self {
        let side = || EmbeddedRegistry::builder().referrers(referrers).start();
        let bench = Bench { source: side().await.unwrap(), target: side().await.unwrap() };
        let store = bench.source.store();
        let layers = [sample::layer(1, 3000), sample::layer(2, 500)];
        let child = |architecture| sample::image(store, FROM, None, Flavour::Oci, &layers, architecture);
        let children = [child("amd64"), child("arm64")];
        let index = sample::index(store, FROM, Some("v1"), Flavour::Oci, &children);
        let sbom = refer(store, &index, "sbom", referrers);
        refer(store, &children[0], "of a child", referrers);
        refer(store, &sbom, "witness", referrers);
        sample::signature(store, FROM, &index.digest);
        let named = Selection::These(vec![oci::TagOrDigest::Tag("v1".parse().unwrap())]);
        let rule =
            with_policy(bench.rule(FROM, named, &[TO]), |policy| policy.referrers = ReferrerPolicy::Copy);
        let copied = run(vec![rule.clone()], Mode::Copy, 0).await;
        assert_eq!((copied.copied(), copied.amounts().referrers), (1, 4));
        bench.clear();
        Self { bench, rule }
    }

    fn store(&self) -> &Store {
        self.bench.target.store()
    }

    async fn verify(&self, how: Verification) -> WholeReport {
        verify(&self.rule, how).await
    }

    /// What is sent: digests of blobs, and references of manifests.
    fn sent(&self) -> BTreeSet<String> {
        let is_sent = |request: &LoggedRequest| {
            request.is_manifest(&Method::PUT)
                || request.is_upload_step(&Method::PUT)
                || request.is_upload_start()
        };
        let requests = self.bench.target.requests().into_iter().filter(is_sent);
        let name = |request: LoggedRequest| request.parameter("digest").unwrap_or(request.path);
        requests
            .map(name)
            .filter(|name| !name.contains("/uploads/"))
            .map(|name| name.rsplit('/').next().unwrap().to_owned())
            .collect()
    }
}

/// Stores a referrer, and adds it to the list under the referrers tag if the registry has no referrers API.
fn refer(
    store: &Store,
    subject: &sample::Sample,
    content: &'static str,
    referrers: Referrers,
) -> sample::Sample {
    let referrer = sample::referrer(store, FROM, subject, "test/sbom", &[content.into()]);
    if referrers == Referrers::Absent {
        let list = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [referrer.descriptor],
        });
        let tag = subject.digest.replace(':', "-");
        store.put_manifest(FROM, &tag, "application/vnd.oci.image.index.v1+json", list.to_string());
    }
    referrer
}

/// Whether a tag is a referrers tag.
fn is_list(tag: &str) -> bool {
    oci::is_referrers_tag(&tag.parse().unwrap())
}

/// A way to break a node.
type Damage = fn(&Store, &str);

const BLOB_DAMAGES: [(ProblemState, Depth, Damage); 3] = [
    (ProblemState::Missing, Depth::Length, |store, digest| assert!(store.remove_blob(TO, digest))),
    (ProblemState::Wrong, Depth::Length, |store, digest| {
        let half = store.blob(TO, digest).unwrap();
        assert!(store.damage_blob(TO, digest, half.slice(..half.len() / 2)));
    }),
    (ProblemState::Wrong, Depth::Content, |store, digest| {
        let mut other = store.blob(TO, digest).unwrap().to_vec();
        other[0] ^= 1;
        assert!(store.damage_blob(TO, digest, other));
    }),
];

/// Removes a manifest, and leaves tags that point at it.
fn lose(store: &Store, digest: &str) {
    let tags: Vec<_> = store
        .tags(TO)
        .into_iter()
        .filter(|tag| store.manifest(TO, tag).is_some_and(|found| found.digest == digest))
        .collect();
    assert!(store.remove_manifest(TO, digest));
    for tag in &tags {
        store.tag(TO, tag, digest);
    }
}

const MANIFEST_DAMAGES: [(ProblemState, Damage); 3] = [
    (ProblemState::Missing, lose),
    (ProblemState::Wrong, |store, digest| {
        let whole = store.manifest(TO, digest).unwrap().bytes;
        assert!(store.damage_manifest(TO, digest, whole.slice(..whole.len() / 2)));
    }),
    (ProblemState::Wrong, |store, digest| {
        let text = String::from_utf8(store.manifest(TO, digest).unwrap().bytes.to_vec()).unwrap();
        assert!(store.damage_manifest(TO, digest, text.replace("\"schemaVersion\"", "\"schemaversion\"")));
    }),
];

#[tokio::test]
async fn law_each_blob_that_is_missing_short_or_altered_is_found_and_alone_is_sent() {
    for referrers in [Referrers::Api, Referrers::Absent] {
        for (state, depth, damage) in BLOB_DAMAGES {
            let world = World::start(referrers).await;
            let blobs = world.store().blob_digests(TO);
            assert_eq!(
                blobs.len(),
                2 + 2 + 3 + 1 + 2,
                "two layers, two configs, three contents, an empty config, a signature"
            );
            for blob in blobs {
                damage(world.store(), &blob);
                let how = Verification { depth, ..SHALLOW };
                let found = world.verify(how).await;
                let verdict = verdict_of(&found, "v1");
                assert_eq!(problems(verdict), [(blob.clone(), ProblemKind::Blob, state)], "{referrers:?}");
                assert_eq!((verdict.standing, found.totals.different), (Standing::Incomplete, 1));

                world.bench.clear();
                let mended = world.verify(Verification { repair: Repair::Broken, ..how }).await;
                let verdict = verdict_of(&mended, "v1");
                assert!(verdict.is_whole() && matches!(verdict.mended, Mended::All), "{verdict:?}");
                assert_eq!(world.sent(), BTreeSet::from([blob.clone()]), "{state:?}");
                assert_eq!(world.store().blob(TO, &blob), world.bench.source.store().blob(FROM, &blob));
            }
        }
    }
}

#[tokio::test]
async fn law_each_manifest_that_is_missing_or_altered_is_found_and_alone_is_sent() {
    for referrers in [Referrers::Api, Referrers::Absent] {
        for (state, damage) in MANIFEST_DAMAGES {
            let world = World::start(referrers).await;
            let root = world.store().manifest(TO, "v1").unwrap().digest;
            let of_lists: Vec<_> = world
                .store()
                .tags(TO)
                .into_iter()
                .filter(|tag| is_list(tag))
                .map(|tag| world.store().manifest(TO, &tag).unwrap().digest)
                .collect();
            for manifest in world.store().manifest_digests(TO) {
                damage(world.store(), &manifest);
                let found = world.verify(SHALLOW).await;
                let verdict = verdict_of(&found, "v1");
                assert!(!verdict.is_whole(), "{referrers:?} {state:?}");
                if manifest == root && state == ProblemState::Missing {
                    assert_eq!(problems(verdict), [(root.clone(), ProblemKind::Tag, state)]);
                } else if of_lists.contains(&manifest) {
                    assert!(
                        verdict.problems.iter().all(|problem| problem.kind == ProblemKind::Referrer),
                        "{verdict:?}"
                    );
                } else {
                    assert_eq!(verdict.problems.len(), 1, "{verdict:?}");
                    assert_eq!(problems(verdict)[0].0, manifest);
                    assert_eq!(problems(verdict)[0].2, state);
                }

                world.bench.clear();
                let mended = world.verify(Verification { repair: Repair::Broken, ..SHALLOW }).await;
                let verdict = verdict_of(&mended, "v1");
                assert!(verdict.is_whole(), "{referrers:?} {state:?} {verdict:?}");
                assert_eq!(
                    count(&world.bench.target, |request| request.is_upload_step(&Method::PUT)),
                    0,
                    "no blob is sent"
                );
                assert_eq!(world.sent().len(), 1, "{:?}", world.sent());
                if !of_lists.contains(&manifest) {
                    let there = world.store().manifest(TO, &manifest);
                    assert_eq!(there, world.bench.source.store().manifest(FROM, &manifest));
                }
            }
        }
    }
}

#[tokio::test]
async fn law_each_tag_that_is_missing_or_moved_is_found_and_set_again() {
    for referrers in [Referrers::Api, Referrers::Absent] {
        let world = World::start(referrers).await;
        let other = sample::image(world.store(), TO, None, Flavour::Oci, &[], "amd64");
        let empty = sample::index(world.store(), TO, None, Flavour::Oci, &[]);
        for tag in world.store().tags(TO) {
            let right = world.store().manifest(TO, &tag).unwrap();
            for moved in [false, true] {
                // A referrers tag that points at something else than a list is left alone.
                let is_list = is_list(&tag);
                if moved {
                    world.store().tag(TO, &tag, if is_list { &empty.digest } else { &other.digest });
                } else {
                    assert!(world.store().remove_manifest(TO, &tag));
                }
                let found = world.verify(SHALLOW).await;
                let verdict = verdict_of(&found, "v1");
                let expected = match (tag.as_str(), moved) {
                    ("v1", false) => Standing::Missing,
                    ("v1", true) => Standing::Different,
                    _ => Standing::Incomplete,
                };
                assert_eq!(verdict.standing, expected, "{tag} {verdict:?}");
                world.bench.clear();
                let mended = world.verify(Verification { repair: Repair::Broken, ..SHALLOW }).await;
                assert!(verdict_of(&mended, "v1").is_whole(), "{tag} {:?}", verdict_of(&mended, "v1"));
                assert_eq!((mended.totals.whole, mended.totals.repaired), (1, 1));
                assert!(is_list || world.store().manifest(TO, &tag).unwrap().digest == right.digest);
                assert_eq!(count(&world.bench.target, |request| request.is_upload_step(&Method::PUT)), 0);
            }
        }
    }
}

#[tokio::test]
async fn law_each_blob_and_manifest_costs_one_question_and_nothing_else_is_asked() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    for number in 0..4 {
        bench.image(FROM, &format!("v{number}"), &[1, 2, 10 + number]);
    }
    let latest = store.manifest(FROM, "v3").unwrap();
    store.put_manifest(FROM, "latest", &latest.media_type, latest.bytes);
    let children: Vec<_> = ["amd64", "arm64"]
        .iter()
        .map(|architecture| {
            sample::image(store, FROM, None, Flavour::Oci, &[sample::layer(1, 20_000)], architecture)
        })
        .collect();
    for tag in ["all", "again"] {
        let digest = sample::index(store, FROM, Some(tag), Flavour::Oci, &children).digest;
        assert!(!digest.is_empty());
    }
    let rules: Vec<_> = [TO, "c/app"].iter().map(|to| bench.rule(FROM, Selection::All, &[to])).collect();
    assert_eq!(run(rules.clone(), Mode::Copy, 0).await.copied(), 14);
    bench.clear();
    let report = run(rules, Mode::Verify(SHALLOW), 0).await;
    assert_eq!((report.totals.whole, report.totals.different), (14, 0));
    let asked = |wanted: fn(&LoggedRequest) -> bool| -> Vec<String> {
        bench.target.requests().into_iter().filter(wanted).map(|request| request.path).collect()
    };
    let once = |paths: &[String]| paths.iter().collect::<BTreeSet<_>>().len() == paths.len();
    let (blobs, manifests) =
        (asked(|request| request.is_blob(&Method::HEAD)), asked(|request| request.is_manifest(&Method::GET)));
    let distinct = 6 + 4 + 2;
    assert_eq!((blobs.len(), once(&blobs)), (2 * distinct, true), "{blobs:#?}");
    assert_eq!((manifests.len(), once(&manifests)), (2 * (7 + 2), true), "{manifests:#?}");
    let others = count(&bench.target, |request| {
        !request.is_ping() && !request.is_blob(&Method::HEAD) && !request.is_manifest(&Method::GET)
    });
    assert_eq!(others, 0);
    assert_eq!(
        count(&bench.source, |request| request.is_manifest(&Method::GET) || request.is_blob_read()),
        0
    );
    assert_eq!((report.looked_at.blobs, report.looked_at.manifests), (2 * distinct as u64, 2 * (5 + 2)));
}

#[tokio::test]
async fn a_deep_look_reads_each_blob_once_for_a_store_and_asks_for_it_elsewhere() {
    let bench = Bench::start().await;
    bench.image(FROM, "v1", &[1, 2]);
    let rules: Vec<_> = [TO, "c/app"].iter().map(|to| bench.rule(FROM, Selection::All, &[to])).collect();
    run(rules.clone(), Mode::Copy, 0).await;
    bench.clear();
    let report = run(rules, Mode::Verify(DEEP), 0).await;
    assert_eq!(report.totals.whole, 2);
    let (read, looked_for) = (
        count(&bench.target, LoggedRequest::is_blob_read),
        count(&bench.target, |request| request.is_blob(&Method::HEAD)),
    );
    assert_eq!((read, looked_for), (3, 3));
    assert!(report.looked_at.bytes_read > 40_000, "{report:?}");
}

#[tokio::test]
async fn a_read_that_breaks_goes_on_where_it_stood() {
    let bench = Bench::start().await;
    bench.image(FROM, "v1", &[1]);
    bench.copy().await;
    let layer = oci::Digest::sha256(&sample::layer(1, 20_000)).to_string();
    let when = Match::get(&format!("/blobs/{layer}"));
    bench.target.misbehave(Fault { when, times: Times::First(1), effect: Effect::CutBodyAfter(12_000) });
    bench.clear();
    let rule = bench.rule(FROM, Selection::All, &[TO]);
    let report = run(vec![rule], Mode::Verify(DEEP), 1).await;
    assert_eq!(report.totals.whole, 1, "{report:?}");
    let reads: Vec<_> = bench
        .target
        .requests()
        .into_iter()
        .filter(|request| request.is_blob_read() && request.path.ends_with(&layer))
        .collect();
    assert_eq!(reads.len(), 2);
    assert!(reads[1].header("range").is_some(), "{reads:?}");
}

#[tokio::test]
async fn what_cannot_be_read_is_no_difference_and_is_told_with_its_reason() {
    let bench = Bench::start().await;
    bench.image(FROM, "v1", &[1]);
    bench.copy().await;
    let layer = oci::Digest::sha256(&sample::layer(1, 20_000)).to_string();
    let effect = Effect::refuse(500, "UNKNOWN", "disk error");
    bench.target.misbehave(Fault {
        when: Match::head(&format!("/blobs/{layer}")),
        times: Times::Always,
        effect,
    });
    let report = verify(&bench.rule(FROM, Selection::All, &[TO]), SHALLOW).await;
    let verdict = verdict_of(&report, "v1");
    assert_eq!(problems(verdict), [(layer, ProblemKind::Blob, ProblemState::Unreadable)]);
    assert_eq!(verdict.standing, Standing::Unreadable);
    assert!(verdict.problems[0].why.is_some());
    bench.target.behave();
    bench.target.misbehave(Fault {
        when: Match::path("/v2/b/"),
        times: Times::Always,
        effect: Effect::refuse(403, "DENIED", "no"),
    });
    let report = verify(&bench.rule(FROM, Selection::All, &[TO]), SHALLOW).await;
    assert_eq!(
        (report.failed(), report.totals.different),
        (1, 0),
        "who may not read knows nothing: {report:?}"
    );
}

#[tokio::test]
async fn a_registry_that_knows_no_question_for_blobs_is_read() {
    let source = EmbeddedRegistry::builder().start().await.unwrap();
    let target = EmbeddedRegistry::builder().blob_heads(BlobHeads::Refused(405)).start().await.unwrap();
    let bench = Bench { source, target };
    bench.image(FROM, "v1", &[1, 2]);
    bench.copy().await;
    let rule = bench.rule(FROM, Selection::All, &[TO]);
    assert_eq!(verify(&rule, SHALLOW).await.totals.whole, 1);
    let layer = oci::Digest::sha256(&sample::layer(1, 20_000)).to_string();
    assert!(bench.target.store().remove_blob(TO, &layer));
    let report = verify(&rule, SHALLOW).await;
    assert_eq!(problems(verdict_of(&report, "v1")), [(layer, ProblemKind::Blob, ProblemState::Missing)]);
}

#[tokio::test]
async fn a_shared_blob_is_mended_once_for_all_images_that_suffer() {
    let bench = Bench::start().await;
    for number in 0..6 {
        bench.image(FROM, &format!("v{number}"), &[1, 10 + number]);
    }
    bench.copy().await;
    let layer = oci::Digest::sha256(&sample::layer(1, 20_000)).to_string();
    assert!(bench.target.store().damage_blob(TO, &layer, "x"));
    let rule = bench.rule(FROM, Selection::All, &[TO]);
    let found = verify(&rule, SHALLOW).await;
    assert_eq!((found.totals.whole, found.totals.different), (0, 6));
    bench.clear();
    let mended = verify(&rule, Verification { repair: Repair::Broken, ..SHALLOW }).await;
    assert_eq!((mended.totals.whole, mended.totals.repaired), (6, 6));
    let of_layer = |method: Method| {
        count(&bench.target, |request| request.is_blob(&method) && request.path.ends_with(&layer))
    };
    assert_eq!(of_layer(Method::HEAD), 2, "before and after");
    assert_eq!(count(&bench.source, LoggedRequest::is_blob_read), 1);
    assert_eq!(count(&bench.target, LoggedRequest::is_mount), 0);
}

#[tokio::test]
async fn a_registry_that_keeps_what_it_has_is_told_of_and_the_blob_is_sent_once() {
    let bench = Bench::start().await;
    for number in 0..3 {
        bench.image(FROM, &format!("v{number}"), &[1, 10 + number]);
    }
    bench.copy().await;
    let layer = oci::Digest::sha256(&sample::layer(1, 20_000)).to_string();
    let when = Match::get(&format!("/blobs/{layer}"));
    bench.target.misbehave(Fault { when, times: Times::Always, effect: Effect::ShortBody(100) });
    bench.clear();
    let rule = bench.rule(FROM, Selection::All, &[TO]);
    let report = verify(&rule, Verification { repair: Repair::Broken, ..DEEP }).await;
    assert_eq!((report.totals.different, report.totals.repaired), (3, 0));
    assert_eq!(count(&bench.source, LoggedRequest::is_blob_read), 1);
    assert!(matches!(verdict_of(&report, "v0").mended, Mended::NotAll(None)));
}

#[tokio::test]
async fn a_repair_leaves_what_a_rule_keeps() {
    let bench = Bench::start().await;
    bench.image(FROM, "v1", &[1]);
    bench.copy().await;
    bench.image(FROM, "v1", &[2]);
    let rule = with_policy(bench.rule(FROM, Selection::All, &[TO]), |policy: &mut Policy| {
        policy.on_conflict = sync::OnConflict::Keep;
    });
    let report = verify(&rule, Verification { repair: Repair::Broken, ..SHALLOW }).await;
    let verdict = verdict_of(&report, "v1");
    assert_eq!((verdict.standing, report.totals.kept, report.totals.different), (Standing::Kept, 1, 0));
    assert!(matches!(verdict.mended, Mended::Nothing) && !bench.same("v1"));
    let fails = with_policy(bench.rule(FROM, Selection::All, &[TO]), |policy: &mut Policy| {
        policy.on_conflict = sync::OnConflict::Fail;
    });
    let report = verify(&fails, SHALLOW).await;
    assert_eq!((report.totals.kept, report.totals.different), (0, 1), "who fails wants it otherwise");
}

#[tokio::test]
async fn a_length_that_is_not_told_is_read() {
    let world = World::start(Referrers::Api).await;
    let layer = oci::Digest::sha256(&sample::layer(1, 3000)).to_string();
    let effect = Effect::OmitHeader("content-length");
    world.bench.target.misbehave(Fault { when: Match::head("/blobs/"), times: Times::Always, effect });
    let whole = world.store().blob(TO, &layer).unwrap();
    assert!(world.store().damage_blob(TO, &layer, whole.slice(..100)));
    let found = world.verify(SHALLOW).await;
    let wrong = [(layer.clone(), ProblemKind::Blob, ProblemState::Wrong)];
    assert_eq!(problems(verdict_of(&found, "v1")), wrong);
    assert!(world.store().damage_blob(TO, &layer, whole));
    assert!(verdict_of(&world.verify(SHALLOW).await, "v1").is_whole());
}

#[tokio::test]
async fn a_blob_of_a_wrong_length_is_not_read_again_and_again() {
    let world = World::start(Referrers::Api).await;
    let layer = oci::Digest::sha256(&sample::layer(1, 3000)).to_string();
    let whole = world.store().blob(TO, &layer).unwrap();
    assert!(world.store().damage_blob(TO, &layer, whole.slice(..100)));
    world.bench.clear();
    let found = run(vec![world.rule.clone()], Mode::Verify(SHALLOW), 3).await;
    assert_eq!(problems(verdict_of(&found, "v1")), [(layer.clone(), ProblemKind::Blob, ProblemState::Wrong)]);
    let reads = |request: &LoggedRequest| request.is_blob(&Method::GET) && request.path.ends_with(&layer);
    let reads = count(&world.bench.target, reads);
    // With the expected size until that fails, once more from its beginning, and with the reported size: whatever the
    // number of retries.
    assert!(reads <= 4, "{reads}");
}

#[tokio::test]
async fn a_blob_that_several_repositories_lack_is_sent_once_and_mounted() {
    let bench = Bench::start().await;
    bench.image("a/app", "v1", &[1]);
    let to = ["b/one", "b/two", "b/three"];
    let rules: Vec<_> = to.iter().map(|to| bench.rule("a/app", Selection::All, &[to])).collect();
    assert_eq!(run(rules.clone(), Mode::Copy, 0).await.copied(), 3);
    let manifest = bench.source.store().manifest("a/app", "v1").unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.bytes).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    for repository in to {
        assert!(bench.target.store().remove_blob(repository, layer));
    }
    bench.clear();
    let mended = run(rules, Mode::Verify(Verification { repair: Repair::Broken, ..SHALLOW }), 0).await;
    assert_eq!((mended.totals.repaired, mended.totals.different), (3, 0));
    let sent = |request: &LoggedRequest| request.is_blob(&Method::GET);
    assert_eq!(count(&bench.source, sent), 1, "the others mount it");
}

#[tokio::test]
async fn without_a_source_an_image_has_to_have_all_that_it_names() {
    let world = World::start(Referrers::Api).await;
    let target = client(&world.bench.target);
    let endpoint = || Arc::new(RegistryEndpoint::target(&target, &TO.parse().unwrap()));
    let rule = with_policy(
        Rule {
            source: Arc::new(RegistryEndpoint::source(&target, &TO.parse().unwrap())),
            selection: Selection::These(vec![oci::TagOrDigest::Tag("v1".parse().unwrap())]),
            targets: vec![RuleTarget { target: endpoint(), naming: Naming::Same }],
            policy: Arc::default(),
        },
        |policy| policy.referrers = ReferrerPolicy::Copy,
    );
    let how = Verification { against: Against::Itself, ..SHALLOW };
    assert_eq!(verify(&rule, how).await.totals.whole, 1);
    assert_eq!(world.bench.source.requests().len(), 0);
    let digests = [world.store().blob_digests(TO), world.store().manifest_digests(TO)].concat();
    let root = world.store().manifest(TO, "v1").unwrap().digest;
    for digest in digests {
        let blob = world.store().blob(TO, &digest);
        let manifest = world.store().manifest(TO, &digest);
        match &blob {
            Some(_) => assert!(world.store().remove_blob(TO, &digest)),
            None => MANIFEST_DAMAGES[2].1(world.store(), &digest),
        }
        let report = verify(&rule, how).await;
        let verdict = verdict_of(&report, "v1");
        assert_eq!(verdict.standing, Standing::Incomplete, "{verdict:?}");
        if digest != root {
            assert_eq!(problems(verdict)[0].0, digest);
        }
        match (blob, manifest) {
            (Some(blob), _) => assert_eq!(world.store().put_blob(TO, blob), digest),
            (None, Some(manifest)) => assert!(world.store().damage_manifest(TO, &digest, manifest.bytes)),
            (None, None) => panic!("it was there"),
        }
    }
    assert_eq!(verify(&rule, how).await.totals.whole, 1);
}

#[tokio::test]
async fn a_sample_looks_at_some_images_and_at_one_at_least_and_counts_the_others() {
    let bench = Bench::start().await;
    for number in 0..20 {
        bench.image(FROM, &format!("v{number}"), &[number]);
    }
    bench.copy().await;
    let rule = bench.rule(FROM, Selection::All, &[TO]);
    let sample = |share: &str| Verification { sample: Some(share.parse().unwrap()), ..SHALLOW };
    let report = verify(&rule, sample("0.0001%")).await;
    assert_eq!((report.totals.whole, report.totals.not_in_sample), (1, 19));
    let left = report
        .images
        .iter()
        .filter(|ended| matches!(ended.outcome, Outcome::Skipped(SkipReason::NotInSample)));
    assert_eq!(left.count(), 19);
    assert_eq!(verify(&rule, sample("100%")).await.totals.whole, 20);
}

/// An index whose rule leaves children out is at the target in the form of `policy`; returns the bench and the children.
async fn of_cut(target: embedded_registry::Builder, policy: &Policy) -> (Bench, [sample::Sample; 3]) {
    let bench = index_form::bench(target).await;
    let children = index_form::three(&bench, "v1", Flavour::Oci, 1);
    assert_eq!(index_form::copy(&bench, policy).await.copied(), 1);
    (bench, children)
}

#[tokio::test]
async fn what_a_rule_leaves_out_of_an_index_is_no_problem_and_what_it_wants_is() {
    for (index, indexes) in [
        (IndexPolicy::Auto, Indexes::Sparse),
        (IndexPolicy::Auto, Indexes::Whole),
        (IndexPolicy::Sparse, Indexes::Sparse),
        (IndexPolicy::Rewrite, Indexes::Whole),
        (IndexPolicy::Cut, Indexes::Whole),
    ] {
        let policy = index_form::only(index, &["amd64"]);
        let (bench, [wanted, left, _]) = of_cut(EmbeddedRegistry::builder().indexes(indexes), &policy).await;
        let rule = with_policy(bench.rule(FROM, Selection::All, &[TO]), |own| own.clone_from(&policy));
        let report = verify(&rule, SHALLOW).await;
        assert!(verdict_of(&report, "v1").is_whole(), "{index:?} {indexes:?}: {report:?}");
        assert!(!index_form::has(&bench, &left));
        assert!(bench.target.store().remove_manifest(TO, &wanted.digest));
        let report = verify(&rule, Verification { repair: Repair::Broken, ..SHALLOW }).await;
        assert_eq!(
            (report.totals.whole, report.totals.repaired),
            (1, 1),
            "{index:?} {indexes:?}: {report:?}"
        );
        assert!(index_form::has(&bench, &wanted) && !index_form::has(&bench, &left));
        let all = with_policy(rule, |own| own.platforms = PlatformFilter::default());
        assert_eq!(verify(&all, SHALLOW).await.totals.whole, 0, "{index:?}: who wants all misses some");
    }
}

#[tokio::test]
async fn an_attestation_that_a_target_refuses_is_no_problem_where_its_rule_drops_it() {
    let target = EmbeddedRegistry::builder().attestations(Attestations::Refused);
    let bench = index_form::bench(target).await;
    let store = bench.source.store();
    let image = sample::image(store, FROM, None, Flavour::Oci, &[sample::layer(1, 500)], "amd64");
    let mut attestation = sample::artifact(
        store,
        FROM,
        None,
        "application/vnd.docker.attestation.manifest.v1+json",
        &["a".into()],
    );
    attestation.descriptor["annotations"] = serde_json::json!({
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": image.digest,
    });
    attestation.descriptor["platform"] = serde_json::json!({"os": "unknown", "architecture": "unknown"});
    sample::index(store, FROM, Some("v1"), Flavour::Oci, &[image, attestation]);
    let policy = Policy { attestations: AttestationPolicy::Drop, ..Policy::default() };
    assert_eq!(index_form::copy(&bench, &policy).await.copied(), 1);
    let rule =
        |policy: &Policy| with_policy(bench.rule(FROM, Selection::All, &[TO]), |own| own.clone_from(policy));
    let report = verify(&rule(&policy), SHALLOW).await;
    assert!(verdict_of(&report, "v1").is_whole(), "{report:?}");
    let report = verify(&rule(&Policy::default()), SHALLOW).await;
    assert_eq!(verdict_of(&report, "v1").standing, Standing::Different, "who keeps them has another index");
}

/// A target that has an image under `v1`, and refuses to show it, like a registry that blocks images.
async fn blocked(heads: bool) -> Bench {
    let bench = Bench::start().await;
    bench.image(FROM, "v1", &[1]);
    let methods = if heads { vec![Method::GET, Method::HEAD] } else { vec![Method::GET] };
    for method in methods {
        let when = Match::new(method, "/b/app/manifests/v1");
        let effect = Effect::refuse(412, "PRECONDITION", "blocked");
        bench.target.misbehave(Fault { when, times: Times::Always, effect });
    }
    bench
}

#[tokio::test]
async fn a_repair_does_not_put_over_what_a_target_does_not_show_where_the_rule_keeps_it() {
    for heads in [false, true] {
        for on_conflict in [OnConflict::Keep, OnConflict::Fail, OnConflict::Overwrite] {
            let bench = blocked(heads).await;
            let other = [sample::layer(99, 500)];
            let newer = sample::image(bench.target.store(), TO, Some("v1"), Flavour::Oci, &other, "amd64");
            let rule =
                with_policy(bench.rule(FROM, Selection::All, &[TO]), |own| own.on_conflict = on_conflict);
            let report = verify(&rule, Verification { repair: Repair::Broken, ..SHALLOW }).await;
            let verdict = verdict_of(&report, "v1");
            assert!(!verdict.is_whole(), "it still cannot be read");
            let stays = bench.target.store().manifest(TO, "v1").unwrap().digest == newer.digest;
            assert_eq!(stays, on_conflict != OnConflict::Overwrite, "{on_conflict:?} {heads}");
            if stays {
                assert!(matches!(&verdict.mended, Mended::NotAll(Some(_))), "{:?}", verdict.mended);
                assert_eq!(count(&bench.target, |request| request.is_manifest(&Method::PUT)), 0);
            }
        }
    }
}

#[tokio::test]
async fn a_repair_mends_the_rules_own_image_that_is_damaged_where_others_are_kept() {
    for on_conflict in [OnConflict::Keep, OnConflict::Fail] {
        let world = World::start(Referrers::Api).await;
        let root = world.store().manifest(TO, "v1").unwrap().digest;
        let (_, damage) = MANIFEST_DAMAGES[2];
        damage(world.store(), &root);
        let rule = with_policy(world.rule.clone(), |own| own.on_conflict = on_conflict);
        let report = verify(&rule, Verification { repair: Repair::Broken, ..SHALLOW }).await;
        let verdict = verdict_of(&report, "v1");
        assert!(verdict.is_whole() && matches!(verdict.mended, Mended::All), "{verdict:?}");
    }
}

/// Pushes `v1` to the target as soon as a blob is sent there.
struct Pusher(Store);

impl Observer for Pusher {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::BlobPlanned { .. } = event {
            sample::image(&self.0, TO, Some("v1"), Flavour::Oci, &[sample::layer(99, 500)], "amd64");
        }
    }
}

#[tokio::test]
async fn a_repair_leaves_what_somebody_pushes_while_it_brings_blobs() {
    let world = World::start(Referrers::Api).await;
    let root = world.store().manifest(TO, "v1").unwrap().digest;
    MANIFEST_DAMAGES[2].1(world.store(), &root);
    let blob = world.store().blob_digests(TO).remove(0);
    assert!(world.store().remove_blob(TO, &blob));
    let how = Verification { repair: Repair::Broken, ..SHALLOW };
    let options = Options { mode: Mode::Verify(how), ..Options::new(4, 0) };
    let pusher = Arc::new(Pusher(world.store().clone()));
    let report =
        Sync::new(vec![world.rule.clone()], options, pusher).run_whole(CancellationToken::new()).await;
    let verdict = verdict_of(&report, "v1");
    assert_ne!(world.store().manifest(TO, "v1").unwrap().digest, root, "what was pushed stays");
    assert_eq!(verdict.standing, Standing::Different);
    let Mended::NotAll(Some(why)) = &verdict.mended else { panic!("{:?}", verdict.mended) };
    assert!(matches!(why.cause, Cause::Stays { .. }), "{why:?}");
}

#[tokio::test]
async fn a_wrong_size_is_a_problem_of_the_image_that_names_it_alone() {
    for depth in [Depth::Length, Depth::Content] {
        for wrong_first in [false, true] {
            let bench = Bench::start().await;
            let (wrong, right) = if wrong_first { ("v1", "v2") } else { ("v2", "v1") };
            bench.image(FROM, right, &[1]);
            let whole = bench.source.store().manifest(FROM, right).unwrap();
            let mut manifest: serde_json::Value = serde_json::from_slice(&whole.bytes).unwrap();
            let size = manifest["layers"][0]["size"].as_u64().unwrap();
            assert_eq!(run(vec![bench.rule(FROM, Selection::All, &[TO])], Mode::Copy, 0).await.copied(), 1);
            manifest["layers"][0]["size"] = (size + 1).into();
            for (registry, repository) in [(&bench.source, FROM), (&bench.target, TO)] {
                registry.store().put_manifest(repository, wrong, &whole.media_type, manifest.to_string());
            }
            bench.clear();
            let rule = bench.rule(FROM, Selection::All, &[TO]);
            for repair in [Repair::Never, Repair::Broken] {
                let options = Options {
                    mode: Mode::Verify(Verification { depth, repair, ..SHALLOW }),
                    ..Options::new(1, 0)
                };
                let report = Sync::new(vec![rule.clone()], options, Arc::new(Silent))
                    .run_whole(CancellationToken::new())
                    .await;
                let verdict = verdict_of(&report, right);
                assert!(verdict.is_whole(), "{depth:?} {wrong_first} {verdict:?}");
                assert!(matches!(verdict.mended, Mended::Nothing));
                let verdict = verdict_of(&report, wrong);
                assert_eq!(verdict.standing, Standing::Incomplete, "{depth:?} {wrong_first}");
                assert_eq!(verdict.problems[0].state, ProblemState::Wrong);
                assert_eq!(verdict.problems.len(), 1);
            }
            let sent = count(&bench.target, LoggedRequest::is_upload_start);
            assert_eq!(sent, 0, "the blob is whole");
        }
    }
}

/// The bytes and ends of reads that an observer was told.
#[derive(Default)]
struct Heard(std::sync::Mutex<(u64, u64, usize)>);

impl Observer for Heard {
    fn event(&self, _: &Stamp, event: &Event) {
        let mut heard = self.0.lock().unwrap();
        match event {
            Event::BlobStarted { size, .. } => heard.0 += size.unwrap_or_default(),
            Event::BytesMoved { bytes, .. } => heard.1 += bytes,
            Event::BlobFinished { outcome: sync::BlobOutcome::Read, .. } => heard.2 += 1,
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_deep_look_tells_of_the_bytes_that_it_reads() {
    let world = World::start(Referrers::Api).await;
    for (how, blobs) in [(SHALLOW, false), (DEEP, true)] {
        let heard = Arc::new(Heard::default());
        let options = Options { mode: Mode::Verify(how), ..Options::new(4, 0) };
        let work = vec![world.rule.clone()];
        let report = Sync::new(work, options, heard.clone()).run_whole(CancellationToken::new()).await;
        let (begun, read, ended) = *heard.0.lock().unwrap();
        assert_eq!((begun, ended > 0), (read, blobs), "{how:?}");
        assert_eq!(read > 3500, blobs, "{how:?}");
        assert_eq!(report.amounts().moved_bytes, 0, "nothing is copied");
    }
}
