//! Decisions that look random and are the same in every run.

use sha2::{Digest as _, Sha256};

/// Decides with a chance of one in `one_in`, from a question and the numbers that it is about.
///
/// The hashed text is that of a Python tuple, so that corpora have the same structure as those of the reference
/// measurements.
pub(super) fn falls(one_in: u64, question: &str, about: &[u32]) -> bool {
    let numbers: Vec<String> = about.iter().map(u32::to_string).collect();
    number(&format!("(1, '{question}', {})", numbers.join(", "))) <= u64::MAX / one_in
}

/// A number that looks random, always the same for a text.
pub(super) fn number(text: &str) -> u64 {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
