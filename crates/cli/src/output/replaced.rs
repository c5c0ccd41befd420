//! Describes a tag that a run has moved.

use std::fmt::Display;

/// With the digest that it pointed to before.
pub(crate) fn words(before: impl Display) -> String {
    format!("the tag pointed to {before} before")
}
