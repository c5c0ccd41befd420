//! What failed at an endpoint, as far as the engine has to judge it. The endpoint's own error stays inside, for whoever
//! tells people.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oci::ErrorKind;

/// A question to an endpoint that failed.
#[derive(Clone, Debug)]
pub struct EndpointError {
    /// What to make of it.
    pub kind: ErrorKind,
    /// What else fails for the same reason.
    pub scope: Scope,
    /// Whether the same question may well succeed later.
    pub is_retryable: bool,
    /// How long the endpoint asks to wait before.
    pub wait: Option<Duration>,
    /// What it says of the content, where that decides how a copy goes on.
    pub meaning: Meaning,
    /// The endpoint's own error.
    pub own: Arc<dyn StdError + Send + Sync>,
}

/// How far a failure reaches: whatever has the same in common is likely to fail as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// One image, manifest or blob.
    Image,
    /// One repository.
    Repository,
    /// The whole store: it cannot be reached, or has trouble of its own.
    Store,
    /// Everything that this login is used for.
    Login,
}

/// What a failure says of the content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing.
    #[default]
    None,
    /// A manifest cannot be stored, because something that it refers to is not there.
    MissesContent,
    /// The tag may not be set to another digest.
    ImmutableTag,
    /// Somebody else writes the same.
    Conflict,
    /// An attestation is not taken.
    Attestation,
    /// An index is not taken, because not all its manifests are there.
    SparseIndex,
}

impl EndpointError {
    /// A failure for good, of one image, that says nothing of the content.
    pub fn new(kind: ErrorKind, own: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let (is_retryable, wait, meaning) = (false, None, Meaning::None);
        Self { kind, scope: Scope::Image, is_retryable, wait, meaning, own: own.into().into() }
    }

    /// The endpoint's own error, where it is a `T`.
    pub fn inner<T: StdError + 'static>(&self) -> Option<&T> {
        self.own.downcast_ref()
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.own.fmt(formatter)
    }
}

impl StdError for EndpointError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.own.source()
    }
}
