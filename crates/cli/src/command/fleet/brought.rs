//! Converts a fleet run's result to the form that reports use.

use ::fleet::{Error, Kept, Spent};
use registry::Profile;

use super::next::next;
use crate::done::{Brought, StopKind, StoppedBy};
use crate::output::report_json::RegistryEntry;
use crate::output::{Loss, Share, WorkerEntry};

/// Converts the result, with the workers' requests to registries.
pub(super) fn brought(brought: ::fleet::Brought) -> Brought {
    let elsewhere = brought.spent.into_iter().map(|(host, spent)| entry(host, spent)).collect();
    let joined = brought.joined.and_then(|began| jiff::Timestamp::try_from(began).ok());
    let Kept { stands: kept, left_open } = brought.kept;
    let losses = brought.losses.into_iter().map(|(name, loss)| lost(name, loss)).collect();
    let broken_off = brought.broken_off.as_ref().map(|error| match error {
        Error::NotCalledOff { .. } => failure(StopKind::NotCalledOff, error),
        _ if !brought.has_begun => failure(StopKind::NotBegun, error),
        _ => failure(StopKind::BrokenOff, error),
    });
    let called_off =
        |by| StoppedBy { kind: StopKind::CalledOff, why: format!("{by} called the run off"), next: None };
    let stopped = broken_off.or_else(|| brought.called_off_by.map(called_off));
    Brought { report: brought.report, elsewhere, joined, kept, left_open, losses, stopped }
}

/// Why the run did not go on to its end, if this error is the reason.
pub(super) fn failure(kind: StopKind, error: &Error) -> StoppedBy {
    StoppedBy { kind, why: error.to_string(), next: next(error).map(str::to_owned) }
}

fn lost(name: String, loss: ::fleet::Loss) -> WorkerEntry {
    let ::fleet::Loss { times_silent, jobs, without_result } = loss;
    let loss = Loss { times_silent, jobs_without_result: jobs, bytes_without_result: without_result };
    WorkerEntry { name, share: Share { loss, ..Share::default() } }
}

fn entry(host: String, spent: Spent) -> RegistryEntry {
    let Spent { kind, requests, bytes_read, bytes_sent, waited } = spent;
    let kind = if kind.is_empty() { Profile::UNKNOWN.name.to_owned() } else { kind };
    let waited_seconds = waited.as_secs_f64();
    RegistryEntry { host, kind, requests, bytes_read, bytes_sent, waited_seconds, ..RegistryEntry::default() }
}
