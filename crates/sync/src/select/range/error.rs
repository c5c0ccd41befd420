//! Errors of ranges.

use oci::foreign_text::Cleaned;

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// The text is empty.
    #[error("the range is empty: write one like `>=1.20 <2`, or `*` for all versions")]
    Empty,
    /// Nothing before or after a comma or `||`.
    #[error("`{}` has nothing on one side of a `,` or `||`: remove that", Cleaned(text))]
    Gap {
        /// The text.
        text: String,
    },
    /// An operator without a version.
    #[error("`{}` has no version behind `{operator}`: write one like `{operator}1.20`", Cleaned(text))]
    NoVersion {
        /// The text.
        text: String,
        /// The operator, such as `>=`.
        operator: String,
    },
    /// An operator of another language.
    #[error("ranges have no `{}`: write `{ours}`", Cleaned(text))]
    Operator {
        /// The text.
        text: String,
        /// The operator to use instead.
        ours: &'static str,
    },
    /// A negation, which ranges do not have.
    #[error("`{}`: ranges have no `!=`: name the tag in `exclude`", Cleaned(text))]
    Not {
        /// The text.
        text: String,
    },
    /// An invalid version.
    #[error("`{}` is no version: write numbers like `1.25`, `1.25.3` or `1.x`", Cleaned(text))]
    Version {
        /// The text.
        text: String,
    },
    /// Two versions with a hyphen and no blanks.
    #[error(
        "`{}` is no version: where it is from one to another, write blanks around the hyphen",
        Cleaned(text)
    )]
    Hyphen {
        /// The text.
        text: String,
    },
    /// A version with a variant.
    #[error(
        "`{}` names a variant, and ranges look at numbers only: write `variants: [{}]`",
        Cleaned(text),
        Cleaned(variant)
    )]
    Variant {
        /// The text.
        text: String,
        /// The variant.
        variant: String,
    },
    /// No version can be in the range.
    #[error("no version can fit `{}`", Cleaned(text))]
    Never {
        /// The text.
        text: String,
    },
}
