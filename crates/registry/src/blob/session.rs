//! An upload session: its location, the bytes that the registry has, and the result of the last attempt to send.
//!
//! Spec: distribution-spec, "Pushing blobs". Sending: `push.rs`; recovery after a failure: `resume.rs`.

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
    /// The upload behaviour of other servers to which the registry redirects this upload. It applies to this upload alone.
    elsewhere: UploadHabits,
    /// The smallest chunk that the registry takes, but for the last one.
    pub(super) smallest_chunk: u64,
    /// The bytes that the registry has confirmed.
    pub(super) confirmed: u64,
    pub(super) last: LastSend,
    /// The most bytes that the registry has confirmed in any session of this blob.
    pub(super) furthest: u64,
    /// Attempts that continued at once, since the registry last got further.
    pub(super) at_once: u32,
    /// The reasons of those that taught nothing new about the registry.
    pub(super) free: Vec<Free>,
    /// Whether a broken body is suspected to have been too large.
    pub(super) suspicion: Suspicion,
    pub(super) parts: Parts,
    pub(super) watch: UploadWatch,
}

/// The result of cancelling a session that is not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// The registry no longer knows it.
    Gone,
    /// The registry may keep it until it cleans up by itself.
    Unclear,
}

/// The last attempt to send.
#[derive(Default)]
pub(super) struct LastSend {
    pub(super) shape: Option<Shape>,
    /// Where the body began and how much of it was sent, in bytes.
    pub(super) begun_at: u64,
    pub(super) taken: u64,
    /// Length of the request's body in bytes, if known.
    pub(super) length: Option<u64>,
    /// Whether the last byte was sent, so that only the answer can be missing.
    pub(super) is_complete: bool,
    pub(super) objection: Option<Objection>,
    /// The location to which the registry redirected the body.
    pub(super) moved_to: Option<Place>,
}

/// The registry's objection to the last attempt, if it shows the session's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objection {
    /// The registry has a different part of the blob than we assumed.
    Range,
    /// Another client is storing the blob, or has just stored it.
    Contested,
}

/// Whether the registry assembles the parts of a blob correctly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// So far the blob was sent in one request.
    Unused,
    /// The blob was sent in several requests.
    Used,
    /// The registry assembled wrong bytes: from now on the blob goes in one request.
    Distrusted,
}

/// An early 413 often looks like a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    None,
    /// A body broke early, and the registry has got no further since. Connections also break by chance.
    BrokeOnce,
    /// The next attempt goes in the smallest chunks.
    TryChunks,
    /// Small chunks were tried.
    Tried,
}

/// A reason to continue an upload at once though it teaches nothing new about the shapes that the registry takes. The first time,
/// this is no failed attempt. A repetition without a byte more at the registry counts as a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Free {
    /// The token, or another server's link, expired on the way.
    Login,
    /// The registry has a different part of the blob than we assumed.
    Offset,
    /// The registry takes no PATCH.
    Method,
    /// Another client may have stored the blob.
    Contest,
    /// The registry redirects the body.
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

    /// Follows the upload's location while it is sent. `None` if the registry would keep nothing of a broken upload:
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
            if self.suspicion == Suspicion::BrokeOnce {
                self.suspicion = Suspicion::None;
            }
        }
    }

    pub(super) fn goes_on_at(&mut self, place: Place) {
        self.watch.moved(place.location.clone(), self.smallest_chunk);
        self.place = place;
    }

    /// The upload behaviour of the server that takes the bytes.
    pub(super) fn habits(&self) -> &UploadHabits {
        match self.place.named_by {
            Party::Registry => self.repository.registry().upload_habits(),
            Party::Another => &self.elsewhere,
        }
    }

    /// The bytes that the registry has confirmed.
    pub fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Asks the registry to cancel the session. Its answer does not matter.
    pub async fn cancel(self) {
        self.forget().await;
    }

    /// Cancels the session, and returns whether it is gone. Registries built on distribution want the
    /// right to delete for it: [`Access::PullPushDelete`](crate::Access::PullPushDelete).
    ///
    /// # Errors
    /// No answer comes, so the session's state is unknown.
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
