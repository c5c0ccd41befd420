//! Shards of one run: together they copy every image exactly once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use embedded_registry::LoggedRequest;
use endpoints::RegistryEndpoint;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use oci::RepositoryName;
use sync::listing::{BulkDigests, BulkListing};
use sync::{Event, Observer, Options, Rule, Selection, Shard, Stamp, Sync};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, client, count};
use crate::whole_report::{RunWhole, WholeReport};

/// The sizes that a registry reports for each tag of each repository.
struct Sizes(HashMap<&'static str, Vec<(&'static str, u64)>>);

impl BulkDigests for Sizes {
    fn digests<'a>(&'a self, repository: &'a RepositoryName) -> BoxFuture<'a, Option<Arc<BulkListing>>> {
        let tags = self.0.get(repository.as_str()).into_iter().flatten();
        let bytes = tags.map(|(tag, bytes)| (tag.parse().unwrap(), *bytes)).collect();
        ready(Some(Arc::new(BulkListing { bytes, ..BulkListing::default() }))).boxed()
    }

    fn tells_sizes(&self) -> BoxFuture<'_, bool> {
        ready(true).boxed()
    }
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn event(&self, _: &Stamp, event: &Event) {
        if let Event::Note { place, text } = event {
            self.0.lock().unwrap().push(format!("{place}: {text}"));
        }
    }
}

async fn shard(rules: Vec<Rule>, index: usize, count: usize) -> (WholeReport, Vec<String>) {
    let notes = Arc::new(Notes::default());
    let sync = Sync::new(rules, Options::new(4, 0), notes.clone()).only(Shard::new(index, count).unwrap());
    let report = sync.run_whole(CancellationToken::new()).await;
    let notes = notes.0.lock().unwrap().clone();
    (report, notes)
}

/// The references that a shard copied.
fn copied(report: &WholeReport) -> Vec<String> {
    let mut names: Vec<_> = report.images.iter().map(|ended| ended.image.target_name()).collect();
    let is_below = |name: &String| name.split_once('/').unwrap().1.to_owned();
    names = names.iter().map(is_below).collect();
    names.sort();
    names
}

#[tokio::test]
async fn lists_that_tell_sizes_are_split_by_bytes_and_a_giant_by_its_tags() {
    let bench = Bench::start().await;
    let sizes = [
        ("a/giant", vec![("v1", 600), ("v2", 600)]),
        ("a/b", vec![("v1", 300)]),
        ("a/c", vec![("v1", 200)]),
        ("a/d", vec![("v1", 100)]),
    ];
    let mut rules = Vec::new();
    let bulk = Arc::new(Sizes(sizes.iter().cloned().collect()));
    for (number, (repository, tags)) in sizes.iter().enumerate() {
        for (tag, _) in tags {
            bench.image(repository, tag, &[number as u64]);
        }
        let to = repository.replace("a/", "t/");
        let source = RegistryEndpoint::source(&client(&bench.source), &repository.parse().unwrap());
        let source = Arc::new(source.with_bulk_digests(bulk.clone()));
        rules.push(Rule { source, ..bench.rule(repository, Selection::All, &[&to]) });
    }
    let (one, notes) = shard(rules.clone(), 0, 3).await;
    let (two, _) = shard(rules.clone(), 1, 3).await;
    let (three, _) = shard(rules, 2, 3).await;
    assert_eq!(copied(&one), ["t/giant:v1"]);
    assert_eq!(copied(&two), ["t/giant:v2"]);
    assert_eq!(copied(&three), ["t/b:v1", "t/c:v1", "t/d:v1"]);
    assert_eq!(one.shard, two.shard.clone().map(|(_, split)| (Shard::new(0, 3).unwrap(), split)));
    assert!(
        notes.len() == 1 && notes[0].contains("t/giant: it is larger than a shard should be"),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_repository_of_another_shard_is_not_listed() {
    let bench = Bench::start().await;
    let names: Vec<_> = (0..20).map(|number| (format!("a/{number}"), format!("b/{number}"))).collect();
    for (from, _) in &names {
        bench.image(from, "v1", &[1]);
    }
    let rules = |bench: &Bench| -> Vec<Rule> {
        names.iter().map(|(from, to)| bench.rule(from, Selection::All, &[to])).collect()
    };
    let mut brought = Vec::new();
    for index in 0..4 {
        bench.clear();
        let (report, _) = shard(rules(&bench), index, 4).await;
        assert_eq!(count(&bench.source, LoggedRequest::is_tag_list), report.copied(), "shard {index}");
        brought.extend(copied(&report));
    }
    brought.sort();
    brought.dedup();
    assert_eq!(brought.len(), 20);
}

#[tokio::test]
async fn an_image_that_is_read_where_another_rule_writes_stays_with_it() {
    let bench = Bench::start().await;
    let target = || client(&bench.target);
    let mut rules = Vec::new();
    for number in 0..12 {
        let (from, between, to) = (format!("a/{number}"), format!("b/{number}"), format!("c/{number}"));
        bench.image(&from, "v1", &[number]);
        rules.push(bench.rule(&from, Selection::All, &[&between]));
        let source = Arc::new(RegistryEndpoint::source(&target(), &between.parse().unwrap()));
        rules.push(Rule { source, ..bench.rule(&from, Selection::All, &[&to]) });
    }
    let mut brought = Vec::new();
    for index in 0..3 {
        let (report, _) = shard(rules.clone(), index, 3).await;
        assert_eq!((report.failed(), report.failed_rules.len()), (0, 0), "{:?}", report.images);
        let names = copied(&report);
        for name in names.iter().filter(|name| name.starts_with("c/")) {
            assert!(
                names.contains(&name.replace("c/", "b/")),
                "{name} came without what it is made of: {names:?}"
            );
        }
        brought.extend(names);
    }
    brought.sort();
    let all = brought.len();
    brought.dedup();
    assert_eq!((brought.len(), all), (24, 24), "{brought:?}");
}
