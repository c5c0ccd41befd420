//! How a target got a blob.

/// How a target got a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobOutcome {
    /// Its bytes were sent.
    Copied,
    /// The registry mounted it from another of its repositories.
    Mounted,
    /// The target had it already.
    Present,
    /// The target has it, and it was read there to its end.
    Read,
    /// Registries need not keep it, and no address had it: the image's users have to fetch it themselves.
    LeftOut,
}
