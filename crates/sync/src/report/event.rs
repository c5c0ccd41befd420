//! What a run tells while it goes on: the only way out of the engine.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci::{Digest, RepositoryName, Tag};

use crate::endpoint::StoreId;
use crate::select::{Counts, Reason};
use crate::{BlobOutcome, Decision, Error, Image, ImageReport, Load, RuleFailure, RunId};

/// Which run tells something, and when it happened.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// The run: several may tell one observer.
    pub run: RunId,
    /// When.
    pub at: SystemTime,
    /// The worker that did it, where several work on one run.
    pub worker: Option<Arc<str>>,
}

/// Something that happened. Observers must be quick: they are called from the copying tasks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Something that people should know, and no failure.
    Note {
        /// Which registry says so.
        place: Arc<str>,
        /// What.
        text: String,
    },
    /// A page of a source's repositories was read.
    RepositoriesListed {
        /// The registry.
        source: Arc<str>,
        /// Repositories on this page.
        repositories: usize,
        /// Of these, how many the rule selects.
        selected: usize,
    },
    /// A page of a source's tags was read.
    TagsListed {
        /// For which of the run's rules.
        rule: usize,
        /// Registry and repository.
        source: Arc<str>,
        /// Tags on this page.
        tags: usize,
        /// Of these, how many the rule selects; `None` where only the whole list tells.
        selected: Option<usize>,
    },
    /// A rule has chosen from the whole list of a source's tags, as it is before anything is copied.
    Selected {
        /// For which of the run's rules.
        rule: usize,
        /// Registry and repository.
        source: Arc<str>,
        /// How many tags each stage left.
        counts: Counts,
        /// Why tags are left out, in the list's order.
        left_out: Arc<[(Tag, Reason)]>,
    },
    /// A registry lists a tag that the specification does not allow; it is left out.
    InvalidTag {
        /// Registry and repository.
        source: Arc<str>,
        /// What it lists.
        tag: String,
    },
    /// A rule selected nothing, which is no failure but often a slip.
    NothingSelected {
        /// For which of the run's rules.
        rule: usize,
        /// Registry and repository.
        source: Arc<str>,
        /// Which stages left nothing, where there are stages.
        counts: Option<Counts>,
    },
    /// None of the repositories that a registry lists is one of a rule's, which is no failure but often a slip.
    NoRepository {
        /// For which of the run's rules.
        rule: usize,
        /// Registry and pattern.
        source: Arc<str>,
        /// How many are listed.
        listed: usize,
        /// The first of them.
        names: Arc<[RepositoryName]>,
    },
    /// Only a target has these tags, where a rule about a whole repository would name them: told where a run only looks.
    /// Another rule may bring them.
    Extra {
        /// Which of the run's rules would name them.
        rule: usize,
        /// Registry and repository of the target.
        target: Arc<str>,
        /// Each with what it points at, where the target tells. Signatures and the like come last.
        tags: Arc<[(Tag, Option<Digest>)]>,
    },
    /// Somebody else began this run, and what it has done comes first.
    RunJoined {
        /// When.
        began: SystemTime,
    },
    /// A rule could not be turned into images.
    RuleFailed(Arc<RuleFailure>),
    /// An image will be looked at.
    ImagePlanned(Arc<Image>),
    /// Every rule was turned into images: no more are planned.
    AllPlanned,
    /// Work on an image begins.
    ImageStarted(Arc<Image>),
    /// It is decided what is to be done about an image.
    Decided {
        /// What.
        decision: Box<Decision>,
        /// What has to come to the target for it: known only where a run does nothing but look.
        load: Option<Arc<Load>>,
    },
    /// A blob may have to be sent: whether the target has it is not known yet.
    BlobPlanned {
        /// For which image.
        image: Arc<Image>,
        /// Which blob.
        digest: Digest,
        /// Its size in bytes, where the manifest tells.
        size: Option<u64>,
    },
    /// A blob begins to move, or does so again after a try that failed.
    BlobStarted {
        /// For which image.
        image: Arc<Image>,
        /// Which blob.
        digest: Digest,
        /// How many bytes are to be sent, where the manifest tells: less than its size where an earlier run sent some.
        size: Option<u64>,
    },
    /// An upload that broke goes on from what the target has kept of it: the rest moves once more.
    BlobResumed {
        /// For which image.
        image: Arc<Image>,
        /// Which blob.
        digest: Digest,
        /// How many bytes are still to be sent, where the manifest tells its size.
        left: Option<u64>,
    },
    /// Some bytes of a blob went out to the target, or, where what targets have is read, came from there.
    BytesMoved {
        /// For which image.
        image: Arc<Image>,
        /// Of which blob.
        digest: Digest,
        /// How many.
        bytes: u64,
    },
    /// Bytes of blobs went out to targets from elsewhere: whoever sent them tells afterwards, and not for which images.
    BytesReported {
        /// How many.
        bytes: u64,
        /// In how much time, which ends now.
        during: Duration,
    },
    /// A blob is at the target, or was read there.
    BlobFinished {
        /// For which image.
        image: Arc<Image>,
        /// Which blob.
        digest: Digest,
        /// Its size in bytes, where the manifest tells.
        size: Option<u64>,
        /// How it came there.
        outcome: BlobOutcome,
    },
    /// A step failed and will be tried again.
    Retrying {
        /// Of which image.
        image: Arc<Image>,
        /// The registry and repository that it failed at.
        place: Arc<str>,
        /// What failed.
        error: Arc<Error>,
        /// How long to wait before the next try.
        wait: Duration,
    },
    /// A registry did not list its tags or repositories, and will be asked again.
    RetryingList {
        /// The registry, with the repository where its tags are listed.
        source: Arc<str>,
        /// What failed.
        error: Arc<Error>,
        /// How long to wait before the next try.
        wait: Duration,
    },
    /// Work on an image waits for a store that did not answer any more: until it does, or is given up.
    AwaitingStore {
        /// Which image.
        image: Arc<Image>,
        /// Which store.
        store: StoreId,
    },
    /// The run was stopped, and a blob's upload stays open for the next one to go on with.
    BlobLeft {
        /// Which image.
        image: Arc<Image>,
        /// Which blob.
        digest: Digest,
        /// What the target has of it that came in this run, in bytes.
        bytes: u64,
    },
    /// The run was asked to stop: nothing new begins.
    Stopping {
        /// How many images are worked on.
        in_work: usize,
        /// How many more have begun, and wait: for another try, for a store that does not answer, or for what another image
        /// brings.
        waiting: usize,
        /// How long these may go on.
        drain: Duration,
    },
    /// Work on an image has ended. The run keeps nothing of it but sums.
    ImageFinished(Arc<ImageReport>),
}

/// Watches a run.
pub trait Observer: Send + Sync {
    /// Takes one event.
    fn event(&self, stamp: &Stamp, event: &Event);
}

/// Watches nothing.
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Stamp, _: &Event) {}
}

/// Tells several, one after the other.
impl Observer for Vec<Arc<dyn Observer>> {
    fn event(&self, stamp: &Stamp, event: &Event) {
        for observer in self {
            observer.event(stamp, event);
        }
    }
}

/// Where what happens in a run is told.
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
