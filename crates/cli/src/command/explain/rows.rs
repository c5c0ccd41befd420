//! Lines of `explain`: a label and a text.

use crate::output::Failure;

pub(super) fn row(label: &str, text: &str) -> String {
    format!("  {label:<9} {text}")
}

/// An error, and what to do next.
pub(super) fn failure(failure: &Failure) -> Vec<String> {
    let Failure { side, host, operation, message, hint, .. } = failure;
    vec![row("error", &format!("{side} {host}: {operation}: {message}")), row("next", hint)]
}
