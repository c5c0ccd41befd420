//! An endpoint's error, with the properties that the engine needs. The endpoint's own error stays inside, for
//! messages to users.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oci::ErrorKind;

/// A failed request to an endpoint.
#[derive(Clone, Debug)]
pub struct EndpointError {
    /// The kind of error.
    pub kind: ErrorKind,
    /// What else fails for the same reason.
    pub scope: Scope,
    /// Whether the same request may succeed later.
    pub is_retryable: bool,
    /// How long the endpoint asks to wait before the next request.
    pub wait: Option<Duration>,
    /// What the error says about the content, where that decides how a copy continues.
    pub meaning: Meaning,
    /// The endpoint's own error.
    pub own: Arc<dyn StdError + Send + Sync>,
}

/// How far a failure reaches: all requests within the scope are likely to fail as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// One image, manifest or blob.
    Image,
    /// One repository.
    Repository,
    /// The whole store: it cannot be reached, or has internal problems.
    Store,
    /// Everything that this login is used for.
    Login,
}

/// What a failure says about the content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing.
    #[default]
    None,
    /// A manifest cannot be stored, because the registry lacks content that it refers to.
    MissesContent,
    /// The tag cannot be moved to another digest.
    ImmutableTag,
    /// Another client writes the same at the same time.
    Conflict,
    /// The registry refuses an attestation.
    Attestation,
    /// The registry refuses an index, because it lacks some of its manifests.
    SparseIndex,
    /// The registry does not show to this login whether it has the content.
    Hidden,
}

impl EndpointError {
    /// A permanent failure of one image that says nothing about the content.
    pub fn new(kind: ErrorKind, own: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let (is_retryable, wait, meaning) = (false, None, Meaning::None);
        Self { kind, scope: Scope::Image, is_retryable, wait, meaning, own: own.into().into() }
    }

    /// The endpoint's own error, if it is a `T`.
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
