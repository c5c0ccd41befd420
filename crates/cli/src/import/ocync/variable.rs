//! Variables of the environment in texts.

/// Whether something of a text is put in from the environment.
pub(super) fn has_variable(text: &str) -> bool {
    text.contains("${")
}

/// Why a text with one has no equal.
pub(super) fn variable(text: &str) -> String {
    format!("`{text}` is put together from the environment: nothing in `sync` is, so write what it becomes")
}
