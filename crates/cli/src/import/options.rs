//! The command line's settings for an import.

/// Settings that the other tool takes from its command line rather than its file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options<'a> {
    /// skopeo's target: `HOST` or `HOST/PREFIX`.
    pub(crate) to: Option<&'a str>,
    /// skopeo's `--scoped`: the whole source name is appended to the target.
    pub(crate) scoped: bool,
    /// skopeo's `--all`: every platform is copied.
    pub(crate) all: bool,
    /// The Harbor whose replication policies these are.
    pub(crate) harbor: Option<&'a str>,
}
