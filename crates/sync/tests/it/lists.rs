//! Listings of tags and repositories: which rules wait for which, and how failed listings are handled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci::{Digest, ErrorKind};
use sync::select::RepositorySelection;
use sync::{
    Event, Mode, Naming, Observer, OnCollision, Options, PatternRule, PatternTarget, Policy, Rule,
    RuleTarget, Selection, Stamp, Sync, Work,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, FakeListing, FakePage, with_policy};
use crate::whole_report::{RunWhole, WholeReport};

/// In virtual time: it is reached only if no task can proceed.
const DEADLINE: Duration = Duration::from_secs(100_000);

/// Registries by their names.
#[derive(Clone)]
pub(crate) struct Registries(BTreeMap<&'static str, Fake>);

impl Registries {
    pub(crate) fn new(names: &[&'static str]) -> Self {
        Self(names.iter().map(|name| (*name, Fake::default())).collect())
    }

    pub(crate) fn at(&self, registry: &str) -> &Fake {
        &self.0[registry]
    }

    /// An image whose content names it.
    pub(crate) fn image(&self, registry: &str, repository: &str, tag: &str) -> Digest {
        let body = format!(r#"{{"schemaVersion": 2, "name": "{registry}/{repository}:{tag}"}}"#);
        self.at(registry).put_manifest(repository, Some(tag), &body)
    }

    fn tag(&self, registry: &str, repository: &str, tag: &str) -> Option<Digest> {
        self.at(registry).state().tags.get(&(repository.to_owned(), tag.parse().unwrap())).cloned()
    }

    fn repositories(&self, registry: &str) -> Vec<String> {
        let state = self.at(registry).state();
        let mut names: Vec<_> = state.tags.keys().map(|(repository, _)| repository.clone()).collect();
        names.dedup();
        names
    }

    /// `from` and `to` are a registry and a repository there.
    pub(crate) fn rule(&self, from: (&str, &str), selection: Selection, to: (&str, &str)) -> Rule {
        let target = Arc::new(self.at(to.0).repository(to.0, to.1));
        Rule {
            source: Arc::new(self.at(from.0).repository(from.0, from.1)),
            selection,
            targets: vec![RuleTarget { target, naming: Naming::Same }],
            policy: Arc::default(),
        }
    }

    /// Copies what is listed to the same names below `below`.
    pub(crate) fn pattern(
        &self,
        registry: &'static str,
        pages: Vec<FakePage>,
        pattern: &str,
        to: (&'static str, &'static str),
    ) -> PatternRule {
        let this = self.clone();
        PatternRule {
            listing: Arc::new(FakeListing::new(registry, pages)),
            pattern: pattern.parse().unwrap(),
            repositories: RepositorySelection::default(),
            make_rule: Arc::new(move |name| {
                let target = format!("{}/{name}", to.1);
                Ok(this.rule((registry, name.as_str()), Selection::All, (to.0, &target)))
            }),
            policy: Arc::default(),
            targets: vec![target_below(to.0, to.1)],
            at_least: 0,
        }
    }
}

/// A target whose repositories are not listed, and whose names do not tell their sources.
pub(crate) fn target_below(registry: &'static str, below: &str) -> PatternTarget {
    let front = format!("{registry}/{below}").trim_end_matches('/').to_owned();
    PatternTarget {
        front,
        listing: Arc::new(FakeListing::new(registry, Vec::new())),
        take_back: Arc::new(|_| None),
    }
}

pub(crate) fn names(names: &[&str]) -> FakePage {
    FakePage::Of(names.iter().map(|name| (*name).to_owned()).collect())
}

/// Keeps notes, and adds a permit when an image has ended or a rule failed.
#[derive(Default)]
struct Watch {
    notes: Mutex<Vec<String>>,
    ended: Option<Arc<Semaphore>>,
}

impl Observer for Watch {
    fn event(&self, _: &Stamp, event: &Event) {
        match event {
            Event::Note { place, text } => self.notes.lock().unwrap().push(format!("{place}: {text}")),
            Event::ImageFinished(_) | Event::RuleFailed(_) => {
                if let Some(ended) = &self.ended {
                    ended.add_permits(1);
                }
            }
            _ => {}
        }
    }
}

async fn run_watched(work: Vec<Work>, watch: &Arc<Watch>) -> WholeReport {
    let sync = Sync::new(work, Options::new(2, 1), watch.clone());
    tokio::time::timeout(DEADLINE, sync.run_whole(CancellationToken::new()))
        .await
        .expect("a wait without end")
}

async fn run(work: Vec<Work>) -> (WholeReport, Vec<String>) {
    let watch = Arc::new(Watch::default());
    let report = run_watched(work, &watch).await;
    let notes = std::mem::take(&mut *watch.notes.lock().unwrap());
    (report, notes)
}

fn assert_sound(report: &WholeReport, copied: usize) {
    assert_eq!(report.errors().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(report.copied(), copied);
}

#[tokio::test(start_paused = true)]
async fn e8_a_list_of_the_targets_tags_is_asked_for_once_whatever_comes_of_it() {
    let stalled = Duration::from_secs(30);
    for (kind, after) in [
        (ErrorKind::Denied, Duration::ZERO),
        (ErrorKind::Unavailable, Duration::ZERO),
        (ErrorKind::Stalled, stalled),
    ] {
        let registries = Registries::new(&["a.io", "b.io"]);
        for number in 0..100 {
            registries.image("a.io", "app", &format!("v{number}"));
        }
        let all = || registries.rule(("a.io", "app"), Selection::All, ("b.io", "app"));
        registries.at("b.io").state().refused_tags.insert("app".to_owned(), (kind, after));
        assert_sound(&run(vec![all().into()]).await.0, 100);
        assert_eq!(registries.at("b.io").state().tag_lists["app"], 1, "{kind:?}, the repository is new");
        // Now the first request finds its tag, and a later one does not.
        for number in 100..150 {
            registries.image("a.io", "app", &format!("v{number}"));
        }
        assert_sound(&run(vec![all().into()]).await.0, 50);
        assert_eq!(registries.at("b.io").state().tag_lists["app"], 2, "{kind:?}, some tags are there");
    }
}

#[tokio::test(start_paused = true)]
async fn e8_images_do_not_wait_for_a_list_that_does_not_come() {
    let registries = Registries::new(&["a.io", "b.io"]);
    for number in 0..4 {
        registries.image("a.io", "app", &format!("v{number}"));
    }
    let never = Duration::from_secs(50_000);
    registries.at("b.io").state().refused_tags.insert("app".to_owned(), (ErrorKind::Stalled, never));
    let watch = Arc::new(Watch { ended: Some(Arc::new(Semaphore::new(0))), ..Watch::default() });
    let rule = registries.rule(("a.io", "app"), Selection::All, ("b.io", "app"));
    let running = run_watched(vec![rule.into()], &watch);
    let ended = watch.ended.clone().unwrap();
    let before = tokio::time::Instant::now();
    let (report, ()) = tokio::join!(running, async {
        let _ = ended.acquire_many(3).await.unwrap();
        assert!(before.elapsed() < never, "three images are there before the list");
    });
    assert_sound(&report, 4);
}

#[tokio::test(start_paused = true)]
async fn e18_a_listed_repository_without_tags_is_a_note_and_no_failure() {
    let registries = Registries::new(&["a.io", "b.io"]);
    registries.image("a.io", "lib/whole", "v1");
    registries
        .at("a.io")
        .state()
        .refused_tags
        .insert("lib/half".to_owned(), (ErrorKind::NotFound, Duration::ZERO));
    let pages = || vec![names(&["lib/half", "lib/whole"])];
    let (report, notes) =
        run(vec![registries.pattern("a.io", pages(), "lib/**", ("b.io", "m")).into()]).await;
    assert_sound(&report, 1);
    assert!(
        matches!(&notes[..], [note] if note.starts_with("a.io/lib/half: ") && note.contains("no tags")),
        "{notes:?}"
    );
    // A rule that names the repository expects tags, and a refusal is not an empty list.
    let written = registries.rule(("a.io", "lib/half"), Selection::All, ("b.io", "half"));
    assert_eq!(run(vec![written.into()]).await.0.failed_rules.len(), 1);
    registries
        .at("a.io")
        .state()
        .refused_tags
        .insert("lib/half".to_owned(), (ErrorKind::Denied, Duration::ZERO));
    let (report, _) = run(vec![registries.pattern("a.io", pages(), "lib/**", ("b.io", "m")).into()]).await;
    assert_eq!((report.failed_rules.len(), report.skipped()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn e19_what_a_pattern_copied_below_its_own_target_is_not_copied_again() {
    let registries = Registries::new(&["a.io"]);
    for repository in ["app", "team/web"] {
        registries.image("a.io", repository, "v1");
    }
    let all = ["app", "backup/app", "backup/team/web", "team/web"];
    for (number, copied) in [2, 0, 0].into_iter().enumerate() {
        let listed = registries.repositories("a.io");
        let pattern = registries.pattern("a.io", vec![FakePage::Of(listed)], "**", ("a.io", "backup"));
        let (report, notes) = run(vec![pattern.into()]).await;
        assert_sound(&report, copied);
        assert_eq!(registries.repositories("a.io"), all);
        let is_told =
            notes.iter().any(|note| note.contains("a.io/backup/app, a.io/backup/team/web: left out"));
        assert_eq!(is_told, number > 0, "{notes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn e19_copies_beside_their_originals_are_not_copied_again() {
    let registries = Registries::new(&["a.io"]);
    registries.image("a.io", "app", "v1");
    for _ in 0..3 {
        let (listed, this) = (registries.repositories("a.io"), registries.clone());
        let pattern = PatternRule {
            make_rule: Arc::new(move |name| {
                let target = format!("{name}-copy");
                Ok(this.rule(("a.io", name.as_str()), Selection::All, ("a.io", &target)))
            }),
            targets: vec![target_below("a.io", "")],
            ..registries.pattern("a.io", vec![FakePage::Of(listed)], "**", ("a.io", ""))
        };
        assert!(run(vec![pattern.into()]).await.0.failed_rules.is_empty());
        assert_eq!(registries.repositories("a.io"), ["app", "app-copy"]);
    }
}

#[tokio::test(start_paused = true)]
async fn e20_a_pattern_that_could_not_be_listed_keeps_no_other_from_its_targets() {
    let registries = Registries::new(&["a.io", "b.io", "c.io"]);
    registries.image("a.io", "app", "v1");
    let wanted = registries.image("b.io", "app", "v1");
    // The second pattern's page comes after the first pattern has failed.
    let failed = Arc::new(Semaphore::new(0));
    let first = registries.pattern("a.io", vec![names(&["app"]), FakePage::Refused], "**", ("c.io", "m"));
    let second = vec![FakePage::Held(failed.clone(), vec!["app".to_owned()])];
    let second = registries.pattern("b.io", second, "**", ("c.io", "m"));
    let watch = Arc::new(Watch { ended: Some(failed), ..Watch::default() });
    let report = run_watched(vec![first.into(), second.into()], &watch).await;
    assert_eq!((report.failed_rules.len(), report.failed_rules[0].rule, report.copied()), (1, 0, 1));
    assert_eq!(registries.tag("c.io", "m/app", "v1"), Some(wanted));
}

#[tokio::test(start_paused = true)]
async fn e6_no_listing_waits_for_anothers_pages() {
    for (other, other_host) in [("another registry", "b.io"), ("the same registry", "a.io")] {
        let registries = Registries::new(&["a.io", "b.io", "c.io", "d.io"]);
        let many: Vec<String> = (0..200).map(|number| format!("many/r{number}")).collect();
        for repository in &many {
            registries.image("a.io", repository, "v1");
        }
        registries.image(other_host, "other/app", "v1");
        // The last page of the first pattern comes after the other rule's image has ended.
        let ended = Arc::new(Semaphore::new(0));
        let pages = vec![FakePage::Of(many.clone()), FakePage::Held(ended.clone(), Vec::new())];
        let first = registries.pattern("a.io", pages, "many/**", ("c.io", "m"));
        let second = registries.pattern(other_host, vec![names(&["other/app"])], "other/**", ("d.io", "m"));
        let watch = Arc::new(Watch { ended: Some(ended), ..Watch::default() });
        let report = run_watched(vec![first.into(), second.into()], &watch).await;
        assert_eq!(report.copied(), 201, "{other}");
        assert_eq!(&*report.images[0].image.target, "d.io/m/other/app", "{other}");
        let state = registries.at("a.io").state();
        assert!(many.iter().all(|repository| state.tag_lists[repository] == 1));
    }
}

fn these(tags: &[&str]) -> Selection {
    Selection::These(tags.iter().map(|tag| oci::TagOrDigest::Tag(tag.parse().unwrap())).collect())
}

#[tokio::test(start_paused = true)]
async fn e22_of_two_rules_for_one_name_the_later_is_carried_out_in_each_run_and_alone() {
    // Whichever registry is slower.
    for slow in ["a.io", "b.io"] {
        let registries = Registries::new(&["a.io", "b.io", "t.io"]);
        registries.at(slow).state().step_takes = Duration::from_secs(3);
        for tag in ["own", "both"] {
            registries.image("a.io", "os", tag);
        }
        registries.image("b.io", "os", "both");
        let work = || {
            let rule = |from| registries.rule((from, "os"), Selection::All, ("t.io", "os")).into();
            vec![rule("a.io"), rule("b.io")]
        };
        let (report, notes) = run(work()).await;
        assert_sound(&report, 2);
        let wanted = registries.tag("b.io", "os", "both");
        assert_eq!(registries.tag("t.io", "os", "both"), wanted);
        assert!(
            matches!(&notes[..], [note] if note.contains("`both`") && note.contains("a.io/os and b.io/os")),
            "{notes:?}"
        );
        // A second run does not replace the image again.
        let (report, notes) = run(work()).await;
        assert_eq!((report.copied(), report.skipped(), report.images.len(), notes.len()), (0, 2, 2, 1));
        assert_eq!(registries.tag("t.io", "os", "both"), wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn e27_the_same_image_in_two_places_is_no_conflict() {
    let registries = Registries::new(&["a.io", "b.io", "t.io"]);
    let body = r#"{"schemaVersion": 2}"#;
    for registry in ["a.io", "b.io"] {
        registries.at(registry).put_manifest("os", Some("v1"), body);
    }
    for selection in [Selection::All, these(&["v1"])] {
        let rule = |from| registries.rule((from, "os"), selection.clone(), ("t.io", "os")).into();
        let (report, notes) = run(vec![rule("a.io"), rule("b.io")]).await;
        assert_eq!((report.images.len(), report.failed(), notes), (1, 0, Vec::new()));
        assert_eq!(&*report.images[0].image.source, "b.io/os");
    }
}

/// A rule that treats a collision with another such rule as a mistake.
fn strict(rule: Rule) -> Work {
    with_policy(rule, |policy| policy.on_collision = OnCollision::Refuse).into()
}

#[tokio::test(start_paused = true)]
async fn two_images_for_one_name_fail_both_rules_and_neither_moves() {
    for (slow, mode) in [("a.io", Mode::Copy), ("b.io", Mode::Copy), ("a.io", Mode::Plan)] {
        let registries = Registries::new(&["a.io", "b.io", "c.io", "t.io"]);
        registries.at(slow).state().step_takes = Duration::from_secs(3);
        for (registry, tag) in [("a.io", "one"), ("a.io", "both"), ("b.io", "other"), ("b.io", "both")] {
            registries.image(registry, "os", tag);
        }
        let rule = |from, to| registries.rule((from, "os"), Selection::All, (to, "os"));
        // The third rule waits for what the others write.
        let work =
            vec![strict(rule("a.io", "t.io")), strict(rule("b.io", "t.io")), strict(rule("t.io", "c.io"))];
        let options = Options { mode, ..Options::new(2, 1) };
        let sync = Sync::new(work, options, Arc::new(Watch::default()));
        let report = tokio::time::timeout(DEADLINE, sync.run_whole(CancellationToken::new()));
        let report = report.await.expect("a wait without end");
        let mut failed: Vec<_> = report.failed_rules.iter().map(|failure| failure.rule).collect();
        failed.sort_unstable();
        assert_eq!(failed, [0, 1], "{:?}", report.failed_rules);
        for failure in &report.failed_rules {
            let cause = failure.error.cause.to_string();
            assert!(cause.contains("t.io/os:both (from a.io/os:both and b.io/os:both)"), "{cause}");
        }
        let there = ["one", "other", "both"].map(|tag| registries.tag("t.io", "os", tag).is_some());
        let is_copied = mode == Mode::Copy;
        assert_eq!(there, [is_copied, is_copied, false]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_collision_is_a_slip_only_of_two_rules_that_say_so_and_of_two_images() {
    let registries = Registries::new(&["a.io", "b.io", "t.io"]);
    let body = r#"{"schemaVersion": 2}"#;
    for registry in ["a.io", "b.io"] {
        registries.at(registry).put_manifest("os", Some("same"), body);
        registries.image(registry, "os", "both");
    }
    let rule = |from, tag| registries.rule((from, "os"), these(&[tag]), ("t.io", "os"));
    let (report, notes) = run(vec![strict(rule("a.io", "same")), strict(rule("b.io", "same"))]).await;
    assert_sound(&report, 1);
    assert_eq!(notes, Vec::<String>::new());
    let (report, notes) = run(vec![rule("a.io", "both").into(), strict(rule("b.io", "both"))]).await;
    assert_sound(&report, 1);
    assert!(matches!(&notes[..], [note] if note.contains("the later rule, with b.io/os")), "{notes:?}");
    assert_eq!(registries.tag("t.io", "os", "both"), registries.tag("b.io", "os", "both"));
}

#[tokio::test(start_paused = true)]
async fn e24_what_one_rule_reads_and_another_writes_is_waited_for_wherever_the_rules_stand() {
    for turned in [false, true] {
        for selection in [Selection::All, these(&["v1", "v2"])] {
            let registries = Registries::new(&["a.io", "b.io", "c.io"]);
            // The answer of a registry without the repository.
            let missing = (ErrorKind::NotFound, Duration::ZERO);
            registries.at("b.io").state().refused_tags.insert("os".to_owned(), missing);
            let wanted = ["v1", "v2"].map(|tag| registries.image("a.io", "os", tag));
            let rule = |from, to, selection: &Selection| -> Work {
                registries.rule((from, "os"), selection.clone(), (to, "os")).into()
            };
            let mut work = vec![rule("b.io", "c.io", &selection), rule("a.io", "b.io", &Selection::All)];
            if turned {
                work.reverse();
            }
            let dry = Options { mode: sync::Mode::Plan, ..Options::new(2, 1) };
            let dry = Sync::new(work.clone(), dry, Arc::new(Watch::default()))
                .run_whole(CancellationToken::new())
                .await;
            assert_eq!((dry.would_copy(), dry.images.len()), (4, 4));
            assert_sound(&run(work).await.0, 4);
            for registry in ["b.io", "c.io"] {
                let there = ["v1", "v2"].map(|tag| registries.tag(registry, "os", tag).unwrap());
                assert_eq!(there, wanted);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn e24_an_image_waits_for_its_own_name_alone_and_whatever_becomes_of_that() {
    let registries = Registries::new(&["a.io", "b.io", "c.io"]);
    registries.image("a.io", "os", "new");
    registries.image("b.io", "os", "old");
    let wanted = registries.image("b.io", "os", "broken");
    let work: Vec<Work> = vec![
        registries.rule(("b.io", "os"), these(&["old", "broken"]), ("c.io", "os")).into(),
        registries.rule(("a.io", "os"), these(&["broken"]), ("b.io", "os")).into(),
    ];
    // The rule that writes `broken` fails because its source refuses, so its present content is copied.
    registries.at("a.io").state().refuses = true;
    registries.at("a.io").state().step_takes = Duration::from_secs(60);
    let (report, _) = run(work).await;
    assert_eq!((report.copied(), report.failed()), (2, 1));
    assert_eq!(registries.tag("c.io", "os", "broken"), Some(wanted));
    assert_eq!(&*report.images[0].image.source_name(), "b.io/os:old", "it waited for nothing");
}

#[tokio::test(start_paused = true)]
async fn e24_a_circle_of_names_is_an_error_before_any_of_them_moves() {
    let registries = Registries::new(&["a.io", "b.io"]);
    for registry in ["a.io", "b.io"] {
        registries.image(registry, "os", "both");
        registries.image(registry, "os", &format!("only-{}", &registry[..1]));
    }
    let rule = |from, to| -> Work { registries.rule((from, "os"), Selection::All, (to, "os")).into() };
    let before = ["a.io", "b.io"].map(|registry| registries.tag(registry, "os", "both"));
    let (report, _) = run(vec![rule("a.io", "b.io"), rule("b.io", "a.io")]).await;
    assert_eq!((report.copied(), report.images.len(), report.failed_rules.len()), (2, 2, 1));
    let told = report.failed_rules[0].error.cause.to_string();
    assert!(told.contains("a.io/os:both, b.io/os:both"), "{told}");
    assert_eq!(["a.io", "b.io"].map(|registry| registries.tag(registry, "os", "both")), before);
    assert!(
        registries.tag("b.io", "os", "only-a").is_some() && registries.tag("a.io", "os", "only-b").is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn e24_a_pattern_waits_for_what_a_rule_brings_to_its_registry() {
    let registries = Registries::new(&["a.io", "b.io", "c.io"]);
    registries.image("b.io", "lib/os", "v1");
    let wanted = registries.image("a.io", "os", "v1");
    registries.at("a.io").state().step_takes = Duration::from_secs(5);
    let pattern = registries.pattern("b.io", vec![names(&["lib/os"])], "lib/**", ("c.io", "m"));
    let rule = registries.rule(("a.io", "os"), Selection::All, ("b.io", "lib/os"));
    assert_sound(&run(vec![pattern.into(), rule.into()]).await.0, 2);
    assert_eq!(registries.tag("c.io", "m/lib/os", "v1"), Some(wanted));
}

#[tokio::test(start_paused = true)]
async fn e21_a_written_rule_and_a_pattern_with_one_image_copy_it_once() {
    let registries = Registries::new(&["a.io", "c.io"]);
    for tag in ["v1", "v2"] {
        registries.image("a.io", "lib/os", tag);
    }
    let pattern = registries.pattern("a.io", vec![names(&["lib/os"])], "lib/**", ("c.io", "m"));
    let written = registries.rule(("a.io", "lib/os"), these(&["v1"]), ("c.io", "m/lib/os"));
    let (report, notes) = run(vec![written.into(), pattern.into()]).await;
    assert_sound(&report, 2);
    let mut rules: Vec<_> =
        report.images.iter().map(|ended| (ended.image.source_reference.to_string(), ended.rule)).collect();
    rules.sort();
    assert_eq!(rules, [("v1".to_owned(), 0), ("v2".to_owned(), 1)]);
    assert_eq!((report.images.len(), notes), (2, Vec::new()));
}

/// Two patterns from two registries to one place, and a third repository that only the first has.
fn two_patterns(registries: &Registries, pages: [Vec<FakePage>; 2]) -> Vec<Work> {
    for (registry, repository) in [("a.io", "app"), ("a.io", "alone"), ("b.io", "app")] {
        registries.image(registry, repository, "v1");
    }
    let [first, second] = pages;
    let first = registries.pattern("a.io", first, "**", ("c.io", "m"));
    let second = registries.pattern("b.io", second, "**", ("c.io", "m"));
    vec![first.into(), second.into()]
}

#[tokio::test(start_paused = true)]
async fn of_two_patterns_for_one_name_the_later_is_carried_out_whichever_registry_is_faster() {
    for slow in ["a.io", "b.io"] {
        let registries = Registries::new(&["a.io", "b.io", "c.io"]);
        registries.at(slow).state().step_takes = Duration::from_secs(2);
        for copied in [2, 0] {
            let pages = || [vec![names(&["app", "alone"])], vec![names(&["app"])]];
            let (report, notes) = run(two_patterns(&registries, pages())).await;
            assert_sound(&report, copied);
            let given_way = notes.iter().filter(|note| note.contains("the later rule, with b.io/app"));
            assert_eq!(given_way.count(), 1, "{slow}: {notes:?}");
        }
        assert_eq!(registries.tag("c.io", "m/app", "v1"), registries.tag("b.io", "app", "v1"), "{slow}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_written_rule_and_a_pattern_that_share_a_target_decide_by_their_order() {
    for turned in [false, true] {
        let registries = Registries::new(&["a.io", "b.io", "c.io"]);
        registries.image("a.io", "app", "v1");
        registries.image("b.io", "app", "v1");
        let pattern = registries.pattern("a.io", vec![names(&["app"])], "**", ("c.io", "m"));
        let written = registries.rule(("b.io", "app"), Selection::All, ("c.io", "m/app"));
        let mut work: Vec<Work> = vec![pattern.into(), written.into()];
        if turned {
            work.reverse();
        }
        assert_sound(&run(work).await.0, 1);
        let winner = if turned { "a.io" } else { "b.io" };
        assert_eq!(registries.tag("c.io", "m/app", "v1"), registries.tag(winner, "app", "v1"), "{turned}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_rule_that_is_not_heard_of_holds_no_other_up_and_has_its_names_in_the_end() {
    let registries = Registries::new(&["a.io", "b.io", "c.io"]);
    // The second pattern lists its repositories after both images of the first have ended.
    let ended = Arc::new(Semaphore::new(0));
    let held = FakePage::Held(ended.clone(), vec!["app".to_owned()]);
    let watch = Arc::new(Watch { ended: Some(ended), ..Watch::default() });
    let work = two_patterns(&registries, [vec![names(&["app", "alone"])], vec![held]]);
    assert_sound(&run_watched(work, &watch).await, 3);
    assert_eq!(registries.tag("c.io", "m/app", "v1"), registries.tag("b.io", "app", "v1"));
    assert!(registries.tag("c.io", "m/alone", "v1").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_dead_later_rule_keeps_names_as_they_are_and_no_image_waiting() {
    let registries = Registries::new(&["a.io", "b.io", "c.io"]);
    let pages = || [vec![names(&["app", "alone"])], vec![FakePage::Refused]];
    // What an earlier run copied for the later rule stays.
    let theirs = registries.image("c.io", "m/app", "v1");
    let work = two_patterns(&registries, pages());
    let report = run(work).await.0;
    assert_eq!((report.copied(), report.skipped(), report.failed_rules.len()), (1, 1, 1));
    assert_eq!(registries.tag("c.io", "m/app", "v1"), Some(theirs));
    assert!(registries.tag("c.io", "m/alone", "v1").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_gives_way_fails_where_both_rules_call_that_a_slip() {
    let registries = Registries::new(&["a.io", "b.io", "c.io"]);
    let strict_pattern = |pattern: PatternRule| {
        let make = pattern.make_rule.clone();
        let refuse =
            |rule| with_policy(rule, |policy: &mut Policy| policy.on_collision = OnCollision::Refuse);
        PatternRule { make_rule: Arc::new(move |name| make(name).map(refuse)), ..pattern }
    };
    let work = two_patterns(&registries, [vec![names(&["app", "alone"])], vec![names(&["app"])]]);
    let work = work.into_iter().map(|work| match work {
        Work::Pattern(pattern) => Work::Pattern(strict_pattern(pattern)),
        other => other,
    });
    let (report, _) = run(work.collect()).await;
    let failed: Vec<_> =
        report.failed_rules.iter().map(|failure| (failure.rule, failure.error.to_string())).collect();
    assert!(matches!(&failed[..], [(0, _)]), "{failed:?}");
    assert_eq!(report.copied(), 2);
    assert_eq!(registries.tag("c.io", "m/app", "v1"), registries.tag("b.io", "app", "v1"));
}
