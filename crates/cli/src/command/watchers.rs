//! The observers of a run: they count, log, and collect the results.

use std::sync::Arc;

use ::sync::{Bandwidth, Observer, RunId};

use super::asked::Asked;
use super::outputs::Outputs;
use crate::args::{LogFormat, LogLevel, RunArgs, given};
use crate::diagnostic::Failures;
use crate::done::RunFacts;
use crate::output::plan::{Head, Plan, PlanRecorder};
use crate::output::{
    self, LogFile, LogForm, PlannedRule, Recorder, Records, RuleNames, Verified, VerifiedRecorder, is_stdout,
    warn,
};

/// The observers of a run.
pub(super) struct Watchers {
    facts: RunFacts,
    log: Option<Arc<LogFile>>,
    recorder: Option<Arc<Recorder>>,
    plan: Option<Arc<PlanRecorder>>,
    verified: Option<Arc<VerifiedRecorder>>,
    failures: Arc<Failures>,
}

/// Their results.
pub(super) struct Watched {
    pub(super) run: RunFacts,
    pub(super) failures: Arc<Failures>,
    pub(super) records: Records,
    pub(super) plan: Option<Plan>,
    pub(super) verified: Option<Verified>,
    /// Kept open: later messages are logged, too.
    pub(super) log: Option<Arc<LogFile>>,
}

impl Watchers {
    /// Starts the observers that flags and verb ask for. `heads`: the rules' part of a plan, if one is wanted.
    pub(super) fn begin(
        args: &RunArgs,
        asked: &Asked<'_>,
        outputs: &Outputs,
        heads: Option<Vec<Head>>,
        rules: &[PlannedRule],
    ) -> Self {
        let (facts, folder) = (RunFacts::of(asked.verb), outputs.folder());
        let names_images = outputs.name_images() || asked.results.name_images();
        let record = || Arc::new(Recorder::new(rules, facts.tally.clone(), folder));
        let verification = asked.results.verification();
        Self {
            log: open_log(args, &facts.id, RuleNames::of(rules)),
            recorder: names_images.then(record),
            plan: heads.map(|heads| Arc::new(PlanRecorder::new(heads, asked.config_digest.clone(), folder))),
            verified: verification.map(|how| Arc::new(VerifiedRecorder::new(how, rules, folder))),
            failures: Arc::default(),
            facts,
        }
    }

    pub(super) fn run_id(&self) -> RunId {
        self.facts.id.clone()
    }

    /// The log, if there is one.
    pub(super) fn log(&self) -> Option<Arc<LogFile>> {
        self.log.clone()
    }

    pub(super) fn observers(&self) -> impl Iterator<Item = Arc<dyn Observer>> {
        // The recorder comes before the tally: it asks the tally about an image that the tally then forgets.
        let all: [Option<Arc<dyn Observer>>; 6] = [
            self.recorder.clone().map(|recorder| recorder as _),
            Some(self.facts.tally.clone()),
            Some(self.failures.clone()),
            self.log.clone().map(|log| log as _),
            self.plan.clone().map(|plan| plan as _),
            self.verified.clone().map(|verified| verified as _),
        ];
        all.into_iter().flatten()
    }

    /// Ends the run. `speed`: of earlier runs, for a plan's estimate.
    pub(super) fn end(self, speed: Option<Bandwidth>, shards: Option<usize>) -> Watched {
        Watched {
            records: self.recorder.map_or_else(Records::none, |recorder| recorder.finish()),
            plan: self.plan.map(|plan| plan.finish(speed).divided(shards)),
            verified: self.verified.map(|verified| verified.finish()),
            run: self.facts,
            failures: self.failures,
            log: self.log,
        }
    }
}

/// The error if a text log would share stderr with `--progress json`: programs that read progress take no other lines.
pub(super) fn odd_log(args: &RunArgs) -> Option<String> {
    let path = given(args.log.as_deref()).filter(|path| LogFile::is_on_stderr(path))?;
    let is_text = output::is_for_programs() && args.log_format == LogFormat::Text;
    is_text.then(|| {
        format!(
            "--log: {} is where `--progress json` writes: name another file, or add `--log-format json`",
            path.display()
        )
    })
}

pub(super) fn open_log(args: &RunArgs, run: &RunId, names: RuleNames) -> Option<Arc<LogFile>> {
    let Some(path) = given(args.log.as_deref()) else {
        if args.log_level == LogLevel::Debug {
            warn("--log-level changes nothing without --log: name a file, or /dev/stderr");
        }
        return None;
    };
    let form = LogForm { format: args.log_format, level: args.log_level };
    if is_stdout(path) {
        // The log is no result, so the end of the program does not wait for its reader.
        output::let_results_go();
    }
    let shown = path.display().to_string();
    let lost = move |error: &std::io::Error| {
        warn(&format!("the log {shown} is not written any more: {error}; the run goes on without it"));
    };
    match LogFile::open(path, form, run.clone(), lost) {
        Ok(log) => Some(Arc::new(log.naming(names))),
        Err(error) => {
            warn(&format!(
                "Failed to log to file: {} cannot be written: {error}; the run goes on without a log",
                path.display()
            ));
            None
        }
    }
}
