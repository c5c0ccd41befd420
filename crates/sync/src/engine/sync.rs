//! A run: discovers the images of its rules and copies them at the same time, until all have ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::schedule::{Rules, Running, Schedule};
use crate::copy::left_open::end_uploads;
use crate::copy::open_upload::AbandonedUploads;
use crate::engine::run::{Options, Part, Run};
use crate::engine::sampler::Sampler;
use crate::engine::verification::Against;
use crate::engine::{Engine, lists_at_once};
use crate::plan::company::{firsts, seats};
use crate::plan::discover::Origin;
use crate::plan::discoveries::Discoveries;
use crate::plan::listings::Listings;
use crate::plan::reach::Reach;
use crate::plan::rivals::Rivals;
use crate::plan::shard::share::Share;
use crate::plan::shard::{Shard, Split};
use crate::plan::sizes::{tell_sizes, undivided};
use crate::plan::sparse_targets::sparse_targets;
use crate::plan::survey::{Found, Purpose, Survey};
use crate::plan::task_order::TaskOrder;
use crate::plan::turns::Turns;
use crate::report::event::Teller;
use crate::{Event, Mode, Observer, Report, RuleFailure, RunId, Silent, State, Surveyed, Work};

/// Rules, ready to run.
pub struct Sync {
    rules: Vec<Work>,
    options: Options,
    observer: Arc<dyn Observer>,
    id: Option<RunId>,
    state: State,
    engine: Option<Engine>,
    shard: Option<Shard>,
}

impl Sync {
    /// Prepares a run; it begins with [`run`](Self::run).
    pub fn new<W: Into<Work>>(
        rules: impl IntoIterator<Item = W>,
        options: Options,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let rules = rules.into_iter().map(Into::into).collect();
        Self { rules, options, observer, id: None, state: State::none(), engine: None, shard: None }
    }

    /// The number of rules.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// Sets the run's id in its events and its report. Without it the engine assigns a number.
    #[must_use]
    pub fn called(self, id: RunId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Adds an observer.
    #[must_use]
    pub fn watched_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Arc::new(vec![self.observer, observer]), ..self }
    }

    /// Uses and updates the state that is kept from run to run.
    #[must_use]
    pub fn remembering(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// Shares slots, bandwidth and knowledge of stores with all runs of `engine`, whose limits replace those of the
    /// options. Without it the run has its own engine.
    #[must_use]
    pub fn on(self, engine: &Engine) -> Self {
        Self { engine: Some(engine.clone()), ..self }
    }

    /// Copies only the images of this shard; other processes copy the rest. If listings report sizes, reads all
    /// listings first. If a source does not answer then, the run does nothing and its rules fail: other shards may have
    /// got an answer, and divide the images in another way.
    #[must_use]
    pub fn only(self, shard: Shard) -> Self {
        Self { shard: Some(shard), ..self }
    }

    /// Runs the rules. A failed image never stops the others. When `cancel` is cancelled, nothing new begins, running
    /// images have [`Options::drain`] to end, and the report contains what was not done.
    pub async fn run(self, cancel: CancellationToken) -> Report {
        let share = match self.shard {
            Some(shard) => match self.share(shard, &cancel).await {
                Ok(known) => known,
                Err(failures) => return self.refuse(failures, cancel).await,
            },
            None => None,
        };
        self.carry_out(Part { share, ..Part::default() }, cancel).await.0
    }

    /// Only finds out what the rules select, and what else the targets have.
    pub(crate) async fn list(self, cancel: CancellationToken) -> (Report, Listings) {
        let options = Options { mode: Mode::List, ..self.options };
        let (report, run) = Self { options, ..self }.carry_out(Part::default(), cancel).await;
        let listings = std::mem::take(&mut *run.listings());
        (report, listings)
    }

    /// Finds out which images the rules select, each once, without a request to any target. They are there for others to copy: what is
    /// seen at sources is recorded as by a run that copies.
    pub async fn survey(self, cancel: CancellationToken) -> (Report, Vec<Surveyed>) {
        let (report, found) = self.find(Purpose::HandOut, cancel).await;
        (report, found.images)
    }

    async fn find(self, purpose: Purpose, cancel: CancellationToken) -> (Report, Found) {
        let options = Options { mode: Mode::List, ..self.options };
        let part = Part { survey: Some(Survey::new(purpose)), ..Part::default() };
        let (report, run) = Self { options, ..self }.carry_out(part, cancel).await;
        let found = run.survey.as_ref().map(Survey::all).unwrap_or_default();
        (report, found)
    }

    /// The share of one shard; `None` if the run is stopped before it is known.
    ///
    /// # Errors
    /// A source did not answer.
    async fn share(
        &self,
        shard: Shard,
        cancel: &CancellationToken,
    ) -> Result<Option<Share>, Vec<RuleFailure>> {
        let divided = |split| Ok(Some(Share { shard, split: Arc::new(split) }));
        let is_by_bytes = tokio::select! {
            told = tell_sizes(&self.rules, self.options.retries) => told.map_err(|failure| vec![failure])?,
            () = cancel.cancelled() => return Ok(None),
        };
        if !is_by_bytes {
            return divided(Split::by_name(shard.count()));
        }
        let (rules, options) = (self.rules.clone(), self.options.clone());
        let survey = Sync::new(rules, options, Arc::new(Silent)).remembering(self.state.clone());
        let (report, Found { images, unread }) = Box::pin(survey.find(Purpose::Divide, cancel.clone())).await;
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let failed = report.failed_rules.iter().map(|failure| &**failure).chain(&unread);
        let failures: Vec<_> = failed.filter_map(undivided).collect();
        if !failures.is_empty() {
            return Err(failures);
        }
        divided(Split::by_bytes(shard.count(), images.into_iter().map(|surveyed| surveyed.place)))
    }

    /// The report of a run that does nothing, because the share of its shard is not known.
    async fn refuse(self, failures: Vec<RuleFailure>, cancel: CancellationToken) -> Report {
        let all = (0..self.rules.len()).collect();
        let without_rules = Self { rules: Vec::new(), ..self };
        let (mut report, run) = without_rules.carry_out(Part::default(), cancel).await;
        // None of them was carried out, not only those whose sources did not answer.
        report.unfinished_rules = all;
        for failure in failures.into_iter().map(Arc::new) {
            run.tell(&Event::RuleFailed(failure.clone()));
            report.failed_rules.push(failure);
        }
        report
    }

    async fn carry_out(self, part: Part, cancel: CancellationToken) -> (Report, Arc<Run>) {
        let started = Instant::now();
        let Self { rules, options, observer, id, state, engine, .. } = self;
        let engine = engine.unwrap_or_else(|| Engine::new(options.blobs_at_once, options.bandwidth));
        let (drain, abandoned) = (options.drain, AbandonedUploads::new());
        let turns = Turns::new(lists_at_once(options.blobs_at_once));
        let number = engine.number();
        let id = id.unwrap_or_else(|| RunId::new(format!("run-{number}")));
        let teller = Teller::new(id.clone(), observer);
        let part = Part { sparse_targets: sparse_targets(&rules), ..part };
        let run = Arc::new(Run::new(number, engine, teller, &options, state, abandoned.sender(), part));
        run.tell_of_division();
        let (plan, planned) = mpsc::channel(1);
        let sampler = match options.mode {
            Mode::Verify(verification) => verification.sample.map(Sampler::new),
            Mode::Copy | Mode::Plan | Mode::List => None,
        };
        let reaches: Vec<_> = rules.iter().map(Reach::of).collect();
        let firsts = firsts(&reaches);
        let rivals = Arc::new(Rivals::new(&reaches, &firsts));
        let discoveries = Discoveries { run: run.clone(), plan, turns, rivals: rivals.clone() };
        let (discoveries, rules) = start_discoveries(discoveries, rules, &firsts);
        let mut schedule =
            Schedule::new((run, rivals), (discoveries, rules), planned, sampler, Report::empty(id));
        let finished = tokio::select! {
            () = schedule.work() => true,
            () = cancel.cancelled() => false,
        };
        if !finished {
            schedule.stop(drain).await;
        }
        let run = schedule.run().clone();
        end_uploads(abandoned, &run).await;
        let report = Report { took: started.elapsed(), ..schedule.into_report() };
        // Verifications and repairs spend most of their time on checks.
        if run.mode == Mode::Copy {
            run.state.note_speed(report.amounts().moved_bytes, report.took);
        }
        (report, run)
    }
}

fn start_discoveries(discoveries: Discoveries, rules: Vec<Work>, firsts: &[usize]) -> (Running, Rules) {
    let discoveries = Arc::new(discoveries);
    let (mut running, mut started) = (JoinSet::new(), HashMap::new());
    let seats = seats(firsts, &discoveries.run.awaited);
    let order = Arc::new(TaskOrder::of(&rules, &discoveries.run.awaited));
    let is_alone = matches!(discoveries.run.mode, Mode::Verify(how) if how.against == Against::Itself);
    for (index, (rule, seat)) in rules.into_iter().zip(seats).enumerate() {
        // A rule whose source is its target brings nothing to other rules.
        let seat = seat.filter(|_| !is_alone);
        let (source, task): (Arc<str>, _) = match rule {
            Work::Repository(rule) => (
                rule.source.name().into(),
                running.spawn(discoveries.clone().of_rule(rule, index, Origin::Written, seat)),
            ),
            Work::Pattern(rule) => {
                (rule.listing.name().into(), running.spawn(discoveries.clone().of_pattern(rule, index, seat)))
            }
            Work::Assignments(bound) => {
                ("assignments".into(), running.spawn(discoveries.clone().of_assignments(bound)))
            }
            Work::Tasks(tasks) => {
                ("tasks".into(), running.spawn(discoveries.clone().of_tasks(tasks, index, order.clone())))
            }
        };
        started.insert(task.id(), (index, source));
    }
    (running, started)
}
