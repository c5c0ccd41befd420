//! The space on a terminal.

use super::fit::Symbols;
use crate::output::Paint;

/// The space on a terminal.
#[derive(Clone, Copy)]
pub(in crate::output) struct Room {
    pub(in crate::output) rows: usize,
    pub(in crate::output) columns: usize,
    pub(in crate::output) symbols: Symbols,
    pub(in crate::output) paint: Paint,
}

impl Room {
    /// The last column stays free: a terminal may wrap after it.
    pub(super) fn width(self) -> usize {
        self.columns.saturating_sub(1)
    }
}
