//! Referrers are copied with their images, or left out.

use std::sync::Arc;
use std::time::Duration;

use embedded_registry::sample::{self, Flavour, Sample};
use embedded_registry::{Builder, Effect, EmbeddedRegistry, Fault, Match, Referrers, Times};
use endpoints::RegistryEndpoint;
use oci::{Descriptor, Digest, TagOrDigest, referrers_tag};
use registry::{Access, ReferrerFilter, Registry, Security, Settings, Transport};
use sync::{
    Amounts, Naming, Options, PlatformFilter, Policy, ReferrerPolicy, Rule, RuleTarget, Selection, Silent,
    Sync,
};
use tokio_util::sync::CancellationToken;

use crate::fake::with_policy;
use crate::whole_report::{RunWhole, WholeReport};

pub(crate) struct Bench {
    pub(crate) source: EmbeddedRegistry,
    pub(crate) target: EmbeddedRegistry,
}

fn client(server: &EmbeddedRegistry) -> Registry {
    let settings = Settings { security: Security::INSECURE, ..Settings::new(server.host().parse().unwrap()) };
    Registry::new(settings, Transport::new("test", &[]).unwrap())
}

fn with(referrers: Referrers) -> Builder {
    EmbeddedRegistry::builder().referrers(referrers)
}

impl Bench {
    pub(crate) async fn start(source: Referrers, target: Referrers) -> Self {
        let (source, target) = (with(source).start().await.unwrap(), with(target).start().await.unwrap());
        Self { source, target }
    }

    pub(crate) fn image(&self, tag: &str, layer: u64) -> Sample {
        let layers = [sample::layer(layer, 1000)];
        sample::image(self.source.store(), "a/app", Some(tag), Flavour::Oci, &layers, "amd64")
    }

    fn refer(&self, subject: &Sample, content: &'static str) -> Sample {
        sample::referrer(self.source.store(), "a/app", subject, "test/signature", &[content.into()])
    }

    pub(crate) async fn copy(&self, selection: Selection, referrers: ReferrerPolicy) -> WholeReport {
        self.run(selection, referrers, Options::new(4, 0)).await
    }

    async fn run(&self, selection: Selection, referrers: ReferrerPolicy, options: Options) -> WholeReport {
        let report = self.try_run(selection, referrers, options).await;
        assert_eq!(report.failed(), 0, "{:?}", report.images);
        report
    }

    async fn try_all(&self) -> WholeReport {
        self.try_run(Selection::All, ReferrerPolicy::Copy, Options::new(4, 0)).await
    }

    async fn try_run(
        &self,
        selection: Selection,
        referrers: ReferrerPolicy,
        options: Options,
    ) -> WholeReport {
        self.try_rules(vec![self.rule(selection, referrers)], options).await
    }

    pub(crate) async fn try_rules(&self, rules: Vec<Rule>, options: Options) -> WholeReport {
        Sync::new(rules, options, Arc::new(Silent)).run_whole(CancellationToken::new()).await
    }

    pub(crate) fn rule(&self, selection: Selection, referrers: ReferrerPolicy) -> Rule {
        let (source, target) = (client(&self.source), client(&self.target));
        let target = Arc::new(RegistryEndpoint::target(&target, &"b/app".parse().unwrap()));
        Rule {
            source: Arc::new(RegistryEndpoint::source(&source, &"a/app".parse().unwrap())),
            selection,
            targets: vec![RuleTarget { target, naming: Naming::Same }],
            policy: Arc::new(Policy { referrers, ..Policy::default() }),
        }
    }

    async fn all(&self) -> WholeReport {
        self.copy(Selection::All, ReferrerPolicy::Copy).await
    }

    /// The referrers that the target lists for a manifest.
    pub(crate) async fn listed(&self, subject: &Sample) -> Vec<String> {
        let repository = client(&self.target).repository(&"b/app".parse().unwrap(), Access::Pull);
        let subject: Digest = subject.digest.parse().unwrap();
        let found = repository.referrers(&subject, &ReferrerFilter::default()).await.unwrap();
        found.into_iter().map(|referrer| referrer.digest.to_string()).collect()
    }

    pub(crate) fn asked_for_referrers(&self) -> usize {
        let requests = self.source.requests();
        requests.iter().filter(|request| request.path.contains("/referrers/")).count()
    }
}

#[tokio::test]
async fn c60_signatures_and_what_refers_to_them_come_along_wherever_lists_are_kept() {
    for target in [Referrers::Api, Referrers::Absent, Referrers::Empty] {
        let bench = Bench::start(Referrers::Api, target).await;
        let image = bench.image("v1", 1);
        let signature = bench.refer(&image, "signed");
        let witness = bench.refer(&signature, "seen");
        let report = bench.all().await;
        assert_eq!((report.copied(), report.amounts().referrers), (1, 2), "{target:?}");
        assert_eq!(bench.listed(&image).await, std::slice::from_ref(&signature.digest), "{target:?}");
        assert_eq!(bench.listed(&signature).await, std::slice::from_ref(&witness.digest), "{target:?}");
        let there = bench.target.store().manifest("b/app", &signature.digest);
        assert_eq!(there, bench.source.store().manifest("a/app", &signature.digest), "bytes are verbatim");
    }
}

#[tokio::test]
async fn c60_the_children_of_an_index_may_have_signatures_of_their_own() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    let layers = [sample::layer(1, 1000)];
    let child = sample::image(bench.source.store(), "a/app", None, Flavour::Oci, &layers, "arm64");
    let index =
        sample::index(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, std::slice::from_ref(&child));
    let (of_child, of_index) = (bench.refer(&child, "child"), bench.refer(&index, "index"));
    assert_eq!(bench.all().await.amounts().referrers, 2);
    assert_eq!(bench.listed(&child).await, [of_child.digest]);
    assert_eq!(bench.listed(&index).await, [of_index.digest]);
}

#[tokio::test]
async fn a_signature_that_is_younger_than_its_image_still_comes_along() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    let image = bench.image("v1", 1);
    assert_eq!(bench.all().await.amounts().referrers, 0);
    let signature = bench.refer(&image, "signed later");
    let report = bench.all().await;
    assert_eq!((report.skipped(), report.amounts().referrers), (1, 1));
    assert_eq!(bench.listed(&image).await, [signature.digest]);
}

#[tokio::test]
async fn c12_what_the_target_has_is_not_counted_as_brought() {
    for target in [Referrers::Api, Referrers::Absent] {
        let bench = Bench::start(Referrers::Api, target).await;
        let image = bench.image("v1", 1);
        bench.refer(&image, "signed");
        assert_eq!(bench.all().await.amounts().referrers, 1, "{target:?}");
        let again = bench.all().await;
        assert_eq!((again.skipped(), again.amounts()), (1, Amounts::default()), "{target:?}");
    }
}

#[tokio::test]
async fn c10_what_refers_to_a_whole_image_is_counted_where_platforms_are_left_out() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    let child = |number, architecture| {
        let layers = [sample::layer(number, 1000)];
        sample::image(bench.source.store(), "a/app", None, Flavour::Oci, &layers, architecture)
    };
    let children = [child(1, "amd64"), child(2, "arm64")];
    let index = sample::index(bench.source.store(), "a/app", Some("v1"), Flavour::Oci, &children);
    let (of_child, _) = (bench.refer(&children[0], "child"), bench.refer(&index, "index"));
    sample::signature(bench.source.store(), "a/app", &index.digest);
    bench.source.clear_requests();
    let platforms = PlatformFilter::new(&[], &["amd64".to_owned()]);
    let named = Selection::These(vec![oci::TagOrDigest::Tag("v1".parse().unwrap())]);
    let rule = with_policy(bench.rule(named, ReferrerPolicy::Copy), |policy| policy.platforms = platforms);
    let report = bench.try_rules(vec![rule], Options::new(4, 0)).await;
    assert_eq!(report.failed(), 0, "{:?}", report.images);
    assert_eq!((report.copied(), report.amounts().referrers), (1, 1));
    assert_eq!(
        (report.amounts().referrers_left, report.referrers_left()),
        (2, 2),
        "a referrer, a cosign tag"
    );
    assert_eq!(bench.listed(&children[0]).await, [of_child.digest]);
    let subjects = "of the whole index, of both children, of the child's signature";
    assert_eq!(bench.asked_for_referrers(), 4, "{subjects}");
}

#[tokio::test]
async fn c57_lists_under_tags_are_copied_as_the_tags_that_they_are() {
    let bench = Bench::start(Referrers::Absent, Referrers::Absent).await;
    let image = bench.image("v1", 1);
    let signature = bench.refer(&image, "signed");
    let source = client(&bench.source).repository(&"a/app".parse().unwrap(), Access::PullPush);
    let subject: Digest = image.digest.parse().unwrap();
    let reference = oci::TagOrDigest::Digest(signature.digest.parse().unwrap());
    let manifest = source.pull_manifest(&reference).await.unwrap();
    let size = Some(manifest.bytes().len() as u64);
    let entry = Descriptor::new(Some(manifest.media_type().clone()), manifest.digest().clone(), size);
    source.add_referrer(&subject, &entry).await.unwrap();
    let report = bench.all().await;
    assert_eq!((report.copied(), report.amounts().referrers), (2, 0), "the image and the list, both as tags");
    assert_eq!(bench.listed(&image).await, [signature.digest]);
    let tag = referrers_tag(&subject).to_string();
    let same = bench.source.store().manifest("a/app", &tag) == bench.target.store().manifest("b/app", &tag);
    assert!(same, "the list is verbatim, too");
}

#[tokio::test]
async fn c61_cosigns_tags_come_along_with_images_that_are_named() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    let image = bench.image("v1", 1);
    sample::signature(bench.source.store(), "a/app", &image.digest);
    let named = Selection::These(vec![oci::TagOrDigest::Tag("v1".parse().unwrap())]);
    let report = bench.copy(named.clone(), ReferrerPolicy::Copy).await;
    assert_eq!((report.copied(), report.amounts().referrers), (1, 1));
    assert_eq!(bench.target.store().tags("b/app").len(), 2);
    bench.target.clear_requests();
    let again = bench.copy(named, ReferrerPolicy::Copy).await;
    assert_eq!((again.skipped(), again.amounts().referrers), (1, 0));
    let writes = bench
        .target
        .requests()
        .iter()
        .filter(|request| request.method != "GET" && request.method != "HEAD")
        .count();
    assert_eq!(writes, 0, "the second run stores nothing");
}

#[tokio::test]
async fn c63_nobody_is_asked_for_referrers_that_no_rule_wants() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    let image = bench.image("v1", 1);
    bench.refer(&image, "signed");
    let report = bench.copy(Selection::All, ReferrerPolicy::Leave).await;
    assert_eq!((report.copied(), report.amounts().referrers), (1, 0));
    assert_eq!(bench.asked_for_referrers(), 0);
    bench.source.clear_requests();
    bench.all().await;
    assert_eq!(bench.asked_for_referrers(), 2, "once for the image, once for its signature");
}

#[tokio::test]
async fn c60_referrers_of_referrers_are_followed_to_a_depth_and_no_further() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    let mut subject = bench.image("v1", 1);
    let mut chain = Vec::new();
    for content in ["1", "2", "3", "4", "5", "6", "7"] {
        subject = bench.refer(&subject, content);
        chain.push(subject.digest.clone());
    }
    bench.all().await;
    let here = chain.iter().filter(|digest| bench.target.store().manifest("b/app", digest).is_some());
    assert_eq!(here.count(), 5);
}

#[tokio::test]
async fn c60_a_circle_of_referrers_ends() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    let image = bench.image("v1", 1);
    let signature = bench.refer(&image, "signed");
    // Whatever subject is requested, the list has the image and its signature.
    let index = "application/vnd.oci.image.index.v1+json";
    let entries = format!("{},{}", image.descriptor, signature.descriptor);
    let body = format!(r#"{{"mediaType":"{index}","manifests":[{entries}]}}"#);
    let headers = vec![("content-type", index.to_owned())];
    let effect = Effect::Status { code: 200, body, headers };
    bench.source.misbehave(Fault { when: Match::get("/referrers/"), times: Times::Always, effect });
    assert_eq!(bench.all().await.amounts().referrers, 1);
    assert_eq!(bench.asked_for_referrers(), 2, "of the image, of its signature");
}

/// An index whose children all have a signature, with these signatures.
fn signed_children(bench: &Bench, many: u64) -> (Sample, Vec<Sample>) {
    let store = bench.source.store();
    let child =
        |number| sample::image(store, "a/app", None, Flavour::Oci, &[sample::layer(number, 300)], "amd64");
    let children: Vec<_> = (0..many).map(child).collect();
    let sign = |child: &Sample| {
        ["one", "two"].map(|text| {
            let content = format!("{text} {}", child.digest).into();
            sample::referrer(store, "a/app", child, "test/signature", &[content])
        })
    };
    let signatures = children.iter().flat_map(sign).collect();
    (sample::index(store, "a/app", Some("v1"), Flavour::Oci, &children), signatures)
}

#[tokio::test]
async fn e15_subjects_are_asked_for_side_by_side() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    signed_children(&bench, 40);
    // A request that is never answered does not delay the others.
    let when = Match::get("/referrers/");
    bench.source.misbehave(Fault { when, times: Times::After(1, 1), effect: Effect::Hang });
    let (asked, never) = (
        async {
            while bench.asked_for_referrers() < 12 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        },
        bench.all(),
    );
    tokio::select! {
        () = asked => {}
        _ = never => panic!("one question has no answer"),
        () = tokio::time::sleep(Duration::from_secs(20)) => panic!("{} were asked", bench.asked_for_referrers()),
    }
}

#[tokio::test]
async fn e15_each_subject_is_asked_for_once_and_lists_are_the_same_each_time() {
    let source = with(Referrers::Api).start().await.unwrap();
    let mut bench = Bench { source, target: with(Referrers::Absent).start().await.unwrap() };
    let (_, signatures) = signed_children(&bench, 40);
    let mut lists = Vec::new();
    for _ in 0..3 {
        bench.source.clear_requests();
        assert_eq!(bench.all().await.amounts().referrers, 80);
        assert_eq!(bench.asked_for_referrers(), 1 + 40 + 80);
        let asked = bench.target.requests();
        let asked = asked.iter().filter(|request| request.path.contains("/referrers/"));
        assert_eq!(asked.count(), 1, "a target without lists is asked for one once");
        let store = bench.target.store();
        let tags = store.tags("b/app");
        assert_eq!(tags.len(), 1 + 40);
        lists.push(tags.iter().map(|tag| store.manifest("b/app", tag).unwrap()).collect::<Vec<_>>());
        assert!(signatures.iter().all(|signature| store.manifest("b/app", &signature.digest).is_some()));
        bench.target = with(Referrers::Absent).start().await.unwrap();
    }
    assert!(lists.iter().all(|list| *list == lists[0]));
}

#[tokio::test]
async fn e15_one_list_that_cannot_be_had_fails_the_image() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    signed_children(&bench, 40);
    let effect = Effect::refuse(500, "UNKNOWN", "no");
    bench.source.misbehave(Fault { when: Match::get("/referrers/"), times: Times::After(5, 1000), effect });
    let report = bench.try_all().await;
    assert_eq!((report.copied(), report.failed()), (0, 1));
    assert!(bench.asked_for_referrers() < 40, "what would be for nothing is not asked");
}

/// Stores a list of referrers under the referrers tag of `subject` at the source.
pub(crate) fn keep_list(bench: &Bench, subject: &Sample, entries: &[&Sample]) -> String {
    let tag = subject.digest.replace(':', "-");
    let entries: Vec<_> = entries.iter().map(|entry| entry.descriptor.to_string()).collect();
    let kind = "application/vnd.oci.image.index.v1+json";
    let body = format!(
        "{{\n \"schemaVersion\":2,\"mediaType\":\"{kind}\", \"manifests\":[{}]}}\n",
        entries.join(",")
    );
    bench.source.store().put_manifest("a/app", &tag, kind, body);
    tag
}

/// The entries of the list under a tag at the target, in order.
pub(crate) fn under_tag(bench: &Bench, tag: &str) -> Vec<String> {
    let list = bench.target.store().manifest("b/app", tag).unwrap();
    let list: serde_json::Value = serde_json::from_slice(&list.bytes).unwrap();
    let entries = list["manifests"].as_array().unwrap();
    entries.iter().map(|entry| entry["digest"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn e28_a_list_under_a_tag_gets_what_the_tag_and_the_api_have() {
    for _ in 0..10 {
        let bench = Bench::start(Referrers::Api, Referrers::Absent).await;
        let image = bench.image("v1", 1);
        let (one, two) = (bench.refer(&image, "one"), bench.refer(&image, "two"));
        // Written by a client before the registry had a referrers API.
        let old = bench.image("old", 2);
        let tag = keep_list(&bench, &image, &[&old, &two]);
        assert_eq!(bench.all().await.copied(), 3);
        assert_eq!(under_tag(&bench, &tag), [old.digest.as_str(), &two.digest, &one.digest]);
        assert!(bench.target.store().manifest("b/app", &one.digest).is_some());
        bench.target.clear_requests();
        let again = bench.all().await;
        assert_eq!((again.copied(), again.skipped()), (0, 3), "{:?}", again.images);
        assert!(bench.target.requests().iter().all(|request| request.method != "PUT"));
    }
}

#[tokio::test]
async fn e28_a_list_that_lacks_nothing_stays_as_it_was_written() {
    for target in [Referrers::Absent, Referrers::Empty, Referrers::Api] {
        for _ in 0..4 {
            let bench = Bench::start(Referrers::Api, target).await;
            let image = bench.image("v1", 1);
            let (one, two) = (bench.refer(&image, "one"), bench.refer(&image, "two"));
            let tag = keep_list(&bench, &image, &[&two, &one]);
            assert_eq!(bench.all().await.copied(), 2);
            let there = bench.target.store().manifest("b/app", &tag);
            assert_eq!(there, bench.source.store().manifest("a/app", &tag), "{target:?}");
        }
    }
}

#[tokio::test]
async fn e21_two_rules_for_one_copy_bring_what_either_wants() {
    for turned in [false, true] {
        let bench = Bench::start(Referrers::Api, Referrers::Api).await;
        let image = bench.image("v1", 1);
        let signature = bench.refer(&image, "signed");
        bench.image("v2", 2);
        let v1 = Selection::These(vec![TagOrDigest::Tag("v1".parse().unwrap())]);
        let mut rules =
            vec![bench.rule(v1, ReferrerPolicy::Leave), bench.rule(Selection::All, ReferrerPolicy::Copy)];
        if turned {
            rules.reverse();
        }
        let report = bench.try_rules(rules, Options::new(4, 0)).await;
        assert_eq!((report.copied(), report.images.len()), (2, 2), "each image is told once");
        assert_eq!(bench.listed(&image).await, [signature.digest]);
    }
}

#[tokio::test]
async fn e23_a_signature_is_stored_after_its_image_and_also_where_that_failed() {
    let bench = Bench::start(Referrers::Api, Referrers::Api).await;
    // It sorts before all others, and its image takes longest.
    let images: Vec<_> = (0..6).map(|number| bench.image(&format!("v{number}"), number)).collect();
    for image in &images {
        sample::signature(bench.source.store(), "a/app", &image.digest);
    }
    let effect = Effect::Delay(Duration::from_millis(100));
    let when = Match::get(&format!("/manifests/{}", images[5].digest));
    bench.source.misbehave(Fault { when, times: Times::Always, effect });
    let effect = Effect::refuse(400, "MANIFEST_INVALID", "not this");
    bench.target.misbehave(Fault { when: Match::put("/manifests/v0"), times: Times::Always, effect });
    let report = bench.try_all().await;
    assert_eq!((report.copied(), report.failed()), (11, 1));
    let requests = bench.target.requests();
    let tags: Vec<_> = requests
        .iter()
        .filter(|request| request.method == "PUT")
        .filter_map(|request| request.path.split_once("/manifests/"))
        .map(|(_, name)| name)
        .collect();
    let is_signature = |name: &&str| name.starts_with("sha256-");
    let first = tags.iter().position(is_signature).unwrap();
    assert!(tags[first..].iter().all(is_signature), "{tags:?}");
    assert_eq!(tags[first..].len(), 6);
}
