//! How an upload continues after a failure. Spec: distribution-spec, "Pushing blobs".

/// The body of an upload ends too early: the registry must not keep it. The source of the bytes knows the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upload was broken off")]
pub struct BrokenOff;

/// Whether an upload can continue after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It cannot continue.
    Never,
    /// Now, in another way that the other side's answer shows.
    AtOnce,
    /// After a wait, as one of the run's retries.
    Later,
}

/// How much of an upload the other side has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadStatus {
    /// The blob is complete: only the answer was lost.
    Complete,
    /// This many bytes: the rest must be sent.
    At(u64),
}
