//! An upload session that breaks, and how it goes on. Spec: distribution-spec, "Pushing blobs".

/// The bytes of an upload do not come to an end: what was sent must not be kept. Why is known to whoever feeds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upload was broken off")]
pub struct BrokenOff;

/// Whether an upload can go on after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It cannot.
    Never,
    /// In another way, without waiting: the other side's answer says how.
    AtOnce,
    /// After a while, as one of the tries that the run allows.
    Later,
}

/// What the other side has of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadStatus {
    /// The blob is complete: only the answer was lost.
    Complete,
    /// So many bytes: the rest is to be sent.
    At(u64),
}
