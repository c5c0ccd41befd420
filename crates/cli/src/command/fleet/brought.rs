//! Converts a fleet run's result to the form that reports use.

use ::fleet::{Kept, Spent};
use registry::Profile;

use crate::done::Brought;
use crate::interrupt::INTERRUPTED;
use crate::output::report_json::RegistryEntry;

/// Converts the result, with the workers' requests to registries.
pub(super) fn brought(brought: ::fleet::Brought) -> Brought {
    let elsewhere = brought.spent.into_iter().map(|(host, spent)| entry(host, spent)).collect();
    let joined = brought.joined.and_then(|began| jiff::Timestamp::try_from(began).ok());
    let Kept { stands: kept, left_open } = brought.kept;
    let without_result = brought.without_result;
    let called_off = (brought.called_off_by.is_some() && brought.broken_off.is_none()).then_some(INTERRUPTED);
    Brought { report: brought.report, elsewhere, joined, kept, left_open, without_result, called_off }
}

fn entry(host: String, spent: Spent) -> RegistryEntry {
    let Spent { kind, requests, bytes_read, bytes_sent, waited } = spent;
    let kind = if kind.is_empty() { Profile::UNKNOWN.name.to_owned() } else { kind };
    let waited_seconds = waited.as_secs_f64();
    RegistryEntry { host, kind, requests, bytes_read, bytes_sent, waited_seconds, ..RegistryEntry::default() }
}
