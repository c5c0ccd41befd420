//! Tries a registry's user and password: the first request with them goes alone, and if the registry refuses them, no other
//! follows. Hundreds of images with a wrong password would lock the user out. The body of an upload is no trial, because it may take
//! minutes.

use std::time::Instant;

use http::HeaderValue;
use tokio::sync::{Mutex, MutexGuard};

use crate::error::Refusal;
use crate::fresh::LASTING_FAILURE;

/// The state of a user and password: locked while the first request with them is under way.
#[derive(Default)]
pub(super) struct BasicTrial(Mutex<Known>);

#[derive(Default)]
enum Known {
    #[default]
    Nothing,
    Taken(HeaderValue),
    /// Both a request and the registry's own root refused them.
    Refused {
        header: HeaderValue,
        refusal: Refusal,
        since: Instant,
    },
}

/// How a request with user and password may go out.
pub(super) enum Entry<'a> {
    /// The registry took them before.
    Known,
    /// This is the first request: others wait for its result.
    First(FirstUse<'a>),
    /// The registry refused them a moment ago.
    Refused(Refusal),
}

/// The first request with a user and password. If it is dropped without a result, the next request becomes the first.
pub(crate) struct FirstUse<'a> {
    header: HeaderValue,
    known: MutexGuard<'a, Known>,
}

impl BasicTrial {
    /// Waits for the first request, if one is under way.
    pub(super) async fn enter(&self, header: &HeaderValue) -> Entry<'_> {
        let known = self.0.lock().await;
        match &*known {
            Known::Taken(taken) if taken == header => return Entry::Known,
            Known::Refused { header: refused, refusal, since }
                if refused == header && since.elapsed() < LASTING_FAILURE =>
            {
                return Entry::Refused(refusal.clone());
            }
            _ => {}
        }
        Entry::First(FirstUse { header: header.clone(), known })
    }
}

impl FirstUse<'_> {
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// The registry knows the user, whatever it allows.
    pub(crate) fn was_taken(mut self) {
        *self.known = Known::Taken(self.header);
    }

    /// The registry lets the user in nowhere.
    pub(crate) fn was_refused(mut self, refusal: Refusal) {
        *self.known = Known::Refused { header: self.header, refusal, since: Instant::now() };
    }
}
