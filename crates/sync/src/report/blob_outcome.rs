//! How a blob came to a target.

/// How a blob came to be at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobOutcome {
    /// Its bytes were sent.
    Copied,
    /// The registry linked it from another of its repositories.
    Mounted,
    /// It was there already.
    Present,
    /// It is there, and was read there to its end.
    Read,
    /// It may be kept elsewhere, and could be had nowhere: the image's users have to fetch it themselves.
    LeftOut,
}
