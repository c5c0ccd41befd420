//! What a run reports while it goes on: the only output of the engine.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci::{Digest, RepositoryName, Tag};

use crate::endpoint::StoreId;
use crate::select::{Counts, Reason};
use crate::{BlobOutcome, Decision, Error, Image, ImageReport, Load, RuleFailure, RunId};

/// Which run an event belongs to, and when it happened.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// The run; several runs may share one observer.
    pub run: RunId,
    /// The time.
    pub at: SystemTime,
    /// The worker that did it, if several work on one run.
    pub worker: Option<Arc<str>>,
}

/// Something that happened. Observers must be quick: they are called from the copying tasks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Information for the user that is no failure.
    Note {
        /// The registry that it is about.
        place: Arc<str>,
        /// The text.
        text: String,
    },
    /// A page of a source's repositories was read.
    RepositoriesListed {
        /// The registry.
        source: Arc<str>,
        /// Repositories on this page.
        repositories: usize,
        /// How many of them the rule selects.
        selected: usize,
    },
    /// A page of a source's tags was read.
    TagsListed {
        /// The rule's index.
        rule: usize,
        /// Registry and repository.
        source: Arc<str>,
        /// Tags on this page.
        tags: usize,
        /// How many of them the rule selects; `None` if only the whole list tells.
        selected: Option<usize>,
    },
    /// A rule has selected from a source's whole tag list, as it is before anything is copied.
    Selected {
        /// The rule's index.
        rule: usize,
        /// Registry and repository.
        source: Arc<str>,
        /// How many tags each stage left.
        counts: Counts,
        /// Why tags were left out, in the list's order.
        left_out: Arc<[(Tag, Reason)]>,
    },
    /// A registry lists a tag that the specification does not allow; it is left out.
    InvalidTag {
        /// Registry and repository.
        source: Arc<str>,
        /// The invalid tag.
        tag: String,
    },
    /// A rule selected nothing, which is no failure but often a mistake.
    NothingSelected {
        /// The rule's index.
        rule: usize,
        /// Registry and repository.
        source: Arc<str>,
        /// Which stages left nothing, if there are stages.
        counts: Option<Counts>,
    },
    /// A rule selects none of the repositories that a registry lists, which is no failure but often a mistake.
    NoRepository {
        /// The rule's index.
        rule: usize,
        /// Registry and pattern.
        source: Arc<str>,
        /// How many repositories are listed.
        listed: usize,
        /// The first of them.
        names: Arc<[RepositoryName]>,
    },
    /// Tags that only a target has, and that a rule about a whole repository would write. Reported by plans. Another
    /// rule may write them.
    Extra {
        /// The index of the rule that would write them.
        rule: usize,
        /// Registry and repository of the target.
        target: Arc<str>,
        /// Each with its digest, if the target reports it. Referrer tags come last.
        tags: Arc<[(Tag, Option<Digest>)]>,
    },
    /// Another process began this run; the events for what it has done come first.
    RunJoined {
        /// When it began the run.
        began: SystemTime,
    },
    /// A rule could not be turned into images.
    RuleFailed(Arc<RuleFailure>),
    /// An image will be processed.
    ImagePlanned(Arc<Image>),
    /// Every rule was turned into images: no more are planned.
    AllPlanned,
    /// Work on an image begins.
    ImageStarted(Arc<Image>),
    /// The decision about an image was made.
    Decided {
        /// The decision.
        decision: Box<Decision>,
        /// What has to be transferred for it: known only in plans.
        load: Option<Arc<Load>>,
    },
    /// A blob may have to be sent: it is unknown whether the target has it.
    BlobPlanned {
        /// The image.
        image: Arc<Image>,
        /// The blob.
        digest: Digest,
        /// Its size in bytes, if the manifest has it.
        size: Option<u64>,
    },
    /// The transfer of a blob begins, or begins again after a failed try.
    BlobStarted {
        /// The image.
        image: Arc<Image>,
        /// The blob.
        digest: Digest,
        /// How many bytes will be sent, if the manifest has the size: less than the size if an earlier run sent some.
        size: Option<u64>,
    },
    /// An interrupted upload is resumed at the target's offset: the rest is sent again.
    BlobResumed {
        /// The image.
        image: Arc<Image>,
        /// The blob.
        digest: Digest,
        /// How many bytes are still to be sent, if the manifest has the size.
        left: Option<u64>,
    },
    /// Bytes of a blob were sent to the target, or, in a verification, read from there.
    BytesMoved {
        /// The image.
        image: Arc<Image>,
        /// The blob.
        digest: Digest,
        /// How many bytes.
        bytes: u64,
    },
    /// Other processes sent bytes of blobs to targets. They report only sums, not the images.
    BytesReported {
        /// How many bytes.
        bytes: u64,
        /// The time that it took, which ends now.
        during: Duration,
    },
    /// The target has a blob, or the blob was read there.
    BlobFinished {
        /// The image.
        image: Arc<Image>,
        /// The blob.
        digest: Digest,
        /// Its size in bytes, if the manifest has it.
        size: Option<u64>,
        /// How the target got it.
        outcome: BlobOutcome,
    },
    /// A step failed and will be retried.
    Retrying {
        /// The image.
        image: Arc<Image>,
        /// The registry and repository at which it failed.
        place: Arc<str>,
        /// The error.
        error: Arc<Error>,
        /// How long to wait before the next try.
        wait: Duration,
    },
    /// A registry did not list its tags or repositories, and will be asked again.
    RetryingList {
        /// The registry, with the repository if its tags are listed.
        source: Arc<str>,
        /// The error.
        error: Arc<Error>,
        /// How long to wait before the next try.
        wait: Duration,
    },
    /// Work on an image waits for a store that does not answer, until it answers or is given up.
    AwaitingStore {
        /// The image.
        image: Arc<Image>,
        /// The store.
        store: StoreId,
    },
    /// The run was stopped, and a blob's upload session stays open for the next run to resume.
    BlobLeft {
        /// The image.
        image: Arc<Image>,
        /// The blob.
        digest: Digest,
        /// How many bytes the target received in this run.
        bytes: u64,
    },
    /// The run was asked to stop: nothing new begins.
    Stopping {
        /// How many images are working.
        in_work: usize,
        /// How many more have begun, and wait: for a retry, for a store that does not answer, or for another image.
        waiting: usize,
        /// How long these may go on.
        drain: Duration,
    },
    /// Work on an image has ended. The run keeps only sums of it.
    ImageFinished(Arc<ImageReport>),
}

/// Receives the events of a run.
pub trait Observer: Send + Sync {
    /// Receives one event.
    fn event(&self, stamp: &Stamp, event: &Event);
}

/// Ignores all events.
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Stamp, _: &Event) {}
}

/// Passes events to several observers, one after the other.
impl Observer for Vec<Arc<dyn Observer>> {
    fn event(&self, stamp: &Stamp, event: &Event) {
        for observer in self {
            observer.event(stamp, event);
        }
    }
}

/// Sends the events of a run to its observer.
#[derive(Clone)]
pub(crate) struct Teller {
    run: RunId,
    observer: Arc<dyn Observer>,
}

impl Teller {
    pub(crate) fn new(run: RunId, observer: Arc<dyn Observer>) -> Self {
        Self { run, observer }
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.observer.event(&Stamp { run: self.run.clone(), at: SystemTime::now(), worker: None }, event);
    }
}
