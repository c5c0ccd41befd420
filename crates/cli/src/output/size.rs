//! Amounts of bytes, for people.

use super::amount_text;

/// Bytes in readable form; an unknown number is shown as such.
pub(crate) fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "unknown size".to_owned(), amount_text::bytes)
}
