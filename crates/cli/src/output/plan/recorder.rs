//! Records the findings of a planning run outside of memory, and returns them in the plan's order.

use std::collections::HashSet;
use std::io::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oci::{Digest, Tag};
use sync::{
    Action, Bandwidth, Decision, Event, ImageReport, Load, Observer, OnConflict, Outcome, Policy, Stamp,
};

use super::division::Division;
use super::extra::{Extra, without_steps};
use super::head::{Head, Selection};
use super::loads::{Brought, Loads};
use super::step::{Found, Step};
use crate::diagnostic::Failures;
use crate::output::sorted::{Pairs, Sorted, Sorter};

/// Records steps as they are decided.
pub(crate) struct PlanRecorder {
    heads: Vec<Head>,
    config_digest: Option<Digest>,
    folder: Option<PathBuf>,
    found: Mutex<Taken>,
    /// The failures of what has no step.
    lacks: Arc<Failures>,
}

struct Taken {
    /// The steps by target, or the error of a failed write.
    steps: Result<Sorter, Error>,
    /// The tags that only targets have, or the error of a failed write.
    extras: Result<Sorter, Error>,
    selections: Vec<Selection>,
    /// The number of list pages that sources returned.
    lists: usize,
    /// For each rule, whether its source returned a list.
    listed: Vec<bool>,
    is_empty: bool,
    /// The targets of images that fail although they have a step, which says why. Each stays until its image has ended.
    impossible: HashSet<String>,
}

impl PlanRecorder {
    /// `folder` is for temporary files; without it, they go to the default folder.
    pub(crate) fn new(heads: Vec<Head>, config_digest: Option<Digest>, folder: Option<&Path>) -> Self {
        let found = Taken {
            steps: Ok(Sorter::new(folder)),
            extras: Ok(Sorter::new(folder)),
            selections: heads.iter().map(Selection::of).collect(),
            lists: 0,
            listed: vec![false; heads.len()],
            is_empty: true,
            impossible: HashSet::new(),
        };
        let (folder, found) = (folder.map(Path::to_owned), Mutex::new(found));
        Self { heads, config_digest, folder, found, lacks: Arc::default() }
    }

    /// Finishes the plan. `speed` is that of earlier runs.
    pub(crate) fn finish(&self, speed: Option<Bandwidth>) -> Plan {
        let mut found = self.lock();
        let taken = |sorter: &mut Result<Sorter, Error>| std::mem::replace(sorter, Ok(Sorter::new(None)));
        let (steps, extras) = (taken(&mut found.steps), taken(&mut found.extras));
        Plan {
            heads: self.heads.clone(),
            config_digest: self.config_digest.clone(),
            selections: found.selections.clone(),
            folder: self.folder.clone(),
            steps: steps.and_then(Sorter::finish),
            extras: extras.and_then(Sorter::finish),
            lists: found.lists,
            listed: found.listed.clone(),
            is_empty: found.is_empty,
            lacks: self.lacks.clone(),
            speed,
            shards: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decided(&self, decision: &Decision, load: Option<&Load>) {
        let policy = self.heads.get(decision.rule).map(|head| &head.policy);
        let step = Found::new(decision, load, policy);
        let text = serde_json::to_string(&step).map_err(Error::from);
        let mut found = self.lock();
        let is_kept = is_kept(decision.action, &decision.policy);
        found.is_empty &= decision.action == Action::Unchanged || is_kept;
        let target = decision.image.target_name();
        if matches!(decision.action, Action::Missing | Action::Conflict) && !is_kept {
            found.impossible.insert(target.clone());
        }
        add(&mut found.steps, target, text);
    }

    /// An image has ended. The plan lacks it if it failed, and no step says so.
    fn ended(&self, ended: &ImageReport, stamp: &Stamp, event: &Event) {
        // Most plans have no such images.
        let mut found = self.lock();
        let is_told = !found.impossible.is_empty() && found.impossible.remove(&ended.image.target_name());
        drop(found);
        if matches!(ended.outcome, Outcome::Failed(_)) && !is_told {
            self.lacks.event(stamp, event);
        }
    }

    fn only_at_target(&self, rule: usize, repository: &str, tags: &[(Tag, Option<Digest>)]) {
        let mut found = self.lock();
        for (tag, digest) in tags {
            let target = format!("{repository}:{tag}");
            let extra = Extra { target: target.clone(), digest: digest.clone(), rule };
            add(&mut found.extras, target, serde_json::to_string(&extra).map_err(Error::from));
        }
    }

    fn selected(&self, rule: usize, count: impl FnOnce(&mut Selection)) {
        if let Some(selection) = self.lock().selections.get_mut(rule) {
            count(selection);
        }
    }

    /// Counts a list page of a rule's source.
    fn listed(&self, rule: usize) {
        let mut found = self.lock();
        found.lists += 1;
        if let Some(is_listed) = found.listed.get_mut(rule) {
            *is_listed = true;
        }
    }
}

/// Adds an entry, unless an earlier write failed.
fn add(sorter: &mut Result<Sorter, Error>, target: String, text: Result<String, Error>) {
    if let Ok(open) = sorter
        && let Err(error) = text.and_then(|text| open.add((target, text)))
    {
        *sorter = Err(error);
    }
}

impl Observer for PlanRecorder {
    fn event(&self, stamp: &Stamp, event: &Event) {
        match event {
            Event::ImageFinished(ended) => self.ended(ended, stamp, event),
            Event::RuleFailed(_) => self.lacks.event(stamp, event),
            Event::Decided { decision, load } => self.decided(decision, load.as_deref()),
            Event::Selected { rule, counts, .. } => {
                self.selected(*rule, |selection| selection.chose(*counts));
            }
            Event::RepositoriesListed { .. } => self.lock().lists += 1,
            Event::TagsListed { rule, tags, selected, .. } => {
                self.listed(*rule);
                if let Some(selected) = selected {
                    self.selected(*rule, |selection| selection.took(*tags, *selected));
                }
            }
            Event::Extra { rule, target, tags } => self.only_at_target(*rule, target, tags),
            _ => {}
        }
    }
}

/// The steps that a run would take.
pub(crate) struct Plan {
    pub(super) heads: Vec<Head>,
    pub(super) selections: Vec<Selection>,
    /// The digest of its config.
    pub(super) config_digest: Option<Digest>,
    /// The folder for temporary files.
    pub(super) folder: Option<PathBuf>,
    steps: Result<Sorted, Error>,
    extras: Result<Sorted, Error>,
    /// The number of list pages that sources returned: a run requests them again.
    pub(super) lists: usize,
    /// For each rule, whether its source returned a list.
    listed: Vec<bool>,
    is_empty: bool,
    /// The failures of what has no step: images and rules.
    pub(super) lacks: Arc<Failures>,
    /// The speed of the last run that sent enough to measure it.
    pub(super) speed: Option<Bandwidth>,
    /// The number of shards that it is divided for.
    pub(super) shards: Option<usize>,
}

/// A step with the blobs that it brings.
pub(super) struct Weighed {
    pub(super) step: Step,
    pub(super) brought: Brought,
    pub(super) manifests: usize,
    /// The number of existence checks.
    pub(super) looks: usize,
    /// The policy of the step.
    pub(super) policy: Arc<Policy>,
    /// Whether the tags of its source were listed.
    pub(super) is_listed: bool,
}

impl Weighed {
    /// Whether the target has another image that the rule keeps.
    pub(super) fn is_kept(&self) -> bool {
        is_kept(self.step.action, &self.policy)
    }
}

fn is_kept(action: Action, policy: &Policy) -> bool {
    action == Action::Conflict && policy.on_conflict == OnConflict::Keep
}

impl Plan {
    /// Whether the plan changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// The plan, divided for this many shards.
    pub(crate) fn divided(self, shards: Option<usize>) -> Self {
        Self { shards, ..self }
    }

    /// The division into shards, if there is one.
    pub(super) fn division(&self) -> Result<Option<Division>, Error> {
        let Some(shards) = self.shards else { return Ok(None) };
        let images = self.steps()?.map(|weighed| Ok(weighed?.step.splittable()));
        Ok(Some(Division::of(shards, images.collect::<Result<_, Error>>()?)))
    }

    /// The steps, sorted by target.
    pub(super) fn steps(&self) -> Result<impl Iterator<Item = Result<Weighed, Error>> + '_, Error> {
        let (steps, mut loads) = (pairs(&self.steps)?, Loads::default());
        Ok(steps.map(move |pair| {
            let Found { mut step, blobs, manifests, looks } = serde_json::from_str(&pair?.1)?;
            let repository: &Arc<str> = &step.image.target;
            let is_listed = self.listed.get(step.rule).is_some_and(|is_listed| *is_listed);
            let looking = looking(step.action, is_listed, loads.is_new(repository));
            let (brought, looks) = (loads.add(repository, blobs), looking + loads.asked(repository, looks));
            (step.bytes, step.bytes_mounted) = (brought.bytes, brought.bytes_mounted);
            let policy = step.policy.clone().or_else(|| Some(self.heads.get(step.rule)?.policy.clone()));
            let policy = policy.unwrap_or_default();
            Ok(Weighed { step, brought, manifests, looks, policy, is_listed })
        }))
    }

    /// The tags that only targets have, sorted.
    pub(super) fn extras(&self) -> Result<impl Iterator<Item = Result<Extra, Error>> + '_, Error> {
        Ok(without_steps(pairs(&self.extras)?, pairs(&self.steps)?))
    }
}

/// The number of requests that resolve an image on both sides. If the first image of a repository is missing, the target is asked for its
/// tag list, and tags that are not in the list need no further request.
fn looking(action: Action, is_listed: bool, is_first: bool) -> usize {
    match action {
        Action::Create => 2 * usize::from(is_first),
        _ => 2 + usize::from(is_listed && is_first),
    }
}

fn pairs(sorted: &Result<Sorted, Error>) -> Result<Pairs<'_>, Error> {
    let sorted = sorted.as_ref().map_err(|error| {
        Error::new(error.kind(), format!("a temporary file for the plan failed: {error}"))
    })?;
    Ok(sorted.pairs())
}
