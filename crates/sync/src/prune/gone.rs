//! Since when a tag has been missing at its source, and whether that is long enough.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use oci::{Digest, Tag};

use super::candidate::Standing;
use super::contents::Contents;
use super::suspects::Suspects;

/// Since when runs have seen tags missing; `None` without a state.
pub(super) type GoneSince = Option<HashMap<(Tag, Digest), SystemTime>>;

/// Applies the grace period.
pub(super) struct Grace<'a> {
    pub(super) gone: &'a GoneSince,
    pub(super) now: SystemTime,
    pub(super) lasts: Duration,
}

impl Grace<'_> {
    /// Whether a tag has been missing for long enough.
    pub(super) fn standing(&self, tag: &Tag, digest: &Digest) -> Standing {
        let since = self.gone.as_ref().and_then(|gone| gone.get(&(tag.clone(), digest.clone())).copied());
        let is_over =
            since.is_some_and(|since| self.now.duration_since(since).is_ok_and(|gone| gone >= self.lasts));
        if self.lasts.is_zero() || is_over {
            Standing::Due
        } else {
            Standing::Waits { since, grace: self.lasts }
        }
    }

    /// The suspected images whose grace period is over.
    pub(super) fn due<'c>(
        &self,
        tags: impl Iterator<Item = &'c Tag>,
        contents: &'c Contents,
    ) -> Vec<&'c Digest> {
        let found = tags.filter_map(|tag| Some((tag, contents.digest(tag)?)));
        found
            .filter(|(tag, digest)| self.standing(tag, digest) == Standing::Due)
            .map(|(_, digest)| digest)
            .collect()
    }

    /// Whether the grace period lets any image go.
    pub(super) fn lets_go(&self, suspects: &Suspects, contents: &Contents) -> bool {
        !self.due(suspects.gone(), contents).is_empty()
    }
}
