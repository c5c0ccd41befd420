//! The last failed attempt to connect to a registry, for the tasks that waited for it.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::error::TransportFailure;
use crate::{Error, RedactedUrl};

/// The last failure and its time.
#[derive(Default)]
pub(crate) struct FailedConnect(Mutex<Option<Failure>>);

struct Failure {
    at: Instant,
    method: http::Method,
    url: RedactedUrl,
    step: TransportFailure,
    source: Option<String>,
}

impl FailedConnect {
    /// Remembers a failure to connect. Answers are not remembered: they cost no time.
    pub(crate) fn note(&self, error: &Error) {
        let Error::Transport { method, url, failure, source } = error else { return };
        // The root cause, which the first failure shows, too: the same reason must read the same.
        let source = source.as_ref().and_then(|source| {
            let first: &(dyn std::error::Error + 'static) = &**source;
            std::iter::successors(Some(first), |cause| cause.source()).last().map(ToString::to_string)
        });
        let (at, method, url, step) = (Instant::now(), method.clone(), url.clone(), *failure);
        let failure = Failure { at, method, url, step, source };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    /// The failure, if it happened after `asked`. A task that comes later tries for itself.
    pub(crate) fn since(&self, asked: Instant) -> Option<Error> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Failure { method, url, step, source, .. } =
            held.as_ref().filter(|failure| failure.at >= asked)?;
        let (method, url, failure) = (method.clone(), url.clone(), *step);
        Some(Error::Transport { method, url, failure, source: source.clone().map(Into::into) })
    }
}
