//! An image whose names later rules may have.

use crate::plan::order::Settled;

/// An image, by what later rules say of its names.
#[derive(Default)]
pub(super) struct Parted {
    /// Once for each way in which it is carried out.
    pub(super) ready: Vec<Settled>,
    /// At names of which later rules have yet to say whether they want them.
    pub(super) waiting: Option<Settled>,
}
