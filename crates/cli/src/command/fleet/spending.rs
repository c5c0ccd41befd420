//! Counts this process's requests to registries the way the report of a run without a fleet does.

use std::sync::Arc;
use std::time::Duration;

use ::fleet::{CountSpending, Spent};
use registry::Profile;

use crate::config::SharedRegistries;
use crate::output::Tally;
use crate::output::report_json::{RegistryEntry, registry_entries};

/// `tally` must observe everything that this process does.
pub(in crate::command) fn count_spending(registries: SharedRegistries, tally: Arc<Tally>) -> CountSpending {
    Arc::new(move || {
        let all = registries.lock().all();
        registry_entries(&all, &tally).into_iter().map(spent).collect()
    })
}

fn spent(entry: RegistryEntry) -> (String, Spent) {
    let RegistryEntry { host, kind, requests, bytes_read, bytes_sent, waited_seconds, .. } = entry;
    let kind = if kind == Profile::UNKNOWN.name { String::new() } else { kind };
    let waited = Duration::try_from_secs_f64(waited_seconds).unwrap_or_default();
    (host, Spent { kind, requests, bytes_read, bytes_sent, waited })
}
