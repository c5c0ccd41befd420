//! The kinds of content in a ledger, and how it got there.

/// The kind of content: blobs can be mounted from other repositories, manifests cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Blob,
    Manifest,
}

/// How a repository got its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// Its bytes were sent.
    Sent,
    /// The registry reported it as mounted.
    Mounted,
    /// The repository had it before.
    Found,
}
