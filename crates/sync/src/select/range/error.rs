//! What can be wrong with a range.

use oci::foreign_text::Cleaned;

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// Nothing was written.
    #[error("the range is empty: write one like `>=1.20 <2`, or `*` for all versions")]
    Empty,
    /// There is nothing before or behind a comma or `||`.
    #[error("`{}` has nothing on one side of a `,` or `||`: remove that", Cleaned(text))]
    Gap {
        /// What was written.
        text: String,
    },
    /// An operator stands alone.
    #[error("`{}` has no version behind `{operator}`: write one like `{operator}1.20`", Cleaned(text))]
    NoVersion {
        /// What was written.
        text: String,
        /// `>=` or the like.
        operator: String,
    },
    /// An operator of another language.
    #[error("ranges have no `{}`: write `{ours}`", Cleaned(text))]
    Operator {
        /// What was written.
        text: String,
        /// What to write.
        ours: &'static str,
    },
    /// It says what is not wanted.
    #[error("`{}`: ranges have no `!=`: name the tag in `exclude`", Cleaned(text))]
    Not {
        /// What was written.
        text: String,
    },
    /// It is no version.
    #[error("`{}` is no version: write numbers like `1.25`, `1.25.3` or `1.x`", Cleaned(text))]
    Version {
        /// What was written.
        text: String,
    },
    /// Two versions with a hyphen and no blanks.
    #[error(
        "`{}` is no version: where it is from one to another, write blanks around the hyphen",
        Cleaned(text)
    )]
    Hyphen {
        /// What was written.
        text: String,
    },
    /// It names a variant.
    #[error(
        "`{}` names a variant, and ranges look at numbers only: write `variants: [{}]`",
        Cleaned(text),
        Cleaned(variant)
    )]
    Variant {
        /// What was written.
        text: String,
        /// The part that is one.
        variant: String,
    },
    /// No version can be in it.
    #[error("no version can fit `{}`", Cleaned(text))]
    Never {
        /// What was written.
        text: String,
    },
}
