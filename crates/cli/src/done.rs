//! The results of a run, for everything that reports them.

use std::sync::Arc;

use oci::Digest;
use registry::Registry;
use sync::{Report, RunId, Shard};

use crate::config::RefusedRule;
use crate::diagnostic::Failures;
use crate::interrupt::INTERRUPTED;
use crate::output::plan::Plan;
use crate::output::report_json::RegistryEntry;
use crate::output::{PlannedRule, Records, Tally, Verified, WorkerEntry};

/// What became of the images, copied by this process or by workers.
pub(crate) struct Brought {
    pub(crate) report: Report,
    /// Requests and bytes of the workers, by registry.
    pub(crate) elsewhere: Vec<RegistryEntry>,
    /// When the run began, if this process joined it.
    pub(crate) joined: Option<jiff::Timestamp>,
    /// Bytes that workers sent and that are committed at the targets.
    pub(crate) kept: u64,
    /// Bytes in upload sessions that workers left open: only the worker that began one can resume it.
    pub(crate) left_open: u64,
    /// What was lost with workers.
    pub(crate) losses: Vec<WorkerEntry>,
    /// Why the run did not go on to its end, unless a signal to this process is the reason.
    pub(crate) stopped: Option<StoppedBy>,
}

/// What ended a run before its end, besides a signal to this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoppedBy {
    pub(crate) kind: StopKind,
    pub(crate) why: String,
    /// The advice.
    pub(crate) next: Option<String>,
}

impl StoppedBy {
    /// The exit status, if this end decides it.
    pub(crate) fn exit_code(&self) -> Option<u8> {
        (self.kind == StopKind::CalledOff).then_some(INTERRUPTED)
    }
}

/// How a run ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopKind {
    /// Another coordinator called the run off.
    CalledOff,
    /// A signal stopped this coordinator, which could not call the run off.
    NotCalledOff,
    /// This coordinator could not watch the run to its end.
    BrokenOff,
    /// The coordinator could not begin the run.
    NotBegun,
}

impl From<Report> for Brought {
    fn from(report: Report) -> Self {
        let (elsewhere, joined, kept, left_open, losses, stopped) = Default::default();
        Self { report, elsewhere, joined, kept, left_open, losses, stopped }
    }
}

/// The results of a run, with its rules as written.
pub(crate) struct Done {
    pub(crate) run: RunFacts,
    pub(crate) report: Report,
    pub(crate) ended: Ended,
    /// Why the run did not go on to its end, unless a signal to this process is the reason.
    pub(crate) stopped: Option<StoppedBy>,
    /// The path of its config or login file, as typed.
    pub(crate) config: Option<String>,
    /// The shard, if the run copied only one.
    pub(crate) shard: Option<Shard>,
    /// The command that goes on with a run that was stopped.
    pub(crate) goes_on: &'static str,
    /// The digest of the rules that were divided into shards.
    pub(crate) divided: Option<Digest>,
    pub(crate) failures: Arc<Failures>,
    /// Its images, if an output needs them.
    pub(crate) records: Records,
    /// The plan, if the run only planned.
    pub(crate) plan: Option<Plan>,
    /// The findings, if the run verified.
    pub(crate) verified: Option<Verified>,
    /// In the order of the rule indices in failures.
    pub(crate) rules: Vec<PlannedRule>,
    pub(crate) refused: Vec<RefusedRule>,
    /// All registries that this process used.
    pub(crate) registries: Vec<Registry>,
    /// Requests and bytes of the workers of this run, by registry.
    pub(crate) elsewhere: Vec<RegistryEntry>,
    /// Bytes that were sent and are committed at the targets: no run sends them again.
    pub(crate) kept: u64,
    /// Bytes in upload sessions that workers left open: the worker that began one does not send them again.
    pub(crate) left_open: u64,
}

impl Done {
    /// The label of a rule.
    pub(crate) fn rule(&self, index: usize) -> Option<&str> {
        self.rules.get(index).map(|rule| rule.written.label())
    }

    /// The number of rules, or of images of a plan, that cannot be carried out.
    pub(crate) fn refused(&self) -> usize {
        self.refused.iter().map(|refused| refused.count).sum()
    }

    /// Bytes that were sent, also those that workers told of without a result.
    pub(crate) fn bytes_moved(&self) -> u64 {
        self.report.amounts().moved_bytes.saturating_add(self.records.bytes_without_result())
    }

    /// The number of requests to registries, their token servers and storage services.
    pub(crate) fn requests(&self) -> u64 {
        let own = self.registries.iter().map(|registry| registry.traffic().requests);
        let others = self.elsewhere.iter().map(|registry| registry.requests);
        own.chain(others).fold(0, u64::saturating_add)
    }

    /// Whether there was no image to copy, and no failure.
    pub(crate) fn is_empty(&self) -> bool {
        let Report { totals, failed_rules, unfinished_rules, .. } = &self.report;
        totals.images() == totals.left_out
            && failed_rules.is_empty()
            && unfinished_rules.is_empty()
            && self.refused.is_empty()
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything was attempted, whether it succeeded or not.
    ByItself,
    /// Something was not attempted.
    Stopped,
}

impl Ended {
    /// The end of a run with this report. `signal` is set if a signal stopped it, here or on another machine.
    pub(crate) fn of(report: &Report, signal: Option<u8>) -> Self {
        if !report.is_left() && !report.is_broken_off && signal.is_none() {
            Self::ByItself
        } else {
            Self::Stopped
        }
    }
}

/// The identity of a run, for its report.
pub(crate) struct RunFacts {
    pub(crate) id: RunId,
    pub(crate) command: &'static str,
    pub(crate) started: jiff::Timestamp,
    pub(crate) tally: Arc<Tally>,
}

impl RunFacts {
    pub(crate) fn of(command: &'static str) -> Self {
        let started = jiff::Timestamp::now();
        let id = format!("{}-{}", started.strftime("%Y%m%dT%H%M%SZ"), std::process::id());
        Self { id: RunId::new(id), command, started, tally: Arc::default() }
    }

    /// The facts of the run that was carried out: another coordinator may have begun it.
    pub(crate) fn of_brought(self, brought: &Brought) -> Self {
        let (id, started) = (brought.report.run.clone(), brought.joined.unwrap_or(self.started));
        Self { id, started, ..self }
    }
}
