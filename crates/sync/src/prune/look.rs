//! Looks at sources and targets, and decides what goes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use oci::{Digest, Tag};
use tokio_util::sync::CancellationToken;

use super::candidate::{Candidate, Untagging};
use super::contents::Contents;
use super::decide::{Claim, Scene, decide, suspects};
use super::guards::Guards;
use super::read::read;
use super::refusal::Refusal;
use crate::endpoint::{Source, Target};
use crate::plan::listings::{AtTarget, Listings, Place, SourceTags};
use crate::{Error, Observer, Options, Report, State, Sync, Work};

/// Rules, and what keeps those that delete from deleting too much.
pub struct Prune {
    /// All rules of a config: what any of them selects stays. `None` for those that delete nothing.
    pub rules: Vec<(Work, Option<Guards>)>,
    /// How often what fails in passing is tried again, and how many lists are read at once.
    pub options: Options,
    /// What earlier runs have seen gone.
    pub state: State,
}

/// What would go, and why the rest does not.
pub struct PrunePlan {
    /// Why nothing goes at all.
    pub refused: Option<Refusal>,
    pub(super) repositories: Vec<Repository>,
    pub(super) retries: u32,
}

/// What goes of one repository.
pub(super) struct Repository {
    pub(super) target: Arc<dyn Target>,
    pub(super) contents: Contents,
    /// In the order in which they go.
    pub(super) candidates: Vec<Candidate>,
    /// What tags would be at sources that did not have them.
    pub(super) missed: HashMap<Tag, Vec<Missed>>,
}

/// A tag that a source did not have.
pub(super) struct Missed {
    pub(super) source: Arc<dyn Source>,
    pub(super) tag: Tag,
}

impl Prune {
    /// Lists, reads and decides. Nothing is deleted; what is seen to be gone is remembered.
    pub async fn look(self, observer: Arc<dyn Observer>, cancel: CancellationToken) -> PrunePlan {
        let Self { rules, options, state } = self;
        let retries = options.retries;
        let (works, guards): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
        let patterns: Vec<Option<String>> = works.iter().map(pattern_of).collect();
        let sync = Sync::new(works, options, observer).remembering(state.clone());
        let (report, listings) = sync.list(cancel).await;
        let refused = not_listed(&report).or_else(|| without_tags(&listings, &patterns, &guards));
        let refused = refused.map(Refusal::Unknown);
        let mut plan = PrunePlan { refused, repositories: Vec::new(), retries };
        if plan.refused.is_none() {
            plan.examine(&listings, &guards, &state).await;
        }
        plan
    }
}

impl PrunePlan {
    /// All that might go, with why it does or does not, sorted by name.
    pub fn candidates(&self) -> Vec<&Candidate> {
        let all = self.repositories.iter().flat_map(|repository| &repository.candidates);
        let mut all: Vec<_> = all.collect();
        all.sort_by_cached_key(|candidate| candidate.target());
        all
    }

    async fn examine(&mut self, listings: &Listings, guards: &[Option<Guards>], state: &State) {
        let mut by_place: BTreeMap<Place, Vec<&AtTarget>> = BTreeMap::new();
        for found in &listings.at_targets {
            by_place.entry(Place::of(found.target.name())).or_default().push(found);
        }
        let mut refusals = Vec::new();
        for (place, mut found) in by_place {
            found.sort_by_key(|found| found.target.name());
            match self.examine_repository((&place, &found), listings, guards, state).await {
                Ok(refusal) => refusals.extend(refusal),
                Err(error) => refusals.push(Refusal::Unknown(unread(&error))),
            }
        }
        self.refused = refusals.into_iter().reduce(Refusal::and);
    }

    async fn examine_repository(
        &mut self,
        (place, found): (&Place, &[&AtTarget]),
        listings: &Listings,
        guards: &[Option<Guards>],
        state: &State,
    ) -> Result<Option<Refusal>, Error> {
        let guards = |found: &AtTarget| guards.get(found.rule).copied().flatten();
        if !found.iter().any(|found| guards(found).is_some()) {
            return Ok(None);
        }
        let claims: Vec<_> = found
            .iter()
            .map(|found| Claim {
                guards: guards(found),
                source: found.source.name().into(),
                tags: found.tags,
                extra: &found.extra,
            })
            .collect();
        let nothing = HashSet::new();
        let selected = listings.selected(place).unwrap_or(&nothing);
        let suspects = suspects(&claims, selected);
        let target = found[0].target.clone();
        let name: Arc<str> = target.name().into();
        let (now, mut contents) = (SystemTime::now(), Contents::default());
        if !suspects.is_empty() {
            contents = read(&*target, self.retries, &suspects, selected).await?;
        }
        let suspected = suspects.images.iter().chain(&suspects.followers);
        let seen: Vec<(Tag, Digest)> =
            suspected.filter_map(|tag| Some((tag.clone(), contents.tags.get(tag)?.clone()))).collect();
        let gone = state.note_gone((target.store(), target.repository()), &seen, now);
        let untagging = if seen.is_empty() { Untagging::Unknown } else { untagging(&*target).await };
        let scene = Scene { name, contents: &contents, untagging, selected, claims: &claims };
        let decided = decide(&scene, &gone, now);
        if !decided.candidates.is_empty() {
            let (candidates, missed) = (decided.candidates, missed(found));
            self.repositories.push(Repository { target, contents, candidates, missed });
        }
        Ok(decided.refused)
    }
}

/// What was missed at sources when they were listed.
fn missed(found: &[&AtTarget]) -> HashMap<Tag, Vec<Missed>> {
    let mut missed: HashMap<Tag, Vec<Missed>> = HashMap::new();
    for found in found {
        for name in found.extra.images.iter().chain(&found.extra.followers) {
            let Some(tag) = found.naming.source_tag(name) else { continue };
            missed.entry(name.clone()).or_default().push(Missed { source: found.source.clone(), tag });
        }
    }
    missed
}

/// Whether a target takes a tag away without its image, as far as is known before it has done so.
async fn untagging(target: &dyn Target) -> Untagging {
    match target.deletes() {
        Some(deletes) if deletes.untags().await => Untagging::Certain,
        _ => Untagging::Unknown,
    }
}

/// Why nothing goes where a rule could not be listed.
fn not_listed(report: &Report) -> Option<String> {
    if !report.unfinished_rules.is_empty() {
        return Some("the run was stopped before all rules were listed".to_owned());
    }
    let first = report.failed_rules.first()?;
    let more = match report.failed_rules.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some(format!("{} could not be listed: {}{more}", first.source, oci::with_sources(&*first.error)))
}

/// What a rule about many repositories lists.
fn pattern_of(work: &Work) -> Option<String> {
    match work {
        Work::Pattern(rule) => Some(format!("{}/{}", rule.listing.name(), rule.pattern)),
        Work::Repository(_) | Work::Tasks(_) | Work::Assignments(_) => None,
    }
}

/// Why nothing goes where a source that is named has no tags, or a pattern no repositories.
fn without_tags(
    listings: &Listings,
    patterns: &[Option<String>],
    guards: &[Option<Guards>],
) -> Option<String> {
    let is_written = |rule: usize| patterns.get(rule).is_some_and(Option::is_none);
    let lacks = |found: &&AtTarget| match found.tags {
        SourceTags::Some => false,
        // A rule that deletes nothing may wait for its first image.
        SourceTags::NoImages => guards.get(found.rule).is_some_and(Option::is_some),
        SourceTags::None => true,
    };
    if let Some(empty) = listings.at_targets.iter().find(|found| lacks(found) && is_written(found.rule)) {
        let lacks = match empty.tags {
            SourceTags::NoImages => "has none of the images that its rule selects",
            SourceTags::None | SourceTags::Some => "has no tags",
        };
        return Some(format!("{} {lacks}: an empty source deletes nothing", empty.source.name()));
    }
    let listed: BTreeSet<usize> = listings.at_targets.iter().map(|found| found.rule).collect();
    let silent =
        patterns.iter().enumerate().find(|(rule, pattern)| pattern.is_some() && !listed.contains(rule));
    let pattern = silent?.1.as_deref()?;
    Some(format!("no repository matches {pattern}: an empty source deletes nothing"))
}

fn unread(error: &Error) -> String {
    format!("what the target has cannot be read: {}", oci::with_sources(error))
}

/// What the name of a candidate is, for whoever writes it down.
pub(super) fn line(candidate: &Candidate) -> String {
    format!("{} {}", candidate.target(), candidate.digest)
}

impl PrunePlan {
    /// What goes if all goes well, a line `NAME DIGEST` for each: enough to bring every name back.
    pub fn undo_lines(&self) -> Vec<String> {
        let due = self.candidates().into_iter().filter(|candidate| candidate.is_due());
        due.map(line).collect()
    }

    /// Whether nothing is to go.
    pub fn is_empty(&self) -> bool {
        !self.repositories.iter().flat_map(|repository| &repository.candidates).any(Candidate::is_due)
    }
}
