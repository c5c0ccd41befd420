//! How an upload continues after a failure: at once or later, from which offset, in which session.
//!
//! Spec: distribution-spec, "Pushing a blob in chunks", end-13. Nothing here waits: the caller decides how long.

use http::header::RANGE;
use http::{Method, StatusCode};
use oci::{Digest, Recovery, UploadStatus};

use super::habits::{SMALLEST_CHUNK, Shape};
use super::place::place;
use super::session::{Free, LastSend, Objection, Parts, Suspicion, UploadSession};
use crate::error::{Problem, TransportFailure};
use crate::http::range;
use crate::{Error, Offer, OptionalEndpoint, Refusal};

/// How often an upload continues at once without progress at the registry: enough for a 413 to halve
/// 64 MiB down to 1 MiB.
const MOST_AT_ONCE: u32 = 9;
/// How often in a row a body follows a redirect.
const MOST_MOVES: usize = 3;
/// A connection that breaks with fewer bytes sent broke early: buffers on the way hold about as much.
const EARLY: u64 = 8 << 20;

impl UploadSession {
    /// Decides how to continue after `error`, and learns from it the shape that the registry takes.
    pub fn recovery(&mut self, error: &Error) -> Recovery {
        let recovery = match error {
            Error::Refused(refusal) => self.after_refusal(refusal, error),
            Error::Protocol { problem: Problem::Moved, .. } => self.free(Free::Move, MOST_MOVES),
            Error::Protocol { problem: Problem::Header("Range"), .. } => self.free(Free::Offset, 1),
            Error::Transport { failure, .. } => self.after_break(*failure, error),
            _ if error.is_retryable() => Recovery::Later,
            _ => Recovery::Never,
        };
        if recovery == Recovery::AtOnce {
            self.at_once += 1;
            if self.at_once > MOST_AT_ONCE {
                return Recovery::Never;
            }
        }
        recovery
    }

    /// Allows `most` immediate retries for this reason; later ones count as failures.
    fn free(&mut self, why: Free, most: usize) -> Recovery {
        if self.free.iter().filter(|before| **before == why).count() < most {
            self.free.push(why);
            Recovery::AtOnce
        } else {
            Recovery::Later
        }
    }

    fn after_refusal(&mut self, refusal: &Refusal, error: &Error) -> Recovery {
        let is_patch = refusal.method == Method::PATCH;
        match refusal.status {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let length = self.last.length.unwrap_or(u64::MAX);
                let by_put = self.last.shape == Some(Shape::Put);
                let may_go_on =
                    self.habits().too_large(length) || by_put && self.habits().takes_no_body_by_put();
                if may_go_on { Recovery::AtOnce } else { Recovery::Never }
            }
            StatusCode::NOT_FOUND if error.has_code("NAME_UNKNOWN") => Recovery::Never,
            StatusCode::RANGE_NOT_SATISFIABLE => {
                self.last.objection = Some(Objection::Range);
                self.free(Free::Offset, 1)
            }
            StatusCode::UNAUTHORIZED => self.free(Free::Login, 1),
            // The session is gone, with all bytes sent.
            StatusCode::NOT_FOUND => Recovery::Later,
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED if is_patch => {
                self.habits().takes_one_request_only();
                // One PUT needs its length, which is known only if the blob's size is.
                if self.last.length.is_some() { self.free(Free::Method, 1) } else { Recovery::Never }
            }
            // The first conflict is checked at once; later ones are treated like any temporary failure.
            StatusCode::CONFLICT if error.is_conflict() => {
                self.last.objection = Some(Objection::Contested);
                self.free(Free::Contest, 1)
            }
            // Some registries overwrite earlier bytes, or report more than they keep.
            StatusCode::BAD_REQUEST if error.has_code("DIGEST_INVALID") && self.parts == Parts::Used => {
                self.parts = Parts::Distrusted;
                Recovery::AtOnce
            }
            StatusCode::BAD_REQUEST if error.has_code("BLOB_UPLOAD_INVALID") => Recovery::Later,
            _ if error.is_retryable() => Recovery::Later,
            _ => Recovery::Never,
        }
    }

    /// A long body that breaks early twice, without a byte more at the registry, is tried once in small chunks: a proxy before a
    /// registry that finds a body too large often closes the connection before we read its answer. The second break teaches
    /// this shape, so the chunks go out at once.
    fn after_break(&mut self, failure: TransportFailure, error: &Error) -> Recovery {
        let length = self.last.length.unwrap_or(u64::MAX);
        let is_early = failure == TransportFailure::Broken
            && !self.last.is_complete
            && self.last.taken < EARLY.min(length)
            && length > SMALLEST_CHUNK;
        let before = self.suspicion;
        self.suspicion = match before {
            Suspicion::None if is_early => Suspicion::BrokeOnce,
            Suspicion::BrokeOnce if is_early => Suspicion::TryChunks,
            Suspicion::TryChunks => Suspicion::Tried,
            Suspicion::None | Suspicion::BrokeOnce | Suspicion::Tried => before,
        };
        match self.suspicion {
            _ if !error.is_retryable() => Recovery::Never,
            Suspicion::TryChunks => Recovery::AtOnce,
            _ => Recovery::Later,
        }
    }

    /// Asks the registry for the offset, and opens a new session if the old one is unusable.
    ///
    /// # Errors
    /// As of any request. The caller may call this again.
    pub async fn resume(&mut self, digest: &Digest) -> Result<UploadStatus, Error> {
        if let Some(moved_to) = self.last.moved_to.take() {
            self.goes_on_at(moved_to);
            self.confirmed = 0;
            return Ok(UploadStatus::At(0));
        }
        let may_be_there = self.last.is_complete || self.last.objection == Some(Objection::Contested);
        if may_be_there && self.repository.has_blob(digest).await? {
            return Ok(UploadStatus::Complete);
        }
        let keeps_parts = !matches!(self.last.shape, Some(Shape::Put) | None);
        let believed = self.confirmed;
        if keeps_parts
            && self.parts != Parts::Distrusted
            && let Some(confirmed) = self.status().await?
            // A registry that refuses a range at the offset that it reported, as GHCR does above 4 MiB, gets the whole blob again.
            && !(self.last.objection == Some(Objection::Range) && confirmed == believed)
        {
            self.confirmed = confirmed;
            self.note_progress();
            return Ok(UploadStatus::At(confirmed));
        }
        self.restart().await?;
        Ok(UploadStatus::At(0))
    }

    /// Asks about a session that another process left. Returns whether the registry knows it, and keeps the offset.
    pub(super) async fn is_known(&mut self, size: Option<u64>) -> Result<bool, Error> {
        // How much was sent is unknown: the registry may have anything up to the whole blob.
        self.last.begun_at = size.unwrap_or(u64::MAX);
        let received = self.status().await?;
        self.last = LastSend::default();
        if let Some(received) = received {
            self.confirmed = received;
            self.parts = Parts::Used;
            self.note_progress();
        }
        Ok(received.is_some())
    }

    /// How many bytes the registry has; `None` if it does not say, or says something impossible.
    async fn status(&mut self) -> Result<Option<u64>, Error> {
        let call = self.call(Method::GET, self.place.location.clone());
        let response = self.repository.registry().send(&call).await?;
        if !response.status().is_success() {
            let error = crate::client::unexpected(&call, response).await;
            return match error.offer(OptionalEndpoint::UploadStatus) {
                Offer::Unclear => Err(error),
                // If the login is the problem, opening a new session reports it.
                Offer::Absent | Offer::Forbidden | Offer::NothingHere => Ok(None),
            };
        }
        let sent = self.last.begun_at + self.last.taken;
        let told = response.headers().get(RANGE).and_then(|value| value.to_str().ok());
        let received = told.and_then(|text| range::received(text, self.confirmed.min(sent), sent));
        if received.is_some()
            && let Ok(place) = place(self.repository.registry(), &call, &response)
        {
            self.goes_on_at(place);
        }
        Ok(received)
    }

    /// A session in a doubtful state is never rewound: the blob goes into a new one.
    async fn restart(&mut self) -> Result<(), Error> {
        self.forget().await;
        let fresh = self.repository.start_upload().await?;
        self.smallest_chunk = fresh.smallest_chunk;
        self.goes_on_at(fresh.place);
        self.confirmed = 0;
        self.last.shape = None;
        Ok(())
    }
}
