//! Lists of tags and of repositories: who waits for which, and what is made of those that fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci::{Digest, ErrorKind};
use sync::{
    Event, Naming, Observer, Options, PatternRule, ReferrerPolicy, Report, Rule, RuleTarget, Selection, Sync,
    Work,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, FakeListing, FakePage};

/// In virtual time, so that this passes only when nothing else can move.
const DEADLINE: Duration = Duration::from_secs(100_000);

/// Registries by their names.
#[derive(Clone)]
struct Registries(BTreeMap<&'static str, Fake>);

impl Registries {
    fn new(names: &[&'static str]) -> Self {
        Self(names.iter().map(|name| (*name, Fake::default())).collect())
    }

    fn at(&self, registry: &str) -> &Fake {
        &self.0[registry]
    }

    /// An image that says what it is.
    fn image(&self, registry: &str, repository: &str, tag: &str) -> Digest {
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
    fn rule(&self, from: (&str, &str), selection: Selection, to: (&str, &str)) -> Rule {
        let target = Arc::new(self.at(to.0).repository(to.0, to.1));
        Rule {
            source: Arc::new(self.at(from.0).repository(from.0, from.1)),
            selection,
            targets: vec![RuleTarget { target, naming: Naming::Same }],
            referrers: ReferrerPolicy::Leave,
        }
    }

    /// Copies what is listed to the same names below `below`.
    fn pattern(
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
            make_rule: Arc::new(move |name| {
                let target = format!("{}/{name}", to.1);
                Ok(this.rule((registry, name.as_str()), Selection::All, (to.0, &target)))
            }),
            target_fronts: vec![format!("{}/{}", to.0, to.1)],
        }
    }
}

fn names(names: &[&str]) -> FakePage {
    FakePage::Of(names.iter().map(|name| (*name).to_owned()).collect())
}

/// Keeps notes, and lets something go on when an image has ended or a rule failed.
#[derive(Default)]
struct Watch {
    notes: Mutex<Vec<String>>,
    ended: Option<Arc<Semaphore>>,
}

impl Observer for Watch {
    fn event(&self, event: &Event) {
        match event {
            Event::Note { place, text } => self.notes.lock().unwrap().push(format!("{place}: {text}")),
            Event::ImageFinished { .. } | Event::RuleFailed(_) => {
                if let Some(ended) = &self.ended {
                    ended.add_permits(1);
                }
            }
            _ => {}
        }
    }
}

async fn run_watched(work: Vec<Work>, watch: &Arc<Watch>) -> Report {
    let sync = Sync::new(work, Options::new(2, 1), watch.clone());
    tokio::time::timeout(DEADLINE, sync.run(CancellationToken::new())).await.expect("a wait without end")
}

async fn run(work: Vec<Work>) -> (Report, Vec<String>) {
    let watch = Arc::new(Watch::default());
    let report = run_watched(work, &watch).await;
    let notes = std::mem::take(&mut *watch.notes.lock().unwrap());
    (report, notes)
}

fn assert_sound(report: &Report, copied: usize) {
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
        // Now the first question finds its tag, and a later one does not.
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
    // Whoever names it expects tags, and a refusal is no emptiness.
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
            target_fronts: vec!["a.io".to_owned()],
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
    // The second is listed when the first has failed.
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
        // The last page of the first pattern comes when the other's image has ended.
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
