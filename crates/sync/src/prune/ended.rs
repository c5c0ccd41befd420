//! The result of one deletion.

/// The result of one deletion.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Deleted,
    /// It did not exist any more.
    WasGone,
    Kept(Kept),
}

/// Why something was not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Something needs it, which is no failure.
    Held(String),
    /// The registry does not support deletion.
    Off,
    /// The run was stopped before.
    Stopped,
    /// The deletion failed, or it is unknown whether it is allowed.
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
    /// The reason as a text.
    pub fn why(&self) -> &str {
        match self {
            Self::Held(why) | Self::Failed(why) => why,
            Self::Off => "deletion is off at this registry",
            Self::Stopped => "the run was stopped",
        }
    }
}
