//! Coins that fall the same way in every run.

use sha2::{Digest as _, Sha256};

/// Whether one in `one_in` falls on this: a question and the numbers that it is about.
///
/// The hashed text is that of a tuple in Python: so corpora agree in structure with those that the goals were
/// measured with.
pub(super) fn falls(one_in: u64, question: &str, about: &[u32]) -> bool {
    let numbers: Vec<String> = about.iter().map(u32::to_string).collect();
    number(&format!("(1, '{question}', {})", numbers.join(", "))) <= u64::MAX / one_in
}

/// A number that looks random, always the same for a text.
pub(super) fn number(text: &str) -> u64 {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
