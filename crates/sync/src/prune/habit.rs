//! How a registry answers deletion requests.

/// How a registry was seen to answer the deletion of a tag. Ordered from best to worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Habit {
    /// Not seen yet.
    #[default]
    Unknown,
    /// It deletes the tag, and keeps its image.
    Untags,
    /// It deletes the tag. Whether it deletes the image is not certain: the image was missing afterwards.
    Deletes,
    /// It does not delete by tag: it requires a digest.
    Refuses,
    /// It deletes neither tags nor digests: deletion is disabled.
    Off,
}

impl Habit {
    /// Merges the behavior seen in another repository: the worse of both counts.
    pub(super) fn learn(&mut self, seen: Self) {
        *self = (*self).max(seen);
    }
}
