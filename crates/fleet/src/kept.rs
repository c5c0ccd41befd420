//! How many of the sent bytes the targets keep.

/// The sent bytes that targets keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Kept for good: they are not sent again.
    pub stands: u64,
    /// In upload sessions that stay open, so that the worker that began them can resume.
    pub left_open: u64,
}

impl Kept {
    pub(crate) fn add(&mut self, more: Self) {
        self.stands = self.stands.saturating_add(more.stands);
        self.left_open = self.left_open.saturating_add(more.left_open);
    }

    /// Limits the counts to the bytes that were sent.
    pub(crate) fn of(self, sent: u64) -> Self {
        let stands = self.stands.min(sent);
        Self { stands, left_open: self.left_open.min(sent - stands) }
    }
}
