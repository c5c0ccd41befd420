//! Counts the answers of each registry: the caller compares two counts to see whether a registry is there at all. Also notes whether an
//! answer showed that it is a registry.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use oci::RegistryHost;

use crate::face::Face;
use crate::proven::Proven;

/// The counts of all registries. Cheap to clone; clones count together.
#[derive(Clone, Default)]
pub(crate) struct AnswerCounts(Arc<Mutex<HashMap<RegistryHost, AnswerCount>>>);

/// The count of one registry, over all logins.
#[derive(Clone, Default)]
pub(crate) struct AnswerCount(Arc<Answers>);

#[derive(Default)]
struct Answers {
    count: AtomicU64,
    is_registry: AtomicBool,
}

impl AnswerCounts {
    pub(crate) fn of(&self, host: &RegistryHost) -> AnswerCount {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(host.clone()).or_default().clone()
    }
}

impl AnswerCount {
    /// Counts an answer that [is from the registry](crate::concern::is_from_registry).
    pub(crate) fn add(&self) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// Notes what an answer of the host looks like.
    pub(crate) fn note(&self, face: Face) {
        if face == Face::Registry {
            self.0.is_registry.store(true, Ordering::Relaxed);
        }
    }

    /// Whether one of these answers was a registry's.
    pub(crate) fn proven(&self) -> Proven {
        if self.0.is_registry.load(Ordering::Relaxed) { Proven::AsRegistry } else { Proven::NotYet }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_registry_has_a_count() {
        let counts = AnswerCounts::default();
        let host = "r.io".parse().unwrap();
        counts.of(&host).add();
        counts.of(&host).add();
        assert_eq!((counts.of(&host).get(), counts.of(&"s.io".parse().unwrap()).get()), (2, 0));
    }

    #[test]
    fn a_registry_stays_one_whatever_else_comes_from_its_host() {
        let answers = AnswerCount::default();
        for (face, proven) in [
            (Face::Unclear, Proven::NotYet),
            (Face::WebPage, Proven::NotYet),
            (Face::Registry, Proven::AsRegistry),
            (Face::WebPage, Proven::AsRegistry),
        ] {
            answers.note(face);
            assert_eq!(answers.proven(), proven, "{face:?}");
        }
    }
}
