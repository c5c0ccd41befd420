//! Counts the answers of each registry: the caller compares two counts to see whether a registry is there at all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use oci::RegistryHost;

/// The counts of all registries. Cheap to clone; clones count together.
#[derive(Clone, Default)]
pub(crate) struct AnswerCounts(Arc<Mutex<HashMap<RegistryHost, AnswerCount>>>);

/// The count of one registry, over all logins.
#[derive(Clone, Default)]
pub(crate) struct AnswerCount(Arc<AtomicU64>);

impl AnswerCounts {
    pub(crate) fn of(&self, host: &RegistryHost) -> AnswerCount {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(host.clone()).or_default().clone()
    }
}

impl AnswerCount {
    /// Counts an answer that [is from the registry](crate::concern::is_from_registry).
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
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
}
