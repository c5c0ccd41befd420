//! What a run did, as everything that tells of it needs it.

use std::sync::Arc;

use registry::Registry;
use sync::{Report, RunId, Shard};

use crate::config::RefusedRule;
use crate::diagnostic::Failures;
use crate::output::plan::Plan;
use crate::output::report_json::RegistryEntry;
use crate::output::{PlannedRule, Records, Tally, Verified};

/// What came of the images, whoever brought them.
pub(crate) struct Brought {
    pub(crate) report: Report,
    /// What others asked registries for.
    pub(crate) elsewhere: Vec<RegistryEntry>,
    /// When the run began, where this process has joined it.
    pub(crate) joined: Option<jiff::Timestamp>,
    /// Of the bytes that others sent, what stands at targets.
    pub(crate) kept: u64,
    /// The same in uploads that stay open for whoever began them.
    pub(crate) left_open: u64,
    /// Bytes that others told of while they sent them; what became of them they did not tell.
    pub(crate) without_result: u64,
    /// The exit status, where somebody else has interrupted the run.
    pub(crate) called_off: Option<u8>,
}

impl From<Report> for Brought {
    fn from(report: Report) -> Self {
        let (elsewhere, joined, kept, left_open, without_result, called_off) = Default::default();
        Self { report, elsewhere, joined, kept, left_open, without_result, called_off }
    }
}

/// What a run did, with the rules as they were written.
pub(crate) struct Done {
    pub(crate) run: RunFacts,
    pub(crate) report: Report,
    pub(crate) ended: Ended,
    /// The file that its rules came from, or its logins, as it was named.
    pub(crate) config: Option<String>,
    /// Which part of all images it was about.
    pub(crate) shard: Option<Shard>,
    pub(crate) failures: Arc<Failures>,
    /// Its images, where somebody wants to know them.
    pub(crate) records: Records,
    /// What is to be done, of a run that only looked for it.
    pub(crate) plan: Option<Plan>,
    /// What was found at targets, where that was asked.
    pub(crate) verified: Option<Verified>,
    /// In the order in which failures count them.
    pub(crate) rules: Vec<PlannedRule>,
    pub(crate) refused: Vec<RefusedRule>,
    /// All registries that were spoken to.
    pub(crate) registries: Vec<Registry>,
    /// What others asked registries for who worked on this run.
    pub(crate) elsewhere: Vec<RegistryEntry>,
    /// Bytes that were sent and stand at targets: no run sends them again.
    pub(crate) kept: u64,
    /// Bytes in uploads that workers have left open: whichever of them goes on with its own does not send them again.
    pub(crate) left_open: u64,
    /// Bytes that workers told of while they sent them, and of which no result tells.
    pub(crate) without_result: u64,
}

impl Done {
    /// How a rule is called.
    pub(crate) fn rule(&self, index: usize) -> Option<&str> {
        self.rules.get(index).map(|rule| rule.written.label())
    }

    /// How many rules, or images of a plan, cannot be carried out.
    pub(crate) fn refused(&self) -> usize {
        self.refused.iter().map(|refused| refused.count).sum()
    }

    /// How many requests registries got, with their token servers and storage services.
    pub(crate) fn requests(&self) -> u64 {
        let own = self.registries.iter().map(|registry| registry.traffic().requests);
        let others = self.elsewhere.iter().map(|registry| registry.requests);
        own.chain(others).fold(0, u64::saturating_add)
    }

    /// Nothing stands at a target, and nothing failed either.
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
    /// It came to all that it was asked for, well or not.
    ByItself,
    /// Something was not looked at.
    Stopped,
}

impl Ended {
    /// How the run of this report ended, which a signal may have stopped, here or elsewhere.
    pub(crate) fn of(report: &Report, signal: Option<u8>) -> Self {
        let is_all = report.not_done() == 0 && report.unfinished_rules.is_empty() && !report.is_broken_off;
        if is_all && signal.is_none() { Self::ByItself } else { Self::Stopped }
    }
}

/// One run, for its report.
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

    /// The same of the run that was brought: somebody else may have begun it.
    pub(crate) fn of_brought(self, brought: &Brought) -> Self {
        let (id, started) = (brought.report.run.clone(), brought.joined.unwrap_or(self.started));
        Self { id, started, ..self }
    }
}
