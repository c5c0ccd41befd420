//! How it ended with something that was to go.

/// How it ended with something that was to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Deleted,
    /// It was not there any more.
    WasGone,
    Kept(Kept),
}

/// Why something that should be gone is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Something needs it, which is no failure.
    Held(String),
    /// Its registry deletes nothing.
    Off,
    /// The run was stopped before.
    Stopped,
    /// It could not be deleted, or nobody knows whether it may.
    Failed(String),
}

impl Ended {
    pub(super) fn held(why: impl Into<String>) -> Self {
        Self::Kept(Kept::Held(why.into()))
    }

    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self::Kept(Kept::Failed(why.into()))
    }
}

impl Kept {
    /// Why, in words.
    pub fn why(&self) -> &str {
        match self {
            Self::Held(why) | Self::Failed(why) => why,
            Self::Off => "deletion is off at this registry",
            Self::Stopped => "the run was stopped",
        }
    }
}
