//! Which of a repository's tags are selected, and why each of the others is not; also which repositories are selected.
//!
//! Everything is decided from the caller's input: a listing, with dates if the rule needs them, and the time. The
//! stages are, in this order: keep what matches `include`, `semver` and `variants`; remove what matches `exclude`,
//! what is too young or too old, and what is older than the newest of its group; add the pins.

mod age;
mod counts;
mod latest;
mod listed_tag;
mod narrowing;
mod newest;
mod pattern;
mod range;
mod reason;
mod repository_selection;
mod shown;
mod tag_selection;
mod variant_name;

pub use age::{Age, AgeError, AgeLimits, parse_age};
pub use counts::Counts;
pub use latest::{Group, Latest, LatestError, NewestBy};
pub use listed_tag::ListedTag;
pub use narrowing::Narrowing;
pub use pattern::{Matched, Pattern, PatternError};
pub use range::{RangeError, VersionRange};
pub use reason::{GroupName, NewestTags, Reason};
pub use repository_selection::RepositorySelection;
pub use tag_selection::{Dates, Prereleases, Selected, TagSelection, TooFew};
pub use variant_name::{VariantName, VariantNameError};

#[cfg(test)]
mod tests;
