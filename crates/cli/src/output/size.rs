//! Amounts of bytes, for people.

use super::amount_text;

/// Bytes as people read them; what is not known says so.
pub(crate) fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "unknown size".to_owned(), amount_text::bytes)
}
