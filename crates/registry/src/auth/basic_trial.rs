//! Whether a registry takes a user and password: the first request with them goes alone, and where these are wrong, none
//! follows. Hundreds of images with a wrong password would lock the user out.

use std::time::Instant;

use http::HeaderValue;
use tokio::sync::{Mutex, MutexGuard};

use crate::error::Refusal;
use crate::fresh::LASTING_FAILURE;

/// What is known of a user and password: held while the first request with them is under way.
#[derive(Default)]
pub(super) struct BasicTrial(Mutex<Known>);

#[derive(Default)]
enum Known {
    #[default]
    Nothing,
    Taken(HeaderValue),
    /// By a request, and by the registry's own root.
    Refused {
        header: HeaderValue,
        refusal: Refusal,
        since: Instant,
    },
}

/// How a request with user and password may go out.
pub(super) enum Entry<'a> {
    /// They were taken before.
    Known,
    /// It is the first: others wait until it is told what came of it.
    First(FirstUse<'a>),
    /// They were refused a moment ago.
    Refused(Refusal),
}

/// The first request with a user and password. Where it is dropped without a word, the next request is the first.
pub(crate) struct FirstUse<'a> {
    header: HeaderValue,
    known: MutexGuard<'a, Known>,
}

impl BasicTrial {
    /// Waits for whoever is first.
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

    /// The registry knows them, whatever it allows them.
    pub(crate) fn was_taken(mut self) {
        *self.known = Known::Taken(self.header);
    }

    /// The registry does not let them in anywhere.
    pub(crate) fn was_refused(mut self, refusal: Refusal) {
        *self.known = Known::Refused { header: self.header, refusal, since: Instant::now() };
    }
}
