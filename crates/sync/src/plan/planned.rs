//! An image that a discovery has found, with its targets.

use std::sync::Arc;

use oci::{Digest, TagOrDigest};

use crate::memory::target_repository::Found;
use crate::plan::assignment::{Assignment, BoundAssignment};
use crate::plan::expected::Expected;
use crate::plan::task::BoundTask;
use crate::plan::wanted::Wanted;
use crate::{Image, Source, Target};

/// An image of a source with its references at the targets.
pub(crate) struct Planned {
    /// The rule that selected it.
    pub(crate) rule: usize,
    pub(crate) image: PlannedImage,
    pub(crate) ways: Vec<(Arc<Image>, Arc<dyn Target>)>,
}

/// An image of a source, and how it is copied.
#[derive(Clone)]
pub(crate) struct PlannedImage {
    pub(crate) source: Arc<dyn Source>,
    /// The reference by which it is read.
    pub(crate) reference: TagOrDigest,
    pub(crate) found: Found,
    pub(crate) wanted: Wanted,
    /// What its targets must have before; `None` if anything is allowed.
    pub(crate) expected: Option<Expected>,
    /// The digest that its targets must get; `None` if this run may determine it.
    pub(crate) result: Option<Digest>,
}

impl Planned {
    /// The same image with other targets.
    pub(crate) fn with(&self, ways: Vec<(Arc<Image>, Arc<dyn Target>)>) -> Self {
        Self { rule: self.rule, image: self.image.clone(), ways }
    }

    /// The image of an assignment.
    pub(crate) fn of_assignment(bound: BoundAssignment, found: Found) -> Option<Self> {
        let BoundAssignment { assignment: Assignment { rule, images, wanted }, source, targets } = bound;
        let reference = images.first()?.source_reference.clone();
        let image = PlannedImage { source, reference, found, wanted, expected: None, result: None };
        Some(Self { rule, image, ways: images.into_iter().zip(targets).collect() })
    }

    /// The image of a task: its digest, even if the tag at the source points at another one now.
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
