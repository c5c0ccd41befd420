//! Rules that share a target but do not meet: a pattern, and another rule that reads elsewhere. Of two images for one
//! reference the later rule's is copied, whichever registry is faster.
//!
//! A later rule announces the references that it wants as soon as it knows them. An image of an earlier rule waits
//! only if a later rule may still want its reference, and only while that rule's listing makes progress. If a listing
//! fails once, or makes no progress for a while, earlier rules no longer wait for it. They then keep what the target
//! has under the reference, because it may be the later rule's image from an earlier run.
//!
//! Waits cannot form a cycle: rules only wait for listings, and only for those of later rules.

mod told;

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::told::Winner;
use self::told::{Says, Told};
use crate::lock::lock;
use crate::plan::place::Place;
use crate::plan::reach::{Extent, Reach};

/// How long earlier rules wait for a later rule without progress.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// All rules of a run that share targets without meeting.
#[derive(Default)]
pub(crate) struct Rivals {
    rules: Vec<Rival>,
    /// Notified whenever a rule has announced something.
    changed: Notify,
}

struct Rival {
    writes: Vec<Extent>,
    /// Later rules that may want the same references.
    later: Vec<usize>,
    /// Whether an earlier rule has it among its `later` rules; otherwise it need not announce anything.
    is_later: bool,
    is_pattern: bool,
    told: Mutex<Told>,
}

/// What later rules say about a reference.
pub(crate) enum Word {
    /// No later rule wants it.
    Free,
    /// A later rule has another image for it.
    Wanted(Winner),
    /// A later rule may want it, which cannot be determined.
    MayBeWanted,
}

impl Rivals {
    /// Finds the rules that share a target; `firsts` tells which rules meet.
    pub(crate) fn new(all: &[Reach], firsts: &[usize]) -> Self {
        let mut rivals = Self { rules: all.iter().map(Rival::new).collect(), changed: Notify::new() };
        for (index, reach) in all.iter().enumerate().filter(|(_, reach)| reach.is_pattern()) {
            for (other, them) in all.iter().enumerate() {
                // Each pair of patterns is handled once, at the first one.
                let is_seen = other != index && !(them.is_pattern() && other < index);
                if is_seen && firsts[index] != firsts[other] && reach.shares_a_target(them) {
                    rivals.rules[index.min(other)].later.push(index.max(other));
                    rivals.rules[index.max(other)].is_later = true;
                }
            }
        }
        rivals.rules.iter_mut().for_each(|rival| rival.later.sort_unstable());
        rivals
    }

    /// Whether both rules may want the same references without having met.
    pub(crate) fn are(&self, one: usize, other: usize) -> bool {
        self.rules.get(one.min(other)).is_some_and(|rival| rival.later.contains(&one.max(other)))
    }

    /// Whether no two rules are rivals.
    pub(crate) fn is_empty(&self) -> bool {
        self.rules.iter().all(|rival| rival.later.is_empty())
    }

    /// What later rules say about a reference; `None` if a listing has to be awaited.
    pub(crate) fn now(&self, rule: usize, place: &Place) -> Option<Word> {
        let Some(rival) = self.rules.get(rule) else { return Some(Word::Free) };
        let (mut waits, mut may_be) = (false, false);
        let name = Extent::One(place.repository.to_string());
        for later in rival.later.iter().rev().map(|later| &self.rules[*later]) {
            if later.writes.iter().any(|written| written.overlaps(&name)) {
                match lock(&later.told).says(place) {
                    Says::Wanted(winner) => return Some(Word::Wanted(winner)),
                    Says::Wait => waits = true,
                    Says::MayBeWanted => may_be = true,
                    Says::Free => {}
                }
            }
        }
        match (waits, may_be) {
            (true, _) => None,
            (false, true) => Some(Word::MayBeWanted),
            (false, false) => Some(Word::Free),
        }
    }

    /// The same, but waits for listings.
    pub(crate) async fn word(&self, rule: usize, place: &Place) -> Word {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(word) = self.now(rule, place) {
                return word;
            }
            let silent_at = self.heard_last(rule) + LONGEST_SILENCE;
            if timeout_at(silent_at, changed).await.is_err() {
                self.give_up_silent(rule);
            }
        }
    }

    /// The time of the oldest last progress among the later rules that are waited for.
    fn heard_last(&self, rule: usize) -> Instant {
        let later = self.rules[rule].later.iter().map(|later| lock(&self.rules[*later].told));
        later.filter(|told| told.is_awaited()).map(|told| told.heard).min().unwrap_or_else(Instant::now)
    }

    fn give_up_silent(&self, rule: usize) {
        for later in &self.rules[rule].later {
            let mut told = lock(&self.rules[*later].told);
            if told.heard.elapsed() >= LONGEST_SILENCE {
                told.is_failing();
            }
        }
    }

    fn tell(&self, rule: usize, what: impl FnOnce(&mut Told)) {
        if let Some(rival) = self.rules.get(rule).filter(|rival| rival.is_later) {
            let mut told = lock(&rival.told);
            told.heard = Instant::now();
            what(&mut told);
            drop(told);
            self.changed.notify_waiters();
        }
    }

    /// A pattern knows all its repositories.
    pub(crate) fn repositories_are_known(&self, rule: usize) {
        self.tell(rule, Told::repositories_are_known);
    }

    /// A page of a listing was read.
    pub(crate) fn is_at_it(&self, rule: usize) {
        self.tell(rule, |_| ());
    }

    /// A listing of the rule failed: earlier rules no longer wait for it, although a retry may succeed.
    pub(crate) fn is_failing(&self, rule: usize) {
        self.tell(rule, Told::is_failing);
    }

    /// Begins the announcements of a rule about one repository.
    pub(crate) fn telling(self: &Arc<Self>, rule: usize, targets: Vec<Arc<str>>) -> Telling {
        let is_pattern = self.rules.get(rule).is_some_and(|rival| rival.is_pattern);
        self.tell(rule, |told| {
            told.expect(&targets);
            if !is_pattern {
                told.repositories_are_known();
            }
        });
        Telling { rivals: self.clone(), rule, targets, has_told_all: Mutex::new(false) }
    }
}

impl Rival {
    fn new(reach: &Reach) -> Self {
        let (writes, is_pattern, told) = (reach.writes.clone(), reach.is_pattern(), Mutex::new(Told::new()));
        Self { writes, later: Vec::new(), is_later: false, is_pattern, told }
    }
}

/// The announcements of a rule about one repository. If it is dropped before they are complete, the rule's other
/// references stay unknown.
pub(crate) struct Telling {
    rivals: Arc<Rivals>,
    rule: usize,
    targets: Vec<Arc<str>>,
    has_told_all: Mutex<bool>,
}

impl Telling {
    /// Whether an earlier rule needs the announcements.
    pub(crate) fn is_of_use(&self) -> bool {
        self.rivals.rules.get(self.rule).is_some_and(|rival| rival.is_later)
    }

    pub(crate) fn wants(&self, names: impl Iterator<Item = (Place, Winner)>) {
        self.rivals.tell(self.rule, |told| told.names.extend(names));
    }

    pub(crate) fn has_told_all(&self) {
        if !std::mem::replace(&mut *lock(&self.has_told_all), true) {
            self.rivals.tell(self.rule, |told| told.listed(&self.targets));
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if !*lock(&self.has_told_all) {
            self.rivals.tell(self.rule, |told| told.not_listed(&self.targets));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::company::firsts;

    fn extent(text: &str) -> Extent {
        if text.ends_with('/') { Extent::Below(text.to_owned()) } else { Extent::One(text.to_owned()) }
    }

    fn rivals(rules: &[(&str, &str)]) -> Rivals {
        let reach = |(from, to): &(&str, &str)| Reach { reads: extent(from), writes: vec![extent(to)] };
        let all: Vec<_> = rules.iter().map(reach).collect();
        Rivals::new(&all, &firsts(&all))
    }

    #[test]
    fn a_pattern_and_what_only_shares_its_target_are_rivals() {
        let later = |rules: &[(&str, &str)]| {
            rivals(rules).rules.into_iter().map(|rival| rival.later).collect::<Vec<_>>()
        };
        assert_eq!(later(&[("a/", "t/m/"), ("b/", "t/m/"), ("c/x", "t/m/x")]), [vec![1, 2], vec![2], vec![]]);
        assert_eq!(later(&[("c/x", "t/m/x"), ("a/", "t/m/"), ("d/x", "t/x")]), [vec![1], vec![], vec![]]);
        assert_eq!(
            later(&[("a/x", "t/m/x"), ("a/", "t/m/")]),
            [const { Vec::<usize>::new() }; 2],
            "they have met"
        );
        assert_eq!(
            later(&[("a/x", "t/x"), ("b/x", "t/x")]),
            [const { Vec::<usize>::new() }; 2],
            "and so have these"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_waits_for_the_list_that_tells_and_for_no_silence() {
        let all = Arc::new(rivals(&[("a/", "t/m/"), ("b/", "t/m/")]));
        let place = |repository: &str| Place { repository: repository.into(), reference: ":v1".to_owned() };
        let is_free = |repository| all.now(0, &place(repository)).map(|word| matches!(word, Word::Free));
        assert_eq!((is_free("t/m/x"), is_free("t/other")), (None, Some(true)));
        assert!(matches!(all.now(1, &place("t/m/x")), Some(Word::Free)), "it is the later one");
        let telling = all.telling(1, vec!["t/m/x".into()]);
        all.repositories_are_known(1);
        assert_eq!((is_free("t/m/x"), is_free("t/m/y")), (None, Some(true)));
        telling.has_told_all();
        assert_eq!(is_free("t/m/x"), Some(true));
        let _never_told = all.telling(1, vec!["t/m/z".into()]);
        let began = Instant::now();
        assert!(matches!(all.word(0, &place("t/m/z")).await, Word::MayBeWanted));
        assert!(began.elapsed() >= LONGEST_SILENCE);
    }
}
