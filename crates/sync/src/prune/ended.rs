//! How it ended with something that was to go.

/// How it ended with something that was to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Deleted,
    /// It was not there any more.
    WasGone,
    /// The registry deletes nothing.
    Off,
    /// Something needs it.
    Held(String),
    Failed(String),
}
