//! How many answers each registry gave: whoever wants to know whether one is there at all compares two counts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;

use crate::RegistryHost;

/// The counts of all registries. Cheap to clone; clones count together.
#[derive(Clone, Default)]
pub(crate) struct AnswerCounts(Arc<Mutex<HashMap<RegistryHost, AnswerCount>>>);

/// The count of one registry, whatever the login.
#[derive(Clone, Default)]
pub(crate) struct AnswerCount(Arc<AtomicU64>);

impl AnswerCounts {
    pub(crate) fn of(&self, host: &RegistryHost) -> AnswerCount {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(host.clone()).or_default().clone()
    }
}

impl AnswerCount {
    /// Counts an answer, unless it may be that of a proxy before a registry which is not there. A 500 is the registry's own:
    /// one image that it cannot read says nothing of the others.
    pub(crate) fn note(&self, status: StatusCode) {
        let is_absent =
            [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
        if !is_absent.contains(&status) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_and_a_servers_own_trouble_are_answers_and_what_a_proxy_says_of_it_is_none() {
        let counts = AnswerCounts::default();
        let host = "r.io".parse().unwrap();
        for status in [200, 401, 404, 429, 500] {
            counts.of(&host).note(StatusCode::from_u16(status).unwrap());
        }
        for status in [502, 503, 504] {
            counts.of(&host).note(StatusCode::from_u16(status).unwrap());
        }
        assert_eq!(counts.of(&host).get(), 5);
        assert_eq!(counts.of(&"s.io".parse().unwrap()).get(), 0);
    }
}
