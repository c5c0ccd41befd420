//! Whether a host is known to be a registry: a web page from one that is comes from something in between.

/// Whether the registry's host has answered as a registry before, to any login of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proven {
    /// Not yet: the host may be a web site.
    #[default]
    NotYet,
    /// It is a registry.
    AsRegistry,
}
