//! Environment variables in texts.

/// Whether a text has a variable.
pub(super) fn has_variable(text: &str) -> bool {
    text.contains("${")
}

/// Why a text with a variable has no equivalent.
pub(super) fn variable(text: &str) -> String {
    format!("`{text}` is put together from the environment: nothing in `sync` is, so write what it becomes")
}
