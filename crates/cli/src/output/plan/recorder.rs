//! Takes down what a run that only looks finds, outside of memory, and gives it back in the plan's order.

use std::io::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oci::Digest;
use sync::{Action, Decision, Event, Load, Observer, Stamp};

use super::head::{Head, Selection};
use super::loads::{Brought, Loads};
use super::step::{Found, Step};
use crate::output::sorted::{Sorted, Sorter};

/// Takes steps down as they are decided.
pub(crate) struct PlanRecorder {
    heads: Vec<Head>,
    config_digest: Option<Digest>,
    folder: Option<PathBuf>,
    found: Mutex<Taken>,
}

struct Taken {
    /// Steps by their targets; or why one could not be written, and with it the rest.
    steps: Result<Sorter, Error>,
    selections: Vec<Selection>,
    is_empty: bool,
}

impl PlanRecorder {
    /// What is too much for memory goes to `folder`, if there is one, or where temporary files go.
    pub(crate) fn new(heads: Vec<Head>, config_digest: Option<Digest>, folder: Option<&Path>) -> Self {
        let found = Taken {
            steps: Ok(Sorter::new(folder)),
            selections: heads.iter().map(Selection::of).collect(),
            is_empty: true,
        };
        Self { heads, config_digest, folder: folder.map(Path::to_owned), found: Mutex::new(found) }
    }

    /// The plan.
    pub(crate) fn finish(&self) -> Plan {
        let mut found = self.lock();
        let steps = std::mem::replace(&mut found.steps, Ok(Sorter::new(None)));
        Plan {
            heads: self.heads.clone(),
            config_digest: self.config_digest.clone(),
            selections: found.selections.clone(),
            folder: self.folder.clone(),
            steps: steps.and_then(Sorter::finish),
            is_empty: found.is_empty,
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
        found.is_empty &= decision.action == Action::Unchanged;
        if let Ok(open) = &mut found.steps
            && let Err(error) = text.and_then(|text| open.add((decision.image.target_name(), text)))
        {
            found.steps = Err(error);
        }
    }

    fn listed(&self, rule: usize, count: impl FnOnce(&mut Selection)) {
        if let Some(selection) = self.lock().selections.get_mut(rule) {
            count(selection);
        }
    }
}

impl Observer for PlanRecorder {
    fn event(&self, _: &Stamp, event: &Event) {
        match event {
            Event::Decided { decision, load } => self.decided(decision, load.as_deref()),
            Event::Selected { rule, counts, .. } => {
                self.listed(*rule, |selection| selection.chose(*counts));
            }
            Event::TagsListed { rule, tags, selected: Some(selected), .. } => {
                self.listed(*rule, |selection| selection.took(*tags, *selected));
            }
            _ => {}
        }
    }
}

/// What a run would do.
pub(crate) struct Plan {
    pub(super) heads: Vec<Head>,
    pub(super) selections: Vec<Selection>,
    /// Stands for the config that it was made with.
    pub(super) config_digest: Option<Digest>,
    /// Where temporary files for it are made.
    pub(super) folder: Option<PathBuf>,
    steps: Result<Sorted, Error>,
    is_empty: bool,
}

/// A step with what it brings.
pub(super) struct Weighed {
    pub(super) step: Step,
    pub(super) brought: Brought,
    pub(super) manifests: usize,
}

impl Plan {
    /// Whether nothing is to be done.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// The steps, sorted by their targets.
    pub(super) fn steps(&self) -> Result<impl Iterator<Item = Result<Weighed, Error>> + '_, Error> {
        let steps = self.steps.as_ref().map_err(|error| {
            Error::new(error.kind(), format!("a temporary file for the plan failed: {error}"))
        })?;
        let mut loads = Loads::default();
        Ok(steps.pairs().map(move |pair| {
            let Found { mut step, blobs, manifests } = serde_json::from_str(&pair?.1)?;
            let repository: &Arc<str> = &step.image.target;
            let brought = loads.add(repository, blobs);
            (step.bytes, step.bytes_mounted) = (brought.bytes, brought.bytes_mounted);
            Ok(Weighed { step, brought, manifests })
        }))
    }
}
