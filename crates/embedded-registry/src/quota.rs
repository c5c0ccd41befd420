//! Counts requests in a window of time, and pulls, against their limits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::builder::limit::LimitSettings;

/// The usage of the limits so far.
pub(crate) struct Quotas {
    requests: Option<(usize, Duration)>,
    window: Mutex<Option<Window>>,
    pulls: Option<(usize, Duration)>,
    pulled: AtomicUsize,
    manifest_puts: AtomicUsize,
}

struct Window {
    start: Instant,
    requests: usize,
}

impl Quotas {
    pub(crate) fn new(limits: &LimitSettings) -> Self {
        Self {
            requests: limits.requests,
            window: Mutex::default(),
            pulls: limits.pulls,
            pulled: AtomicUsize::new(0),
            manifest_puts: AtomicUsize::new(0),
        }
    }

    /// Counts a request; returns how long to wait if it exceeds the limit.
    pub(crate) fn take_request(&self) -> Option<Duration> {
        let (most, length) = self.requests?;
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let window = match &mut *window {
            Some(window) if now.duration_since(window.start) < length => window,
            over => over.insert(Window { start: now, requests: 0 }),
        };
        window.requests += 1;
        (window.requests > most).then(|| length.saturating_sub(now.duration_since(window.start)))
    }

    /// Counts a pull. Returns whether it is allowed.
    pub(crate) fn take_pull(&self) -> bool {
        let Some((most, _)) = self.pulls else { return true };
        let add = |pulled: usize| (pulled < most).then_some(pulled + 1);
        self.pulled.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    pub(crate) fn pulls_left(&self) -> Option<usize> {
        self.pulls.map(|(most, _)| most - self.pulled.load(Ordering::Relaxed))
    }

    /// Adds Docker Hub's quota headers.
    pub(crate) fn tell_pulls(&self, answer: Answer) -> Answer {
        let (Some((most, window)), Some(left)) = (self.pulls, self.pulls_left()) else { return answer };
        let window = window.as_secs();
        answer
            .header("ratelimit-limit", format!("{most};w={window}"))
            .header("ratelimit-remaining", format!("{left};w={window}"))
            .header("docker-ratelimit-source", "127.0.0.1")
    }

    /// How many manifests were pushed before this one.
    pub(crate) fn count_manifest_put(&self) -> usize {
        self.manifest_puts.fetch_add(1, Ordering::Relaxed)
    }
}
