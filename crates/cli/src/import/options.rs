//! What the command line says beside a file of another tool.

/// What the command line says about a file that does not say it itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options<'a> {
    /// skopeo's target: `HOST` or `HOST/PREFIX`.
    pub(crate) to: Option<&'a str>,
    /// skopeo's `--scoped`: the whole source stands behind the target.
    pub(crate) scoped: bool,
    /// skopeo's `--all`: every platform is copied.
    pub(crate) all: bool,
    /// The Harbor whose replication policies these are.
    pub(crate) harbor: Option<&'a str>,
}
