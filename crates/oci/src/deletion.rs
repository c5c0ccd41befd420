//! Why a registry deletes nothing.

/// Why a registry does not delete a tag or a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhyKept {
    /// It deletes no tags, as far as the refusal shows: it may delete by digest, or nothing at all.
    NoTagDeletion,
    /// It deletes nothing.
    Off,
    /// Other content refers to it, or it is locked.
    Held,
    /// Its tag is immutable.
    Immutable,
}
