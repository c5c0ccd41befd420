//! Errors of an image or rule: on which side, at which step, and why.

#[cfg(test)]
pub(crate) mod fixtures;
pub(crate) mod told;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oci::{Digest, ErrorKind, ManifestError, Mismatch, TagOrDigest};

use self::told::ToldError;
use crate::endpoint::{EndpointError, Scope};
use crate::plan::expected::Expected;
use crate::select::TooFew;

/// The side on which a step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Where images are read.
    Source,
    /// Where images are written.
    Target,
}

/// The step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Reading the list of repositories.
    ListRepositories,
    /// Reading the list of tags.
    ListTags,
    /// Reading the sizes of images, by which shards are divided.
    ReadSizes,
    /// Choosing from the list of tags.
    SelectTags,
    /// Pairing the source's tags with the names at the target.
    Pair,
    /// Resolving a reference.
    Resolve(TagOrDigest),
    /// Reading a manifest.
    ReadManifest(TagOrDigest),
    /// Reading a blob.
    ReadBlob(Digest),
    /// Creating what a push needs, such as a project.
    Prepare,
    /// Finding out whether a repository accepts pushes.
    TryPush,
    /// Looking up a blob without reading it.
    FindBlob(Digest),
    /// Looking up a blob, mounting it or opening its upload session.
    StartBlob(Digest),
    /// Sending a blob.
    SendBlob(Digest),
    /// Listing the referrers of a manifest.
    ListReferrers(Digest),
    /// Adding a referrer to a manifest's list.
    ListReferrer(Digest),
    /// Storing a manifest.
    PushManifest(TagOrDigest),
    /// Deleting a tag or a manifest.
    Delete(TagOrDigest),
    /// The whole copy: a bug of this program.
    Copy,
    /// What another process was doing, as it was reported.
    Elsewhere(String),
}

/// A failed step of one image or one rule.
#[derive(Debug, thiserror::Error)]
#[error("{side} {place}: {operation} failed")]
pub struct Error {
    /// The side that failed.
    pub side: Side,
    /// Registry and repository of that side.
    pub place: String,
    /// The step that failed.
    pub operation: Operation,
    /// Why.
    #[source]
    pub cause: Cause,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// An error of the registry, of one of its additional APIs, or of the connection to it.
    #[error(transparent)]
    Endpoint(Box<EndpointError>),
    /// The source's bytes do not match a descriptor.
    #[error(transparent)]
    Mismatch(Box<Mismatch>),
    /// A manifest that cannot be parsed, or that its purpose does not allow.
    #[error("manifest {digest} cannot be used")]
    Manifest {
        /// The digest of the manifest.
        digest: Box<Digest>,
        /// Why.
        source: Box<ManifestError>,
    },
    /// The registry did not answer, and is not asked any more.
    #[error(transparent)]
    NoAnswer(NoAnswer),
    /// A shard does not know its part, because a request failed that other shards may have answered.
    #[error("without this answer the shards cannot be divided, so this one did nothing")]
    Undivided(#[source] Arc<Error>),
    /// The source does not have the content.
    #[error("it is not there")]
    Missing,
    /// A rule names more or fewer target tags than the source has images.
    #[error("the rule selects {source_count} images at the source, but names {target_count} at the target")]
    Count {
        /// Images selected at the source.
        source_count: usize,
        /// References at the target.
        target_count: usize,
    },
    /// A rule selects fewer tags than it must.
    #[error(transparent)]
    TooFew(TooFew),
    /// A rule needs the push dates of tags, and the registry does not report them.
    #[error("the rule needs the dates at which tags were pushed, and the registry tells none")]
    NoDates,
    /// The target's reference is a digest, and the source's image has another one.
    #[error("the image at the source is {actual}, so it cannot be stored as {wanted}")]
    OtherDigest {
        /// The digest that the target should have.
        wanted: Box<Digest>,
        /// The digest at the source.
        actual: Box<Digest>,
    },
    /// The target has a wrong number of bytes for a blob, and keeps them although the right ones were sent.
    #[error(
        "the registry has {actual} bytes of {digest}, which has {expected}, and keeps them though it was sent anew"
    )]
    KeepsOtherLength {
        /// The digest of the blob.
        digest: Box<Digest>,
        /// Its size in bytes.
        expected: u64,
        /// The size that the registry reports.
        actual: u64,
    },
    /// The target accepted a manifest, but does not return it.
    #[error("the registry took {digest}, and does not give it: {told}")]
    KeepsUnreadable {
        /// The digest of the manifest.
        digest: Box<Digest>,
        /// The target's error.
        told: Box<EndpointError>,
    },
    /// Indexes are nested too deeply.
    #[error("it has indexes inside indexes deeper than {deepest}")]
    TooDeep {
        /// The deepest nesting that is followed.
        deepest: usize,
    },
    /// Another rule already copies another image to the same reference.
    #[error("{by} is copied to the same name at the target")]
    TargetTaken {
        /// The other image at the source.
        by: String,
    },
    /// Rules copy a reference back to itself in a cycle.
    #[error("these names are copied in a circle, so none of them can be first: {}", names.join(", "))]
    Circle {
        /// The references of the cycle.
        names: Vec<String>,
    },
    /// Rules copy different images to the same references, and treat this as a mistake.
    #[error(
        "another rule copies another image to the same name, so neither was copied: {}{}",
        names.join(", "),
        if *more > 0 { format!(", and {more} more") } else { String::new() }
    )]
    Collision {
        /// The first references, each with the sources of both images.
        names: Vec<String>,
        /// How many further references there are.
        more: usize,
    },
    /// The reference has another digest at the target, and its rule treats this as a failure.
    #[error("the target has {there} under this name, not {wanted}, and its rule has `onConflict: fail`")]
    Conflict {
        /// The digest at the target.
        there: Box<Digest>,
        /// What the rule would store.
        wanted: Box<Digest>,
    },
    /// A repair of a broken reference does not replace another client's image.
    #[error(
        "the target has {there} under this name, not {wanted}: somebody else has stored that, and it stays"
    )]
    Stays {
        /// The digest at the target.
        there: Box<Digest>,
        /// The digest that the repair would have set.
        wanted: Box<Digest>,
    },
    /// Another client has changed the target since the plan was made.
    #[error(
        "the target has {} under this name, where the plan expects {expected}",
        there.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
    )]
    Drift {
        /// What the target had when the plan was made.
        expected: Box<Expected>,
        /// What the target has now.
        there: Option<Box<Digest>>,
    },
    /// The manifest that would be stored is not the planned one.
    #[error("the target would get {actual} under this name, where the plan says {planned}")]
    OtherResult {
        /// The planned digest.
        planned: Box<Digest>,
        /// The digest that the rule makes of the source's image.
        actual: Box<Digest>,
    },
    /// Two source repositories would be mixed in one target repository.
    #[error(transparent)]
    TargetShared(Box<SharedTarget>),
    /// The target template gives an invalid name for a matched repository.
    #[error(transparent)]
    TargetName(Box<ImpossibleTarget>),
    /// The run was asked to stop, and there was no time left for another try.
    #[error("the run was stopped before it could be tried again")]
    Stopped,
    /// An error that another process reported.
    #[error(transparent)]
    Elsewhere(Box<ToldError>),
    /// A bug in this program; the other images go on.
    #[error("an internal error: {0}")]
    Panic(String),
}

/// A registry that failed to answer so often that it is not asked for now.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the registry does not answer: it could not be reached {in_a_row} times in a row")]
pub struct NoAnswer {
    /// How many images or tag listings in a row got no answer, with no other answer from the registry in between.
    pub in_a_row: u32,
    /// The last of these errors.
    #[source]
    pub last: Arc<Error>,
}

/// Two source repositories that would be mixed in one target repository.
#[derive(Debug, thiserror::Error)]
#[error("{also} would be copied to {target}, where {by} goes, too")]
pub struct SharedTarget {
    /// The target repository.
    pub target: String,
    /// The source repository that is copied there.
    pub by: String,
    /// The other source repository that would be copied there.
    pub also: String,
}

/// An invalid repository name.
#[derive(Debug, thiserror::Error)]
#[error("{repository} would be copied to `{target}`, which cannot be: {reason}")]
pub struct ImpossibleTarget {
    /// The source repository.
    pub repository: String,
    /// The name that the target template gives.
    pub target: String,
    /// Why the name is invalid.
    pub reason: String,
}

impl From<EndpointError> for Cause {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(Box::new(error))
    }
}

impl Error {
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.cause, Cause::Stopped)
    }

    /// The error of the same step, given up because the run stops.
    pub(crate) fn stopped(&self) -> Self {
        let (place, operation) = (self.place.clone(), self.operation.clone());
        Self { side: self.side, place, operation, cause: Cause::Stopped }
    }

    /// The error that another process reported.
    pub fn told(&self) -> Option<&ToldError> {
        match &self.cause {
            Cause::Elsewhere(told) => Some(&**told),
            Cause::Endpoint(error) => error.inner(),
            _ => None,
        }
    }

    /// Whether the same step may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.endpoint().is_some_and(|error| error.is_retryable)
    }

    /// The endpoint's error, if it is the cause.
    pub fn endpoint(&self) -> Option<&EndpointError> {
        match &self.cause {
            Cause::Endpoint(error) => Some(error),
            _ => None,
        }
    }

    /// The kind of error, if an endpoint or its data is the cause.
    pub fn kind(&self) -> Option<ErrorKind> {
        match &self.cause {
            Cause::Endpoint(error) => Some(error.kind),
            Cause::NoAnswer(silence) => silence.last.kind(),
            Cause::Undivided(error) => error.kind(),
            Cause::Missing => Some(ErrorKind::NotFound),
            Cause::Mismatch(_) | Cause::KeepsOtherLength { .. } | Cause::KeepsUnreadable { .. } => {
                Some(ErrorKind::Mismatch)
            }
            Cause::Manifest { .. } => Some(ErrorKind::Protocol),
            _ => None,
        }
    }

    /// Whether the store, or the token service for it, may be unreachable.
    pub(crate) fn is_no_answer(&self) -> bool {
        use ErrorKind::{Network, Stalled, Tls, Unavailable};

        let is_silence = |error: &EndpointError| {
            matches!(error.scope, Scope::Store | Scope::Login)
                && matches!(error.kind, Unavailable | Network | Tls | Stalled)
        };
        self.endpoint().is_some_and(is_silence)
    }

    /// How long the endpoint asks to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        self.endpoint().and_then(|error| error.wait)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListRepositories => formatter.write_str("listing repositories"),
            Self::ListTags => formatter.write_str("listing tags"),
            Self::ReadSizes => formatter.write_str("reading the sizes of images"),
            Self::SelectTags => formatter.write_str("selecting tags"),
            Self::Pair => formatter.write_str("matching tags with the target's names"),
            Self::Resolve(reference) => write!(formatter, "looking up {reference}"),
            Self::ReadManifest(reference) => write!(formatter, "reading manifest {reference}"),
            Self::ReadBlob(digest) => write!(formatter, "reading blob {}", digest.short()),
            Self::TryPush => formatter.write_str("opening an upload to see whether pushes are allowed"),
            Self::Prepare => formatter.write_str("creating the project or namespace"),
            Self::FindBlob(digest) => write!(formatter, "looking for blob {}", digest.short()),
            Self::StartBlob(digest) => write!(formatter, "starting the upload of blob {}", digest.short()),
            Self::SendBlob(digest) => write!(formatter, "sending blob {}", digest.short()),
            Self::ListReferrers(digest) => write!(formatter, "listing what refers to {}", digest.short()),
            Self::ListReferrer(digest) => write!(formatter, "noting what refers to {}", digest.short()),
            Self::PushManifest(reference) => write!(formatter, "storing manifest {reference}"),
            Self::Delete(reference) => write!(formatter, "deleting {reference}"),
            Self::Copy => formatter.write_str("copying"),
            Self::Elsewhere(what) => formatter.write_str(what),
        }
    }
}
