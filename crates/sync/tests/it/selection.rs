//! Rules that select from whole lists: what is copied, which named tags fail, what is reported, and which requests
//! are sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use embedded_registry::LoggedRequest;
use embedded_registry::sample;
use endpoints::RegistryEndpoint;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::Method;
use oci::{ErrorKind, RepositoryName, TagOrDigest};
use sync::listing::{BulkDigests, BulkListing};
use sync::select::{AgeLimits, Counts, Latest, Matched, NewestBy, Pattern, Reason, TagSelection, TooFew};
use sync::{
    Cause, Event, Mode, Observer, Operation, Options, Outcome, Policy, ReferrerPolicy, Rule, Selection,
    Stamp, State, StateError, Sync,
};
use tokio_util::sync::CancellationToken;

use crate::engine::{Bench, client, count};
use crate::fake::with_policy;
use crate::whole_report::{RunWhole, WholeReport};

/// The events about selections.
#[derive(Default)]
struct Told {
    selected: Mutex<Vec<(Counts, Vec<String>)>>,
    nothing: Mutex<Vec<Option<Counts>>>,
    notes: Mutex<Vec<String>>,
}

impl Observer for Told {
    fn event(&self, _: &Stamp, event: &Event) {
        match event {
            Event::Selected { counts, left_out, .. } => {
                let why = |(tag, reason): &(oci::Tag, Reason)| format!("{tag}: {reason}");
                self.selected.lock().unwrap().push((*counts, left_out.iter().map(why).collect()));
            }
            Event::NothingSelected { counts, .. } => self.nothing.lock().unwrap().push(*counts),
            Event::Note { text, .. } => self.notes.lock().unwrap().push(text.clone()),
            _ => {}
        }
    }
}

/// The push times of tags according to the source, in seconds since 1970.
struct Dated(HashMap<&'static str, u64>);

impl BulkDigests for Dated {
    fn digests<'a>(&'a self, _: &'a RepositoryName) -> BoxFuture<'a, Option<Arc<BulkListing>>> {
        let at = |seconds: &u64| SystemTime::UNIX_EPOCH + Duration::from_secs(*seconds);
        let dates = self.0.iter().map(|(tag, seconds)| (tag.parse().unwrap(), at(seconds)));
        ready(Some(Arc::new(BulkListing { dates: dates.collect(), ..BulkListing::default() }))).boxed()
    }
}

fn chosen(bench: &Bench, selection: TagSelection) -> Rule {
    bench.rule("a/app", Selection::Chosen(Arc::new(selection)), &["b/app"])
}

fn dated(bench: &Bench, selection: TagSelection, dates: &[(&'static str, u64)]) -> Rule {
    let source = RegistryEndpoint::source(&client(&bench.source), &"a/app".parse().unwrap());
    let source = source.with_bulk_digests(Arc::new(Dated(dates.iter().copied().collect())));
    Rule { source: Arc::new(source), ..chosen(bench, selection) }
}

async fn run(rules: Vec<Rule>) -> (WholeReport, Arc<Told>) {
    run_with(rules, Options::new(4, 0), State::none()).await
}

async fn run_with(rules: Vec<Rule>, options: Options, state: State) -> (WholeReport, Arc<Told>) {
    let told = Arc::new(Told::default());
    let sync = Sync::new(rules, options, told.clone()).remembering(state.clone());
    let report = sync.run_whole(CancellationToken::new()).await;
    state.close().unwrap();
    (report, told)
}

fn landed(bench: &Bench) -> String {
    let mut tags = bench.target.store().tags("b/app");
    tags.sort();
    tags.join(" ")
}

fn images(bench: &Bench, tags: &[&str]) {
    for (number, tag) in (0..).zip(tags) {
        bench.image("a/app", tag, &[number]);
    }
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::new(text, Matched::Tags).unwrap()).collect()
}

fn tag(text: &str) -> TagOrDigest {
    TagOrDigest::Tag(text.parse().unwrap())
}

fn older_than(seconds: u64) -> TagSelection {
    let ages = AgeLimits::new(Some(Duration::from_secs(seconds)), None).unwrap();
    TagSelection { ages, ..TagSelection::default() }
}

#[tokio::test]
async fn stages_decide_what_arrives_and_tell_why_the_rest_does_not() {
    let bench = Bench::start().await;
    images(&bench, &["v1.0", "v1.1", "v1.2", "v1.3-rc1", "v2.0", "w1", "latest", "v1.2-bad"]);
    let selection = TagSelection {
        include: vec![patterns(&["v*"])],
        exclude: patterns(&["/bad$/"]),
        semver: vec![">=1 <2".parse().unwrap()],
        latest: Some(Latest::new(2).unwrap()),
        pins: vec![tag("latest")],
        ..TagSelection::default()
    };
    let (report, told) = run(vec![chosen(&bench, selection)]).await;
    assert_eq!((report.copied(), report.failed()), (3, 0), "{:?}", report.images);
    assert_eq!(landed(&bench), "latest v1.1 v1.2");
    let selected = told.selected.lock().unwrap();
    let [(counts, left_out)] = &selected[..] else { panic!("{selected:?}") };
    let expected = Counts {
        listed: 8,
        included: 6,
        versions: 4,
        excluded: 1,
        older: 1,
        pinned: 1,
        selected: 3,
        ..Counts::default()
    };
    assert_eq!(*counts, expected);
    assert!(left_out.contains(&"v1.2-bad: `/bad$/` in `exclude` fits it".to_owned()), "{left_out:?}");
    assert_eq!(left_out.len(), 5);
    assert_eq!(count(&bench.source, LoggedRequest::is_tag_list), 1);
    let asked =
        |request: &LoggedRequest| request.is_manifest(&Method::HEAD) || request.is_manifest(&Method::GET);
    let of_others = |request: &LoggedRequest| {
        asked(request) && ["v1.0", "w1", "v2.0"].iter().any(|tag| request.path.ends_with(tag))
    };
    assert_eq!(count(&bench.source, of_others), 0, "what is left out is not asked for");
}

#[tokio::test]
async fn a_selection_of_which_nothing_is_left_says_which_stages_took_it() {
    let bench = Bench::start().await;
    images(&bench, &["v1", "w1"]);
    let selection = TagSelection { include: vec![patterns(&["x*"])], ..TagSelection::default() };
    let (report, told) = run(vec![chosen(&bench, selection)]).await;
    assert!(report.images.is_empty() && report.failed_rules.is_empty());
    let counts = Counts { listed: 2, ..Counts::default() };
    assert_eq!(*told.nothing.lock().unwrap(), [Some(counts)]);
}

#[tokio::test]
async fn a_missing_pin_fails_by_name_and_the_others_are_copied() {
    let bench = Bench::start().await;
    images(&bench, &["v1", "v2"]);
    let digest = bench.image("a/app", "moved", &[9]).digest;
    bench.image("a/app", "moved", &[10]);
    let pins = vec![tag("gone"), TagOrDigest::Digest(digest.parse().unwrap())];
    let selection = TagSelection { include: vec![patterns(&["v1"])], pins, ..TagSelection::default() };
    let (report, _) = run(vec![chosen(&bench, selection)]).await;
    assert_eq!((report.copied(), report.failed()), (2, 1));
    assert!(bench.target.store().manifest("b/app", &digest).is_some());
    let failed = report.images.iter().find(|ended| matches!(ended.outcome, Outcome::Failed(_))).unwrap();
    assert_eq!(failed.image.source_reference, tag("gone"));
    assert_eq!(report.errors().next().unwrap().kind(), Some(ErrorKind::NotFound));
}

#[tokio::test]
async fn fewer_than_there_must_be_fail_the_rule_before_anything_moves() {
    let bench = Bench::start().await;
    images(&bench, &["v1", "w1"]);
    let selection = TagSelection { include: vec![patterns(&["v*"])], at_least: 2, ..TagSelection::default() };
    let (report, told) = run(vec![chosen(&bench, selection)]).await;
    let [failure] = &report.failed_rules[..] else { panic!("{report:?}") };
    assert_eq!(failure.error.operation, Operation::SelectTags);
    let too_few = TooFew { selected: 1, listed: 2, at_least: 2 };
    assert!(matches!(failure.error.cause, Cause::TooFew(found) if found == too_few));
    assert_eq!((told.selected.lock().unwrap().len(), bench.target.requests().len()), (1, 0));
}

#[tokio::test]
async fn the_registrys_dates_decide_without_a_request_more() {
    let bench = Bench::start().await;
    images(&bench, &["first", "second", "third", "undated"]);
    let dates = [("first", 1_000), ("second", 2_000), ("third", 3_000)];
    let latest = Some(Latest::new(2).unwrap().by(NewestBy::Pushed));
    let newest = TagSelection { latest, ..TagSelection::default() };
    let (report, told) = run(vec![dated(&bench, newest, &dates)]).await;
    assert_eq!((report.copied(), landed(&bench).as_str()), (2, "second third"));
    assert!(told.notes.lock().unwrap()[0].starts_with("1 of its tags are held back"), "`undated`");
    bench.clear();
    let (report, _) = run(vec![dated(&bench, older_than(60), &dates)]).await;
    assert_eq!((report.copied(), landed(&bench).as_str()), (1, "first second third"));
    let heads = count(&bench.source, |request| request.is_manifest(&Method::HEAD));
    let lists = count(&bench.source, LoggedRequest::is_tag_list);
    assert!(heads <= 3 && lists == 1, "{heads} {lists}");
}

#[tokio::test]
async fn what_needs_dates_fails_by_name_where_none_are_told() {
    let bench = Bench::start().await;
    images(&bench, &["v1"]);
    let latest = Some(Latest::new(1).unwrap().by(NewestBy::Pushed));
    let ages = AgeLimits::new(None, Some(Duration::from_secs(60))).unwrap();
    for selection in
        [TagSelection { latest, ..TagSelection::default() }, TagSelection { ages, ..TagSelection::default() }]
    {
        for rule in [chosen(&bench, selection.clone()), dated(&bench, selection, &[])] {
            let (report, _) = run(vec![rule]).await;
            let causes: Vec<_> = report.errors().map(|error| &error.cause).collect();
            assert!(matches!(causes[..], [Cause::NoDates]), "{causes:?}");
        }
    }
    assert!(bench.target.store().tags("b/app").is_empty());
}

#[tokio::test]
async fn without_dates_the_state_tells_when_an_image_was_first_seen() {
    let bench = Bench::start().await;
    images(&bench, &["v1", "w1"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let state = || State::open(&path).unwrap().0;
    // Any time between two runs is longer.
    let ages = AgeLimits::new(Some(Duration::from_nanos(1)), None).unwrap();
    let rule = || {
        let include = vec![patterns(&["v*"])];
        chosen(&bench, TagSelection { ages, include, ..TagSelection::default() })
    };
    let (report, told) = run(vec![rule()]).await;
    assert!(report.images.is_empty());
    assert!(told.notes.lock().unwrap()[0].contains("without a state"), "held back, and told");
    assert_eq!(count(&bench.source, |request| request.is_manifest(&Method::HEAD)), 0);

    let plan = Options { mode: Mode::Plan, ..Options::new(4, 0) };
    for _ in 0..2 {
        let (report, told) = run_with(vec![rule()], plan.clone(), State::read(&path).unwrap()).await;
        assert!(report.images.is_empty() && !path.exists(), "a plan writes nothing down");
        assert!(told.notes.lock().unwrap()[0].contains("no run has seen them yet"));
    }
    bench.clear();
    let (report, told) = run_with(vec![rule()], Options::new(4, 0), state()).await;
    assert!(report.images.is_empty() && told.notes.lock().unwrap().is_empty(), "too young");
    assert_eq!(told.selected.lock().unwrap()[0].0.too_young, 1);
    let heads = |bench: &Bench| count(&bench.source, |request| request.is_manifest(&Method::HEAD));
    assert_eq!(heads(&bench), 1, "only of what the other stages leave");
    let written = std::fs::read(&path).unwrap();
    let (report, _) = run_with(vec![rule()], plan, State::read(&path).unwrap()).await;
    assert_eq!(report.images.len(), 1, "a plan reads what is written down");
    assert!(std::fs::read(&path).unwrap() == written, "and not a byte of it changes");
    let (report, _) = run_with(vec![rule()], Options::new(4, 0), state()).await;
    assert_eq!((report.copied(), landed(&bench).as_str()), (1, "v1"));
    bench.image("a/app", "v1", &[77]);
    let (report, _) = run_with(vec![rule()], Options::new(4, 0), state()).await;
    assert!(report.images.is_empty(), "a tag that was moved starts anew");
}

#[tokio::test]
async fn a_plan_reads_what_a_killed_run_left_and_keeps_the_state_from_nobody() {
    let bench = Bench::start().await;
    images(&bench, &["v1"]);
    let folder = tempfile::tempdir().unwrap();
    let [path, killed] = ["state", "killed"].map(|name| folder.path().join(name));
    let ages = AgeLimits::new(Some(Duration::from_nanos(1)), None).unwrap();
    let rule = || chosen(&bench, TagSelection { ages, ..TagSelection::default() });
    let (copies, _) = State::open(&path).unwrap();
    run_with(vec![rule()], Options::new(4, 0), copies.clone()).await;
    copies.close().unwrap();
    // It is closed with its last clone: until then the file is as after a kill.
    assert!(matches!(State::read(&path), Err(StateError::InUse)));
    std::fs::copy(&path, &killed).unwrap();
    drop(copies);
    for path in [&path, &killed] {
        let before = std::fs::read(path).unwrap();
        let (first, second) = (State::read(path).unwrap(), State::read(path).unwrap());
        let (copies, _) = State::open(path).expect("whoever looks holds nothing");
        drop(copies);
        std::fs::write(path, &before).unwrap();
        for state in [first, second] {
            let plan = Options { mode: Mode::Plan, ..Options::new(4, 0) };
            let (report, _) = run_with(vec![rule()], plan, state).await;
            assert_eq!(report.would_copy(), 1);
        }
        assert!(std::fs::read(path).unwrap() == before);
    }
    std::fs::write(&path, b"something else").unwrap();
    assert!(matches!(State::read(&path), Err(StateError::NotOurs)));
    std::fs::write(&killed, &std::fs::read(&killed).unwrap()[..6000]).unwrap();
    assert!(matches!(State::read(&killed), Err(StateError::Unusable(_))));
    assert_eq!(std::fs::metadata(&killed).unwrap().len(), 6000, "a damaged one stays as it is");
}

#[tokio::test]
async fn signatures_under_tags_follow_their_image_and_only_theirs() {
    let bench = Bench::start().await;
    let store = bench.source.store();
    for (tag, layer) in [("1.0", 1), ("1.1", 2)] {
        let image = bench.image("a/app", tag, &[layer]);
        sample::signature(store, "a/app", &image.digest);
    }
    let newest = || TagSelection { latest: Some(Latest::new(1).unwrap()), ..TagSelection::default() };
    let policy = |referrers| Policy { referrers, ..Policy::default() };
    let (report, _) = run(vec![chosen(&bench, newest())]).await;
    assert_eq!((report.copied(), landed(&bench).as_str()), (1, "1.1"), "left behind without a word for them");
    let with_all = with_policy(chosen(&bench, newest()), |of| *of = policy(ReferrerPolicy::Copy));
    let (report, _) = run(vec![with_all.clone()]).await;
    let digest =
        bench.source.store().manifest("a/app", "1.1").map(|stored| oci::Digest::sha256(&stored.bytes));
    let signature = format!("sha256-{}.sig", digest.unwrap().hex());
    assert_eq!(landed(&bench), format!("1.1 {signature}"), "{:?}", report.images);
    assert_eq!((report.images.len(), report.failed()), (1, 0), "the signature is no image of its own");
    bench.clear();
    run(vec![with_all]).await;
    let sends = |request: &LoggedRequest| request.is_manifest(&Method::PUT) || request.is_upload_start();
    assert_eq!(count(&bench.target, sends), 0, "again, nothing is sent");
}

#[tokio::test]
async fn what_another_rule_brings_counts_among_the_newest() {
    let bench = Bench::start().await;
    images(&bench, &["1.0", "1.1", "1.2"]);
    let first = bench.rule("a/app", Selection::All, &["mid"]);
    let latest =
        TagSelection { latest: Some(Latest::new(1).unwrap()), at_least: 1, ..TagSelection::default() };
    let source = RegistryEndpoint::source(&client(&bench.target), &"mid".parse().unwrap());
    let second = Rule { source: Arc::new(source), ..chosen(&bench, latest) };
    let (report, _) = run(vec![second, first]).await;
    assert_eq!((report.failed(), landed(&bench).as_str()), (0, "1.2"), "{:?}", report.images);
}
