//! Whether a registry takes a user and password: the first request with them goes alone, and where these are wrong, none
//! follows. Hundreds of images with a wrong password would lock the user out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::HeaderValue;
use tokio::sync::OwnedMutexGuard;

use crate::error::Refusal;
use crate::fresh::LASTING_FAILURE;

/// What is known of a user and password. Cheap to clone; clones know the same.
#[derive(Clone, Default)]
pub(super) struct BasicTrial {
    known: Arc<Mutex<Known>>,
    /// Held while the first request is under way.
    gate: Arc<tokio::sync::Mutex<()>>,
}

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
pub(super) enum Entry {
    /// They were taken before.
    Known,
    /// It is the first: others wait until it is told what came of it.
    First(FirstUse),
    /// They were refused a moment ago.
    Refused(Refusal),
}

/// The first request with a user and password. Where it is dropped without a word, the next request is the first.
pub(crate) struct FirstUse {
    header: HeaderValue,
    known: Arc<Mutex<Known>>,
    _gate: OwnedMutexGuard<()>,
}

impl BasicTrial {
    /// Waits for whoever is first.
    pub(super) async fn enter(&self, header: &HeaderValue) -> Entry {
        if let Some(entry) = self.known_of(header) {
            return entry;
        }
        let gate = self.gate.clone().lock_owned().await;
        match self.known_of(header) {
            Some(entry) => entry,
            None => Entry::First(FirstUse { header: header.clone(), known: self.known.clone(), _gate: gate }),
        }
    }

    fn known_of(&self, header: &HeaderValue) -> Option<Entry> {
        match &*lock(&self.known) {
            Known::Taken(taken) if taken == header => Some(Entry::Known),
            Known::Refused { header: refused, refusal, since }
                if refused == header && since.elapsed() < LASTING_FAILURE =>
            {
                Some(Entry::Refused(refusal.clone()))
            }
            _ => None,
        }
    }
}

impl FirstUse {
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// The registry knows them, whatever it allows them.
    pub(crate) fn was_taken(self) {
        *lock(&self.known) = Known::Taken(self.header);
    }

    /// The registry does not let them in anywhere.
    pub(crate) fn was_refused(self, refusal: Refusal) {
        *lock(&self.known) = Known::Refused { header: self.header, refusal, since: Instant::now() };
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}
