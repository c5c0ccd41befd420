//! Shards of one run: together they copy every image exactly once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use embedded_registry::{Effect, Fault, LoggedRequest, Match, Times};
use endpoints::RegistryEndpoint;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use oci::{ErrorKind, RepositoryName};
use sync::endpoint::{Answer, EndpointError, Scope};
use sync::listing::{BulkDigests, BulkListing};
use sync::select::TagSelection;
use sync::{Cause, Error, Event, Mode, Observer, Options, Rule, Selection, Shard, Stamp, Sync};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, client, count};
use crate::whole_report::{RunWhole, WholeReport};

/// The sizes that a registry reports for each tag of each repository.
#[derive(Default)]
struct Sizes {
    tags: HashMap<&'static str, Vec<(&'static str, u64)>>,
    /// How the next requests for whether it tells sizes fail.
    unsaid: Mutex<Vec<EndpointError>>,
    /// How the next requests for lists fail.
    unlisted: Mutex<Vec<EndpointError>>,
}

impl BulkDigests for Sizes {
    fn digests<'a>(&'a self, repository: &'a RepositoryName) -> BoxFuture<'a, Option<Arc<BulkListing>>> {
        async { self.try_digests(repository).await.ok().flatten() }.boxed()
    }

    fn try_digests<'a>(&'a self, repository: &'a RepositoryName) -> Answer<'a, Option<Arc<BulkListing>>> {
        if let Some(error) = self.unlisted.lock().unwrap().pop() {
            return ready(Err(error)).boxed();
        }
        let tags = self.tags.get(repository.as_str()).into_iter().flatten();
        let bytes = tags.map(|(tag, bytes)| (tag.parse().unwrap(), *bytes)).collect();
        ready(Ok(Some(Arc::new(BulkListing { bytes, ..BulkListing::default() })))).boxed()
    }

    fn tells_sizes(&self) -> Answer<'_, bool> {
        let error = self.unsaid.lock().unwrap().pop();
        ready(error.map_or(Ok(true), Err)).boxed()
    }
}

fn passing() -> EndpointError {
    let error = EndpointError::new(ErrorKind::Unavailable, "503 Service Unavailable");
    EndpointError { scope: Scope::Store, is_retryable: true, ..error }
}

fn lasting() -> EndpointError {
    EndpointError::new(ErrorKind::Denied, "403 Forbidden")
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn event(&self, _: &Stamp, event: &Event) {
        match event {
            Event::Note { place, text } => self.0.lock().unwrap().push(format!("{place}: {text}")),
            Event::Selected { source, .. } => self.0.lock().unwrap().push(format!("selected of {source}")),
            Event::Extra { target, .. } => self.0.lock().unwrap().push(format!("only at {target}")),
            _ => {}
        }
    }
}

async fn shard(rules: Vec<Rule>, index: usize, count: usize) -> (WholeReport, Vec<String>) {
    shard_with(0, rules, (index, count)).await
}

async fn shard_with(
    retries: u32,
    rules: Vec<Rule>,
    (index, count): (usize, usize),
) -> (WholeReport, Vec<String>) {
    let notes = Arc::new(Notes::default());
    let sync =
        Sync::new(rules, Options::new(4, retries), notes.clone()).only(Shard::new(index, count).unwrap());
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

/// Rules for repositories of different sizes.
fn sized(bench: &Bench) -> (Arc<Sizes>, Vec<Rule>) {
    let sizes = [
        ("a/giant", vec![("v1", 600), ("v2", 600)]),
        ("a/b", vec![("v1", 300)]),
        ("a/c", vec![("v1", 200)]),
        ("a/d", vec![("v1", 100)]),
    ];
    let mut rules = Vec::new();
    let bulk = Arc::new(Sizes { tags: sizes.iter().cloned().collect(), ..Sizes::default() });
    for (number, (repository, tags)) in sizes.iter().enumerate() {
        for (tag, _) in tags {
            bench.image(repository, tag, &[number as u64]);
        }
        let to = repository.replace("a/", "t/");
        let source = RegistryEndpoint::source(&client(&bench.source), &repository.parse().unwrap());
        let source = Arc::new(source.with_bulk_digests(bulk.clone()));
        rules.push(Rule { source, ..bench.rule(repository, Selection::All, &[&to]) });
    }
    (bulk, rules)
}

#[tokio::test]
async fn lists_that_tell_sizes_are_split_by_bytes_and_a_giant_by_its_tags() {
    let bench = Bench::start().await;
    let (_, rules) = sized(&bench);
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
async fn what_rules_selected_is_told_by_one_shard_of_each_repository() {
    for tell_sizes in [true, false] {
        // Names decide by the registry's port, too.
        let (bench, mut told) = (Bench::start().await, Vec::new());
        for index in 0..3 {
            let (_, rules) = sized(&bench);
            let all = Selection::Chosen(Arc::new(TagSelection::default()));
            let plain = |rule: Rule| {
                let name = rule.source.name().split_once('/').unwrap().1.to_owned();
                Rule { targets: rule.targets, ..bench.rule(&name, all.clone(), &["t/x"]) }
            };
            let sized = |rule: Rule| Rule { selection: all.clone(), ..rule };
            let rules = rules.into_iter().map(|rule| if tell_sizes { sized(rule) } else { plain(rule) });
            let (report, notes) = shard(rules.collect(), index, 3).await;
            assert_eq!(report.failed_rules.len(), 0);
            let below = |note: String| note.rsplit_once('/').unwrap().1.to_owned();
            told.extend(notes.into_iter().filter(|note| note.starts_with("selected of")).map(below));
        }
        told.sort();
        assert_eq!(told, ["b", "c", "d", "giant"], "{tell_sizes}");
    }
}

#[tokio::test]
async fn what_only_a_target_has_is_told_by_the_shard_that_has_listed_its_source() {
    let bench = Bench::start().await;
    let names: Vec<_> = (0..6).map(|number| (format!("a/{number}"), format!("b/{number}"))).collect();
    let rules: Vec<_> = names.iter().map(|(from, to)| bench.rule(from, Selection::All, &[to])).collect();
    for (from, _) in &names {
        bench.image(from, "v1", &[1]);
    }
    // All targets have what their sources have, and nothing else.
    shard(rules.clone(), 0, 1).await;
    for index in 0..3 {
        let notes = Arc::new(Notes::default());
        let options = Options { mode: Mode::Plan, ..Options::new(4, 0) };
        let sync = Sync::new(rules.clone(), options, notes.clone()).only(Shard::new(index, 3).unwrap());
        sync.run_whole(CancellationToken::new()).await;
        assert_eq!(*notes.0.lock().unwrap(), Vec::<String>::new(), "shard {index}");
    }
}

#[tokio::test]
async fn a_shard_that_did_not_learn_what_the_others_know_copies_nothing() {
    let is_undivided = |error: &Error| matches!(&error.cause, Cause::Undivided(own) if own.kind() == Some(ErrorKind::Unavailable));
    for (unsaid, unlisted) in [(vec![passing()], Vec::new()), (Vec::new(), vec![passing()])] {
        let bench = Bench::start().await;
        let (sizes, rules) = sized(&bench);
        (*sizes.unsaid.lock().unwrap(), *sizes.unlisted.lock().unwrap()) = (unsaid, unlisted);
        let (report, _) = shard(rules, 0, 3).await;
        assert_eq!((report.images.len(), report.failed_rules.len(), &report.shard), (0, 1, &None));
        assert_eq!(report.unfinished_rules, [0, 1, 2, 3], "all rules are left, not only the one that failed");
        assert!(report.errors().all(is_undivided), "{:?}", report.failed_rules);
        assert!(bench.target.requests().is_empty());
    }
    // A list of tags that does not come.
    let bench = Bench::start().await;
    let (_, rules) = sized(&bench);
    let effect = Effect::refuse(503, "UNAVAILABLE", "not now");
    bench.source.misbehave(Fault { when: Match::get("/tags/list"), times: Times::Always, effect });
    let (report, _) = shard(rules, 0, 3).await;
    assert_eq!((report.images.len(), report.failed_rules.len()), (0, 4));
    assert!(report.errors().all(is_undivided), "{:?}", report.failed_rules);
}

#[tokio::test]
async fn an_answer_that_comes_at_the_second_try_divides_as_the_first_would_have() {
    let bench = Bench::start().await;
    let (sizes, rules) = sized(&bench);
    let (smooth, _) = shard(rules, 1, 3).await;
    let (again, rules) = sized(&bench);
    (*again.unsaid.lock().unwrap(), *again.unlisted.lock().unwrap()) = (vec![passing()], vec![passing()]);
    let (rough, _) = shard_with(1, rules, (1, 3)).await;
    assert!(sizes.unlisted.lock().unwrap().is_empty() && again.unlisted.lock().unwrap().is_empty());
    assert_eq!((copied(&rough), &rough.shard), (copied(&smooth), &smooth.shard));
    assert_eq!(copied(&rough), ["t/giant:v2"]);
}

#[tokio::test]
async fn what_is_refused_to_all_shards_weighs_nothing_and_stops_none() {
    let bench = Bench::start().await;
    let (mut brought, mut failed) = (Vec::new(), Vec::new());
    for index in 0..3 {
        let (sizes, mut rules) = sized(&bench);
        let dead = bench.rule("a/dead", Selection::All, &["t/dead"]);
        rules.insert(0, dead);
        // Every list of sizes is refused, twice: once more where it would only save requests.
        *sizes.unlisted.lock().unwrap() = vec![lasting(); 8];
        let (report, _) = shard(rules, index, 3).await;
        failed.push(report.failed_rules.len());
        brought.extend(copied(&report));
    }
    brought.sort();
    assert_eq!(
        failed.iter().sum::<usize>(),
        1,
        "without sizes a repository is listed by its own shard alone: {failed:?}"
    );
    assert_eq!(brought, ["t/b:v1", "t/c:v1", "t/d:v1", "t/giant:v1", "t/giant:v2"]);
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
