//! What kind of content a ledger knows, and how it came.

/// What kind of content: blobs can be mounted from other repositories, manifests cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Blob,
    Manifest,
}

/// How content came to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// Its bytes were sent.
    Sent,
    /// The registry said that it was mounted.
    Mounted,
    /// It was there before.
    Found,
}
