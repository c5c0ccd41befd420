//! What targets have of the bytes that were sent to them.

/// Of bytes that were sent, those that targets have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// For good: nobody sends them again.
    pub stands: u64,
    /// In uploads that stay open for the worker that began them to go on with.
    pub left_open: u64,
}

impl Kept {
    pub(crate) fn add(&mut self, more: Self) {
        self.stands = self.stands.saturating_add(more.stands);
        self.left_open = self.left_open.saturating_add(more.left_open);
    }

    /// As far as it is some of what was sent.
    pub(crate) fn of(self, sent: u64) -> Self {
        let stands = self.stands.min(sent);
        Self { stands, left_open: self.left_open.min(sent - stands) }
    }
}
