//! Which of a repository's tags are selected, and why each of the others is not; which repositories are.
//!
//! All here is decided from what the caller gives: a listing, with dates where the rule needs them, and the time.
//! The stages, in this order: `include`, `semver` and `variants`, then without `exclude`, what is too young or too old, and
//! what is older than the newest of its group; and the pins in any case.

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
