//! The counts of requests to one registry.

use std::time::Duration;

/// The counts of requests to one registry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// The registry's kind; empty if it is unknown.
    pub kind: String,
    /// Requests, including those to its token server and storage.
    pub requests: u64,
    /// Bytes of bodies that came from it.
    pub bytes_read: u64,
    /// Bytes of bodies that went to it.
    pub bytes_sent: u64,
    /// How long requests and tries were held back, summed up.
    pub waited: Duration,
}

impl Spent {
    pub(crate) fn add(&mut self, more: &Self) {
        self.know_kind(more);
        self.requests = self.requests.saturating_add(more.requests);
        self.bytes_read = self.bytes_read.saturating_add(more.bytes_read);
        self.bytes_sent = self.bytes_sent.saturating_add(more.bytes_sent);
        self.waited = self.waited.saturating_add(more.waited);
    }

    /// Takes in an older or newer value of the same counter.
    pub(crate) fn raise(&mut self, other: &Self) {
        self.know_kind(other);
        self.requests = self.requests.max(other.requests);
        self.bytes_read = self.bytes_read.max(other.bytes_read);
        self.bytes_sent = self.bytes_sent.max(other.bytes_sent);
        self.waited = self.waited.max(other.waited);
    }

    /// The difference to an earlier value.
    pub(crate) fn beyond(&self, before: &Self) -> Self {
        Self {
            kind: self.kind.clone(),
            requests: self.requests.saturating_sub(before.requests),
            bytes_read: self.bytes_read.saturating_sub(before.bytes_read),
            bytes_sent: self.bytes_sent.saturating_sub(before.bytes_sent),
            waited: self.waited.saturating_sub(before.waited),
        }
    }

    fn know_kind(&mut self, other: &Self) {
        if self.kind.is_empty() {
            self.kind.clone_from(&other.kind);
        }
    }
}
