//! The exchanges of a proxy.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fault::Fault;

/// One request and its result.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The method, in capitals.
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
    /// The injected fault.
    pub fault: Option<Fault>,
    /// The status that was passed on or invented.
    pub status: Option<u16>,
    /// How many bytes of the request's body came, including chunk sizes.
    pub request_bytes: u64,
}

impl Exchange {
    /// One line for test output.
    pub fn line(&self) -> String {
        let Self { method, path, fault, status, .. } = self;
        // A session's state is long and useless here.
        let path = path.split("_state=").next().unwrap_or_default();
        let status = status.map_or("-".to_owned(), |status| status.to_string());
        let fault = fault.as_ref().map(|fault| format!(" {fault:?}")).unwrap_or_default();
        format!("{method} {path} {status}{fault}")
    }
}

#[derive(Default)]
pub(super) struct Log(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    exchanges: Vec<Exchange>,
    /// How many were forgotten, so that numbers continue.
    forgotten: usize,
}

impl Log {
    /// Records a request; returns its number.
    pub(super) fn begin(&self, method: &str, path: &str, fault: Option<Fault>) -> usize {
        let (method, path) = (method.to_owned(), path.to_owned());
        let exchange = Exchange { method, path, fault, status: None, request_bytes: 0 };
        let mut entries = self.entries();
        entries.exchanges.push(exchange);
        entries.forgotten + entries.exchanges.len() - 1
    }

    pub(super) fn change(&self, number: usize, change: impl FnOnce(&mut Exchange)) {
        let mut entries = self.entries();
        let index = number.checked_sub(entries.forgotten);
        if let Some(exchange) = index.and_then(|index| entries.exchanges.get_mut(index)) {
            change(exchange);
        }
    }

    pub(super) fn exchanges(&self) -> Vec<Exchange> {
        self.entries().exchanges.clone()
    }

    pub(super) fn forget(&self) {
        let mut entries = self.entries();
        entries.forgotten += entries.exchanges.len();
        entries.exchanges = Vec::new();
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
