//! Amounts of bytes, for people.

use indicatif::HumanBytes;

/// Bytes as people read them; what is not known says so.
pub(crate) fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "unknown size".to_owned(), |bytes| HumanBytes(bytes).to_string())
}
