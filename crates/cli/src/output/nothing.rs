//! What is said where a rule selects nothing.

use sync::select::Counts;

pub(super) fn nothing_selected(counts: Option<&Counts>) -> String {
    let stages = counts.map(|counts| format!(" ({counts})")).unwrap_or_default();
    format!("nothing is selected by the rule{stages}")
}
