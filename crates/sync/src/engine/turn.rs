//! Images that wait for their slot.

use super::slot::{Served, Slot};

/// An image that waits for a slot. It belongs to a run, which can withdraw it.
pub(crate) struct Turn {
    run: u64,
    begin: Box<dyn FnOnce(Option<ImageSlot>) + Send>,
}

/// The right to work on an image.
pub(crate) type ImageSlot = Slot<Turn>;

impl Turn {
    /// Calls `begin` with the slot, or with `None` if the image gets none.
    pub(crate) fn new(run: u64, begin: impl FnOnce(Option<ImageSlot>) + Send + 'static) -> Self {
        Self { run, begin: Box::new(begin) }
    }

    /// Whether it belongs to the run with this number.
    pub(crate) fn is_of(&self, run: u64) -> bool {
        self.run == run
    }

    /// The image gets no slot.
    pub(crate) fn give_up(self) {
        (self.begin)(None);
    }
}

impl Served for Turn {
    fn served(self, slot: ImageSlot) {
        (self.begin)(Some(slot));
    }
}
