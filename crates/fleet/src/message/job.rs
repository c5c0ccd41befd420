//! A job: images that one worker brings.

use std::collections::HashSet;
use std::sync::Arc;

use oci::Digest;
use serde::{Deserialize, Serialize};
use sync::{Assignment, Image};

use super::{Checked, MOST_IMAGES, Malformed, is_name};
use crate::counted::counted;

/// Images that one worker brings, as the run's book has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Job {
    pub(crate) run: String,
    pub(crate) number: u32,
    /// The digest of the config that it was planned with.
    pub(crate) config: Digest,
    /// The size of its images, as far as lists tell.
    pub(crate) bytes: u64,
    pub(crate) assignments: Vec<Assignment>,
}

impl Job {
    /// All its images. Results number them in this order.
    pub(crate) fn images(&self) -> impl Iterator<Item = &Arc<Image>> {
        self.assignments.iter().flat_map(|assignment| &assignment.images)
    }

    /// Its name for people.
    pub(crate) fn label(&self) -> String {
        let first = self.images().next().map(|image| image.source.to_string()).unwrap_or_default();
        format!("job {} ({first}, {})", self.number, counted(self.images().count(), "image"))
    }
}

/// Each image with the number of its rule.
pub(crate) fn images_of(assignments: &[Assignment]) -> impl Iterator<Item = (usize, Arc<Image>)> {
    assignments
        .iter()
        .flat_map(|assignment| assignment.images.iter().map(|image| (assignment.rule, image.clone())))
}

impl Checked for Job {
    fn checked(self) -> Result<Self, Malformed> {
        if !is_name(&self.run) {
            return Err(Malformed::new("its run has no name"));
        }
        let number = self.images().count();
        if number == 0 || number > MOST_IMAGES {
            return Err(Malformed::new(format!("it has {number} images")));
        }
        let mut targets = HashSet::new();
        for assignment in &self.assignments {
            let Some(first) = assignment.images.first() else {
                return Err(Malformed::new("an image goes nowhere"));
            };
            let is_same = |image: &Image| {
                (&image.source, &image.source_reference) == (&first.source, &first.source_reference)
            };
            if !assignment.images.iter().all(|image| is_same(image)) {
                return Err(Malformed::new("an image has two sources"));
            }
            if !assignment.images.iter().all(|image| targets.insert(image.target_name())) {
                return Err(Malformed::new("two images have one name"));
            }
        }
        Ok(self)
    }
}

/// A job's message in the queue. The book has the job itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handed {
    pub(crate) run: String,
    pub(crate) number: u32,
}

impl Checked for Handed {
    fn checked(self) -> Result<Self, Malformed> {
        if is_name(&self.run) { Ok(self) } else { Err(Malformed::new("its run has no name")) }
    }
}
