//! What went wrong with an image: on which side, at which step, and why.

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

/// Where it went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Where images are read.
    Source,
    /// Where images are written.
    Target,
}

/// What was being done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Reading the list of repositories.
    ListRepositories,
    /// Reading the list of tags.
    ListTags,
    /// Choosing from the list of tags.
    SelectTags,
    /// Pairing the source's tags with the names at the target.
    Pair,
    /// Asking what a tag points at.
    Resolve(TagOrDigest),
    /// Reading a manifest.
    ReadManifest(TagOrDigest),
    /// Reading a blob.
    ReadBlob(Digest),
    /// Creating what has to be there before anything is pushed.
    Prepare,
    /// Finding out whether a repository may be pushed to.
    TryPush,
    /// Asking for a blob without reading it.
    FindBlob(Digest),
    /// Asking whether a blob is there, mounting it or opening its upload.
    StartBlob(Digest),
    /// Sending a blob.
    SendBlob(Digest),
    /// Asking what refers to a manifest.
    ListReferrers(Digest),
    /// Noting what refers to a manifest.
    ListReferrer(Digest),
    /// Storing a manifest.
    PushManifest(TagOrDigest),
    /// Deleting a tag or a manifest.
    Delete(TagOrDigest),
    /// Everything: a fault of this program.
    Copy,
    /// What another process was doing, in its words.
    Elsewhere(String),
}

/// A failed step of one image or one rule.
#[derive(Debug, thiserror::Error)]
#[error("{side} {place}: {operation} failed")]
pub struct Error {
    /// Which side failed.
    pub side: Side,
    /// Registry and repository of that side.
    pub place: String,
    /// At which step.
    pub operation: Operation,
    /// Why.
    #[source]
    pub cause: Cause,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The registry, what it offers beside the protocol, or the way to it.
    #[error(transparent)]
    Endpoint(Box<EndpointError>),
    /// Bytes at the source are not what a descriptor says.
    #[error(transparent)]
    Mismatch(Box<Mismatch>),
    /// A manifest that cannot be read, or be what it is for.
    #[error("manifest {digest} cannot be used")]
    Manifest {
        /// Which one.
        digest: Box<Digest>,
        /// Why.
        source: Box<ManifestError>,
    },
    /// The registry is not asked any more.
    #[error(transparent)]
    NoAnswer(NoAnswer),
    /// The source does not have it.
    #[error("it is not there")]
    Missing,
    /// A rule names more or fewer target tags than the source has images.
    #[error("the rule selects {source_count} images at the source, but names {target_count} at the target")]
    Count {
        /// Images selected at the source.
        source_count: usize,
        /// Names at the target.
        target_count: usize,
    },
    /// A rule selects fewer tags than it must.
    #[error(transparent)]
    TooFew(TooFew),
    /// A rule needs to know when tags were pushed, and the registry does not tell.
    #[error("the rule needs the dates at which tags were pushed, and the registry tells none")]
    NoDates,
    /// The target's name is a digest, and the source's image has another one.
    #[error("the image at the source is {actual}, so it cannot be stored as {wanted}")]
    OtherDigest {
        /// The digest that the target should have.
        wanted: Box<Digest>,
        /// The digest at the source.
        actual: Box<Digest>,
    },
    /// The target has more or fewer bytes of a blob, and keeps them although the right ones were sent.
    #[error(
        "the registry has {actual} bytes of {digest}, which has {expected}, and keeps them though it was sent anew"
    )]
    KeepsOtherLength {
        /// Which blob.
        digest: Box<Digest>,
        /// Its size in bytes.
        expected: u64,
        /// What the registry has.
        actual: u64,
    },
    /// The target took a manifest, and does not give it.
    #[error("the registry took {digest}, and does not give it: {told}")]
    KeepsUnreadable {
        /// Which manifest.
        digest: Box<Digest>,
        /// What it says instead.
        told: Box<EndpointError>,
    },
    /// Indexes inside indexes without end.
    #[error("it has indexes inside indexes deeper than {deepest}")]
    TooDeep {
        /// How deep we follow.
        deepest: usize,
    },
    /// Another rule already copies something else to the same name.
    #[error("{by} is copied to the same name at the target")]
    TargetTaken {
        /// The other image at the source.
        by: String,
    },
    /// What several rules copy comes back to where it is read.
    #[error("these names are copied in a circle, so none of them can be first: {}", names.join(", "))]
    Circle {
        /// Where each of the images is read.
        names: Vec<String>,
    },
    /// Rules give other images the same names, and say that this is a slip.
    #[error(
        "another rule copies another image to the same name, so neither was copied: {}{}",
        names.join(", "),
        if *more > 0 { format!(", and {more} more") } else { String::new() }
    )]
    Collision {
        /// The first names, each with where both images are read.
        names: Vec<String>,
        /// How many more there are.
        more: usize,
    },
    /// The target has the name with another digest, and its rule says that this is a failure.
    #[error("the target has {there} under this name, not {wanted}, and its rule has `onConflict: fail`")]
    Conflict {
        /// What the target has.
        there: Box<Digest>,
        /// What the rule would store.
        wanted: Box<Digest>,
    },
    /// Somebody else's image is not put over to mend a name that was broken.
    #[error(
        "the target has {there} under this name, not {wanted}: somebody else has stored that, and it stays"
    )]
    Stays {
        /// What the target has.
        there: Box<Digest>,
        /// What the name was to get.
        wanted: Box<Digest>,
    },
    /// Since the plan was made, somebody else has changed what the target has.
    #[error(
        "the target has {} under this name, where the plan expects {expected}",
        there.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
    )]
    Drift {
        /// What the target had when the plan was made.
        expected: Box<Expected>,
        /// What it has now.
        there: Option<Box<Digest>>,
    },
    /// What the target would get is not what the plan says.
    #[error("the target would get {actual} under this name, where the plan says {planned}")]
    OtherResult {
        /// What the target was to have.
        planned: Box<Digest>,
        /// What comes of the source's image by the rule.
        actual: Box<Digest>,
    },
    /// Two repositories would be mixed in one at the target.
    #[error(transparent)]
    TargetShared(Box<SharedTarget>),
    /// What a pattern matched cannot be named so at the target.
    #[error(transparent)]
    TargetName(Box<ImpossibleTarget>),
    /// The run was asked to stop, and there was no time left for another try.
    #[error("the run was stopped before it could be tried again")]
    Stopped,
    /// What another process says.
    #[error(transparent)]
    Elsewhere(Box<ToldError>),
    /// The program itself broke; the other images go on.
    #[error("an internal error: {0}")]
    Panic(String),
}

/// A registry that could not be reached so often that it is left alone for now.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the registry does not answer: it could not be reached {in_a_row} times in a row")]
pub struct NoAnswer {
    /// So many images, or lists of tags, got no answer, with no answer to anybody in between.
    pub in_a_row: u32,
    /// What the last of them failed with.
    #[source]
    pub last: Arc<Error>,
}

/// Two repositories that would be mixed in one.
#[derive(Debug, thiserror::Error)]
#[error("{also} would be copied to {target}, where {by} goes, too")]
pub struct SharedTarget {
    /// The repository at the target.
    pub target: String,
    /// The repository at the source that goes there.
    pub by: String,
    /// The one that would go there, too.
    pub also: String,
}

/// A name that no repository can have.
#[derive(Debug, thiserror::Error)]
#[error("{repository} would be copied to `{target}`, which cannot be: {reason}")]
pub struct ImpossibleTarget {
    /// The repository at the source.
    pub repository: String,
    /// What the target's text became.
    pub target: String,
    /// Why that is no name.
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

    /// The same step, given up because the run stops.
    pub(crate) fn stopped(&self) -> Self {
        let (place, operation) = (self.place.clone(), self.operation.clone());
        Self { side: self.side, place, operation, cause: Cause::Stopped }
    }

    /// Another process' error, as it told it.
    pub fn told(&self) -> Option<&ToldError> {
        match &self.cause {
            Cause::Elsewhere(told) => Some(&**told),
            Cause::Endpoint(error) => error.inner(),
            _ => None,
        }
    }

    /// Whether the same step may well succeed later.
    pub fn is_retryable(&self) -> bool {
        self.endpoint().is_some_and(|error| error.is_retryable)
    }

    /// The endpoint's error, where one is the cause.
    pub fn endpoint(&self) -> Option<&EndpointError> {
        match &self.cause {
            Cause::Endpoint(error) => Some(error),
            _ => None,
        }
    }

    /// What the error is about, where an endpoint or what it gave is the cause.
    pub fn kind(&self) -> Option<ErrorKind> {
        match &self.cause {
            Cause::Endpoint(error) => Some(error.kind),
            Cause::NoAnswer(silence) => silence.last.kind(),
            Cause::Missing => Some(ErrorKind::NotFound),
            Cause::Mismatch(_) | Cause::KeepsOtherLength { .. } | Cause::KeepsUnreadable { .. } => {
                Some(ErrorKind::Mismatch)
            }
            Cause::Manifest { .. } => Some(ErrorKind::Protocol),
            _ => None,
        }
    }

    /// Whether this may mean that the store, or whoever lets us in there, is not there at all.
    pub(crate) fn is_no_answer(&self) -> bool {
        use ErrorKind::{Network, Stalled, Tls, Unavailable};

        let is_silence = |error: &EndpointError| {
            matches!(error.scope, Scope::Store | Scope::Login)
                && matches!(error.kind, Unavailable | Network | Tls | Stalled)
        };
        self.endpoint().is_some_and(is_silence)
    }

    /// How long whoever failed asks to wait before the next try.
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
