//! An upload session: where it goes on, what the registry has, and how the last try to send went.
//!
//! Spec: distribution-spec, "Pushing blobs". How it is sent: `push.rs`; what to do after a failure: `resume.rs`.

use http::{Method, StatusCode};
use url::Url;

use super::habits::{Shape, UploadHabits, Wanted};
use super::place::Place;
use super::saved::UploadWatch;
use crate::client::{Call, Party};
use crate::concern::Endpoint;
use crate::{Error, Repository};

/// An upload that the registry has opened. It costs the registry nothing if it is never used.
pub struct UploadSession {
    pub(super) repository: Repository,
    pub(super) place: Place,
    /// What is known of other servers to which the registry sends this upload: it holds for this upload alone.
    elsewhere: UploadHabits,
    /// The smallest chunk that the registry takes, but for the last one.
    pub(super) smallest_chunk: u64,
    /// Bytes that the registry has for sure.
    pub(super) confirmed: u64,
    pub(super) last: LastSend,
    /// The most bytes that the registry had for sure, in any session of this blob.
    pub(super) furthest: u64,
    /// Tries that went on at once, without the registry having got further since.
    pub(super) at_once: u32,
    /// Why it did so, where the registry said nothing new.
    pub(super) free: Vec<Free>,
    /// Whether a broken body is suspected to have been too large.
    pub(super) suspicion: Suspicion,
    pub(super) parts: Parts,
    pub(super) watch: UploadWatch,
}

/// What became of a session that was begun for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// The registry knows it no more.
    Gone,
    /// The registry may keep it until it cleans up by itself.
    Unclear,
}

/// How the last try to send went.
#[derive(Default)]
pub(super) struct LastSend {
    pub(super) shape: Option<Shape>,
    /// Where the body began and what was taken of it, in bytes.
    pub(super) begun_at: u64,
    pub(super) taken: u64,
    /// Length of the request's body in bytes, where it is known.
    pub(super) length: Option<u64>,
    /// Whether the last byte was taken, so that only the answer can be missing.
    pub(super) is_complete: bool,
    pub(super) objection: Option<Objection>,
    /// Where the registry wants the body instead.
    pub(super) moved_to: Option<Place>,
}

/// What the registry had against the last try, where that says how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objection {
    /// It has another part of the blob than was thought.
    Range,
    /// Somebody else is storing the blob, or has just done it.
    Contested,
}

/// Whether the registry puts parts of a blob together rightly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// The blob was sent in one go so far.
    Unused,
    /// It was sent in several requests.
    Used,
    /// What it made of them was wrong: from here on the blob goes in one go.
    Distrusted,
}

/// An early 413 often looks like a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    None,
    /// The next try goes in the smallest chunks.
    TryChunks,
    /// That was tried.
    Tried,
}

/// Why an upload goes on at once though the registry said nothing new of how it wants its bodies. That is no try of its
/// own once: what comes again, without a byte more at the registry, is a failure like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Free {
    /// The token, or the link of another server, ended on the way.
    Login,
    /// The registry has another part of the blob than was thought.
    Offset,
    /// The registry takes no PATCH.
    Method,
    /// Somebody else may have stored the blob.
    Contest,
    /// The registry wants the body elsewhere.
    Move,
}

impl UploadSession {
    pub(super) fn new(repository: Repository, place: Place, smallest_chunk: u64) -> Self {
        let watch = UploadWatch::new(place.location.clone(), smallest_chunk);
        let elsewhere = UploadHabits::new(repository.registry().profile());
        Self {
            repository,
            place,
            elsewhere,
            smallest_chunk,
            confirmed: 0,
            last: LastSend::default(),
            furthest: 0,
            at_once: 0,
            free: Vec::new(),
            suspicion: Suspicion::None,
            parts: Parts::Unused,
            watch,
        }
    }

    /// Tells where the upload stands while it is sent. `None` where the registry would keep nothing of a broken one:
    /// a blob of `size` bytes goes in a single request.
    pub fn watch(&self, size: Option<u64>) -> Option<UploadWatch> {
        let wanted = Wanted {
            size,
            confirmed: self.confirmed,
            smallest_chunk: self.smallest_chunk,
            largest_body: u64::MAX,
        };
        let shape = self.habits().shape(wanted);
        (shape != Shape::Put).then(|| self.watch.clone())
    }

    /// Bytes that are sent again, into a new session, are no progress.
    pub(super) fn note_progress(&mut self) {
        if self.confirmed > self.furthest {
            self.furthest = self.confirmed;
            self.at_once = 0;
            self.free.clear();
        }
    }

    pub(super) fn goes_on_at(&mut self, place: Place) {
        self.watch.moved(place.location.clone(), self.smallest_chunk);
        self.place = place;
    }

    /// What is known of the server that takes the bytes.
    pub(super) fn habits(&self) -> &UploadHabits {
        match self.place.named_by {
            Party::Registry => self.repository.registry().upload_habits(),
            Party::Another => &self.elsewhere,
        }
    }

    /// How many bytes the registry has for sure.
    pub fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Tells the registry to forget the session. Its answer does not matter.
    pub async fn cancel(self) {
        self.forget().await;
    }

    /// Makes the registry forget the session, and tells whether it did. Registries built on distribution want the
    /// right to delete for it: [`Access::PullPushDelete`](crate::Access::PullPushDelete).
    ///
    /// # Errors
    /// No answer comes, so nothing is known.
    pub async fn withdraw(self) -> Result<Withdrawn, Error> {
        let call = self.call(Method::DELETE, self.place.location.clone());
        let status = self.repository.registry().send_once(&call).await?.status();
        let is_gone = status.is_success() || status == StatusCode::NOT_FOUND;
        Ok(if is_gone { Withdrawn::Gone } else { Withdrawn::Unclear })
    }

    pub(super) async fn forget(&self) {
        let call = self.call(Method::DELETE, self.place.location.clone());
        // Its answer does not matter.
        let _ = self.repository.registry().send_once(&call).await;
    }

    pub(super) fn call(&self, method: Method, url: Url) -> Call {
        let call = Call::new(method, url, self.repository.scopes()).endpoint(Endpoint::Upload);
        call.named_by(self.place.named_by)
    }
}
