//! An image, parted by what later rules say about its references.

use crate::plan::order::Settled;

/// An image, parted by what later rules say about its references.
#[derive(Default)]
pub(super) struct Parted {
    /// Once for each policy with which it is copied.
    pub(super) ready: Vec<Settled>,
    /// With the references that later rules may yet want.
    pub(super) waiting: Option<Settled>,
}
