//! What a registry does where it is asked to delete something.

/// What a registry was seen to do where it is asked to take a tag away, the better first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Habit {
    /// Nobody has seen it yet.
    #[default]
    Unknown,
    /// The tag goes, and its image stays.
    Untags,
    /// The tag goes; whether its image does is not known, because it was not there afterwards.
    Deletes,
    /// Nothing: it wants a digest.
    Refuses,
    /// Nothing, and for a digest neither: deletion is off.
    Off,
}

impl Habit {
    /// Takes what was seen in another repository, too: the worse of both counts.
    pub(super) fn learn(&mut self, seen: Self) {
        *self = (*self).max(seen);
    }
}
