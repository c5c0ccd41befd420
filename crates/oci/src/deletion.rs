//! Why a registry deletes nothing.

/// Why a registry does not delete a tag or a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhyKept {
    /// It deletes no tags, as far as this tells: perhaps it does so by digest, perhaps nothing at all.
    NoTagDeletion,
    /// It deletes nothing.
    Off,
    /// Something else needs it, or it is locked.
    Held,
    /// Its tag may not be touched.
    Immutable,
}
