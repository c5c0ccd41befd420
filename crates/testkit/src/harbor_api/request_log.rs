//! The requests to the front.

use std::sync::Mutex;

use http::HeaderMap;
use http::header::{COOKIE, USER_AGENT};
use http::request::Parts;

use super::state::lock;
use crate::seed;

/// All requests, oldest first.
#[derive(Default)]
pub(super) struct RequestLog(Mutex<Log>);

#[derive(Default)]
struct Log {
    entries: Vec<Entry>,
    cookies: usize,
    last_api: HeaderMap,
}

struct Entry {
    method: String,
    path: String,
    status: u16,
}

impl RequestLog {
    /// Records a request, except those of the test itself, for seeding and judging.
    pub(super) fn add(&self, head: &Parts, status: u16) {
        let agent = head.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if agent == seed::USER_AGENT || agent.starts_with("skopeo/") {
            return;
        }
        let mut log = lock(&self.0);
        log.cookies += usize::from(head.headers.contains_key(COOKIE));
        if head.uri.path().starts_with("/api/") {
            log.last_api = head.headers.clone();
        }
        let (method, path) = (head.method.to_string(), head.uri.to_string());
        log.entries.push(Entry { method, path, status });
    }

    pub(super) fn lines(&self, prefix: &str) -> Vec<String> {
        let log = lock(&self.0);
        let entries = log.entries.iter().filter(|entry| entry.path.starts_with(prefix));
        entries.map(|entry| format!("{} {} {}", entry.method, entry.path, entry.status)).collect()
    }

    pub(super) fn cookies(&self) -> usize {
        lock(&self.0).cookies
    }

    pub(super) fn last_api_header(&self, name: &str) -> Option<String> {
        lock(&self.0).last_api.get(name)?.to_str().ok().map(String::from)
    }

    pub(super) fn forget(&self) {
        *lock(&self.0) = Log::default();
    }
}
