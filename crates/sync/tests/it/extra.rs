//! Content that only a target has: runs that change nothing report it, at the cost of a tag list.

use std::sync::{Arc, Mutex};

use embedded_registry::LoggedRequest;
use embedded_registry::sample::{self, Flavour};
use endpoints::RegistryEndpoint;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use oci::RepositoryName;
use sync::listing::{BulkDigests, BulkListing};
use sync::select::{Latest, TagSelection};
use sync::{
    Event, Mode, Naming, Observer, Options, Policy, ReferrerPolicy, Rule, RuleTarget, Selection, Stamp, Sync,
};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, client, count};
use crate::whole_report::{RunWhole, WholeReport};

/// Lines `RULE TARGET:TAG DIGEST`.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::Extra { rule, target, tags } = event {
            let (_, repository) = target.split_once('/').unwrap();
            let line = |(tag, digest): &(oci::Tag, Option<oci::Digest>)| {
                let digest = digest.as_ref().map_or("?".to_owned(), |digest| digest.hex()[..6].to_owned());
                format!("{rule} {repository}:{tag} {digest}")
            };
            self.0.lock().unwrap().extend(tags.iter().map(line));
        }
    }
}

async fn look(rules: Vec<Rule>, mode: Mode) -> (WholeReport, Vec<String>) {
    let told = Arc::new(Told::default());
    let options = Options { mode, ..Options::new(4, 0) };
    let report = Sync::new(rules, options, told.clone()).run_whole(CancellationToken::new()).await;
    let mut lines = told.0.lock().unwrap().clone();
    lines.sort();
    (report, lines)
}

/// Stores the image with this number under these tags; returns the beginning of its digest.
fn put(store: &embedded_registry::Store, repository: &str, tags: &[&str], number: u64) -> String {
    let image = sample::image(store, repository, None, Flavour::Oci, &[sample::layer(number, 50)], "amd64");
    for tag in tags {
        store.tag(repository, tag, &image.digest);
    }
    image.digest["sha256:".len()..].to_owned()
}

fn all(bench: &Bench) -> Rule {
    bench.rule("a/app", Selection::All, &["b/app"])
}

#[tokio::test]
async fn what_the_source_lacks_is_told_by_plans_alone() {
    let bench = Bench::start().await;
    put(bench.source.store(), "a/app", &["v1"], 1);
    bench.copy().await;
    let old = put(bench.target.store(), "b/app", &["v0", "old"], 2);
    let (_, told) = look(vec![all(&bench)], Mode::Plan).await;
    assert_eq!(told, [format!("0 b/app:old {}", &old[..6]), format!("0 b/app:v0 {}", &old[..6])]);
    bench.clear();
    let (_, told) = look(vec![all(&bench)], Mode::Copy).await;
    assert!(told.is_empty());
    assert_eq!(count(&bench.target, LoggedRequest::is_tag_list), 0);
    // A rule that names its images says nothing about other tags.
    let named =
        bench.rule("a/app", Selection::These(vec![oci::TagOrDigest::Tag("v1".parse().unwrap())]), &["b/app"]);
    let (_, told) = look(vec![named], Mode::Plan).await;
    assert!(told.is_empty());
}

#[tokio::test]
async fn an_unchanged_repository_costs_one_list_more() {
    let bench = Bench::start().await;
    for (number, tag) in ["v1", "v2", "v3"].iter().enumerate() {
        put(bench.source.store(), "a/app", &[tag], number as u64);
    }
    bench.copy().await;
    bench.clear();
    let (report, told) = look(vec![all(&bench)], Mode::Plan).await;
    assert_eq!((report.skipped(), told.len()), (3, 0));
    assert_eq!(count(&bench.target, LoggedRequest::is_tag_list), 1);
    assert!(
        count(&bench.target, |_| true) <= 5,
        "a ping, three tags and a list: {:?}",
        bench.target.requests()
    );
}

#[tokio::test]
async fn a_list_with_digests_costs_nothing_more() {
    struct Bulk(BulkListing);
    impl BulkDigests for Bulk {
        fn digests<'a>(&'a self, _: &'a RepositoryName) -> BoxFuture<'a, Option<Arc<BulkListing>>> {
            ready(Some(Arc::new(self.0.clone()))).boxed()
        }
    }
    let bench = Bench::start().await;
    let first = put(bench.source.store(), "a/app", &["v1"], 1);
    bench.copy().await;
    let old = put(bench.target.store(), "b/app", &["v0"], 2);
    let mut bulk = BulkListing::default();
    for (tag, hex) in [("v1", &first), ("v0", &old)] {
        bulk.digests.insert(tag.parse().unwrap(), format!("sha256:{hex}").parse().unwrap());
    }
    let target = RegistryEndpoint::target(&client(&bench.target), &"b/app".parse().unwrap());
    let target = Arc::new(target.with_bulk_digests(Arc::new(Bulk(bulk))));
    let rule = Rule { targets: vec![RuleTarget { target, naming: Naming::Same }], ..all(&bench) };
    bench.clear();
    let (report, told) = look(vec![rule], Mode::Plan).await;
    assert_eq!((report.skipped(), told), (1, vec![format!("0 b/app:v0 {}", &old[..6])]));
    assert_eq!(count(&bench.target, |_| true), 0, "{:?}", bench.target.requests());
}

#[tokio::test]
async fn what_fell_out_of_the_latest_is_no_extra_and_templates_are_taken_back() {
    let bench = Bench::start().await;
    put(bench.source.store(), "a/app", &["1.0", "1.1"], 1);
    put(bench.target.store(), "b/app", &["1.0", "1.1", "0.9", "0.9-mirror", "main"], 1);
    let latest = TagSelection { latest: Some(Latest::new(1).unwrap()), ..TagSelection::default() };
    let newest = bench.rule("a/app", Selection::Chosen(Arc::new(latest)), &["b/app"]);
    let (_, told) = look(vec![newest.clone()], Mode::Plan).await;
    let names = |told: &[String]| {
        told.iter().map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&told), ["b/app:0.9", "b/app:0.9-mirror"], "which may be a version of its own");
    let naming = Naming::Templated("{tag}-mirror".parse().unwrap());
    let targets = vec![RuleTarget { naming, ..newest.targets[0].clone() }];
    let (_, told) = look(vec![Rule { targets, ..newest }], Mode::Plan).await;
    assert_eq!(names(&told), ["b/app:0.9-mirror"]);
}

#[tokio::test]
async fn signatures_follow_their_image() {
    let bench = Bench::start().await;
    put(bench.source.store(), "a/app", &["v1"], 1);
    let kept = put(bench.target.store(), "b/app", &["v1"], 1);
    let old = put(bench.target.store(), "b/app", &["v0"], 2);
    for subject in [&kept, &old] {
        put(bench.target.store(), "b/app", &[&format!("sha256-{subject}.sig")], 3);
    }
    let policy = Arc::new(Policy { referrers: ReferrerPolicy::Copy, ..Policy::default() });
    let (_, told) = look(vec![Rule { policy, ..all(&bench) }], Mode::Plan).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains(&format!("sha256-{old}.sig")) && told[1].contains(":v0"), "{told:?}");
}

#[tokio::test]
async fn an_emptied_source_makes_all_extra_and_a_failing_one_tells_nothing() {
    let bench = Bench::start().await;
    put(bench.target.store(), "b/app", &["v0"], 2);
    let (report, told) = look(vec![all(&bench)], Mode::Plan).await;
    assert_eq!((report.failed_rules.len(), told.len()), (1, 0), "the repository is not there");
    bench.source.store().create_repository("a/app");
    let (report, told) = look(vec![all(&bench)], Mode::Plan).await;
    assert_eq!((report.failed_rules.len(), told.len()), (0, 1), "it has no tags");
}
