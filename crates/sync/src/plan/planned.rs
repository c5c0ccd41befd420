//! An image that discovery has found, with where it goes.

use std::sync::Arc;

use oci::{Digest, TagOrDigest};

use crate::memory::target_repository::Found;
use crate::plan::assignment::{Assignment, BoundAssignment};
use crate::plan::expected::Expected;
use crate::plan::task::BoundTask;
use crate::plan::wanted::Wanted;
use crate::{Image, Source, Target};

/// An image of a source with the names that it gets at its targets.
pub(crate) struct Planned {
    /// The rule that asks for it.
    pub(crate) rule: usize,
    pub(crate) image: PlannedImage,
    pub(crate) ways: Vec<(Arc<Image>, Arc<dyn Target>)>,
}

/// An image of a source, and how it is copied.
#[derive(Clone)]
pub(crate) struct PlannedImage {
    pub(crate) source: Arc<dyn Source>,
    /// What it is read by.
    pub(crate) reference: TagOrDigest,
    pub(crate) found: Found,
    pub(crate) wanted: Wanted,
    /// What its targets have to have before; `None` where anything may be there.
    pub(crate) expected: Option<Expected>,
    /// What its targets are to have afterwards; `None` where that is for this run to find out.
    pub(crate) result: Option<Digest>,
}

impl Planned {
    /// The same image on other ways.
    pub(crate) fn with(&self, ways: Vec<(Arc<Image>, Arc<dyn Target>)>) -> Self {
        Self { rule: self.rule, image: self.image.clone(), ways }
    }

    /// What an assignment asks for.
    pub(crate) fn of_assignment(bound: BoundAssignment, found: Found) -> Option<Self> {
        let BoundAssignment { assignment: Assignment { rule, images, wanted }, source, targets } = bound;
        let reference = images.first()?.source_reference.clone();
        let image = PlannedImage { source, reference, found, wanted, expected: None, result: None };
        Some(Self { rule, image, ways: images.into_iter().zip(targets).collect() })
    }

    /// What a task asks for: its digest, whatever the name at the source points at by now.
    pub(crate) fn of_task(bound: BoundTask) -> Self {
        let BoundTask { task, source, target } = bound;
        let image = PlannedImage {
            source,
            reference: TagOrDigest::Digest(task.source_digest),
            found: Found::Listed,
            wanted: Wanted { referrers: task.referrers, policy: task.policy },
            expected: Some(task.expected),
            result: task.result,
        };
        Self { rule: task.rule, image, ways: vec![(task.image, target)] }
    }
}
