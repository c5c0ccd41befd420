//! A run: rules are discovered while images are copied, so many of each at once, until all have ended.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::copy::{Job, copy_image, panicked};
use crate::discover::{Origin, Planned};
use crate::open_upload::AbandonedUploads;
use crate::pattern_rule::Discoveries;
use crate::run::{Lane, Options, Run};
use crate::turns::Turns;
use crate::{
    Amounts, Cause, Error, Event, Image, ImageReport, Observer, Operation, Outcome, Report, RuleFailure,
    Side, State, Work,
};

/// Images that are planned ahead of those in work.
const PLANNED_AHEAD: usize = 64;

/// Rules, ready to be carried out.
pub struct Sync {
    rules: Vec<Work>,
    options: Options,
    observer: Arc<dyn Observer>,
    state: State,
}

type Ended = Vec<(Arc<Lane>, Outcome)>;

impl Sync {
    /// Prepares a run; nothing happens before [`run`](Self::run).
    pub fn new<W: Into<Work>>(
        rules: impl IntoIterator<Item = W>,
        options: Options,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let rules = rules.into_iter().map(Into::into).collect();
        Self { rules, options, observer, state: State::none() }
    }

    /// Uses, and writes down, what is remembered from run to run.
    #[must_use]
    pub fn remembering(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// Carries the rules out. One bad image never stops the others. When it is cancelled nothing new begins, images
    /// in work have [`Options::drain`] to end, and the report says what was not done.
    pub async fn run(self, cancel: CancellationToken) -> Report {
        let started = Instant::now();
        let Self { rules, options, observer, state } = self;
        let (images_at_once, lists_at_once) = (images_at_once(options.blobs_at_once), options.blobs_at_once);
        let (drain, abandoned) = (options.drain, AbandonedUploads::new());
        let run = Arc::new(Run::new(observer, options, state, abandoned.sender()));
        let (plan, planned) = mpsc::channel(PLANNED_AHEAD);
        let turns = Turns::new(lists_at_once);
        let (discoveries, rules) = start_discoveries(Discoveries { run: run.clone(), plan, turns }, rules);
        let mut schedule = Schedule {
            discoveries,
            rules,
            run,
            planned,
            images: JoinSet::new(),
            images_at_once,
            in_work: HashMap::new(),
            taken: HashSet::new(),
            report: Report::default(),
        };
        let finished = tokio::select! {
            () = schedule.work() => true,
            () = cancel.cancelled() => false,
        };
        if !finished {
            schedule.stop(drain).await;
        }
        abandoned.cancel().await;
        Report { took: started.elapsed(), ..schedule.into_report() }
    }
}

/// Enough images in work that blobs never wait for manifests, few enough that bookkeeping stays small.
fn images_at_once(blobs_at_once: usize) -> usize {
    (blobs_at_once.saturating_mul(6)).clamp(8, 256)
}

type Running = JoinSet<Vec<RuleFailure>>;

type Rules = HashMap<Id, (usize, Arc<str>)>;

fn start_discoveries(discoveries: Discoveries, rules: Vec<Work>) -> (Running, Rules) {
    let discoveries = Arc::new(discoveries);
    let (mut running, mut started) = (JoinSet::new(), HashMap::new());
    for (index, rule) in rules.into_iter().enumerate() {
        let (source, task): (Arc<str>, _) = match rule {
            Work::Repository(rule) => (
                rule.source.name().into(),
                running.spawn(discoveries.clone().of_rule(rule, index, Origin::Written)),
            ),
            Work::Pattern(rule) => {
                (rule.listing.name().into(), running.spawn(discoveries.clone().of_pattern(rule, index)))
            }
        };
        started.insert(task.id(), (index, source));
    }
    (running, started)
}

struct Schedule {
    run: Arc<Run>,
    discoveries: Running,
    planned: mpsc::Receiver<Planned>,
    images: JoinSet<Ended>,
    images_at_once: usize,
    /// Rules of which not all images are known yet, with their sources.
    rules: Rules,
    in_work: HashMap<Id, Vec<Arc<Lane>>>,
    /// Names at targets that have their image.
    taken: HashSet<ByTarget>,
    report: Report,
}

impl Schedule {
    async fn work(&mut self) {
        loop {
            tokio::select! {
                Some(discovered) = self.discoveries.join_next_with_id() => self.discovered(discovered),
                Some(ended) = self.images.join_next_with_id() => self.image_ended(ended),
                planned = self.planned.recv(), if self.images.len() < self.images_at_once => match planned {
                    Some(planned) => self.start(planned),
                    None if self.images.is_empty() && self.discoveries.is_empty() => return,
                    None => self.wait_for_one().await,
                },
            }
        }
    }

    /// Nothing more is planned: only ends are left to wait for.
    async fn wait_for_one(&mut self) {
        tokio::select! {
            Some(discovered) = self.discoveries.join_next_with_id() => self.discovered(discovered),
            Some(ended) = self.images.join_next_with_id() => self.image_ended(ended),
            else => {}
        }
    }

    fn start(&mut self, planned: Planned) {
        let Planned { rule, source, reference, found, referrers, ways } = planned;
        let mut lanes = Vec::new();
        for (image, target) in ways {
            match self.take_name(&image) {
                Name::Free => lanes.push(self.run.lane(image, rule, target)),
                Name::SameImage => {}
                Name::Taken(error) => self.end_unstarted(image, rule, Outcome::Failed(Arc::new(error))),
            }
        }
        if lanes.is_empty() {
            return;
        }
        let job = Job { source, reference, found, referrers, lanes: lanes.clone() };
        let task = self.images.spawn(copy_image(self.run.clone(), job));
        self.in_work.insert(task.id(), lanes);
    }

    /// Two rules may ask for the same copy; they may not want different images under one name.
    fn take_name(&mut self, image: &Arc<Image>) -> Name {
        let name = ByTarget(image.clone());
        match self.taken.get(&name) {
            None => {
                self.taken.insert(name);
                Name::Free
            }
            Some(ByTarget(taken)) if taken == image => Name::SameImage,
            Some(ByTarget(taken)) => Name::Taken(Error {
                side: Side::Target,
                place: image.target.to_string(),
                operation: Operation::Pair,
                cause: Cause::TargetTaken { by: taken.source_name() },
            }),
        }
    }

    fn discovered(&mut self, discovered: Result<(Id, Vec<RuleFailure>), JoinError>) {
        let failures = match discovered {
            Ok((id, failures)) => {
                self.rules.remove(&id);
                failures
            }
            Err(panic) => {
                let Some((rule, source)) = self.rules.remove(&panic.id()) else { return };
                let error = panicked(&source, panic).into();
                vec![RuleFailure { rule, source, error }]
            }
        };
        for failure in failures.into_iter().map(Arc::new) {
            self.run.tell(&Event::RuleFailed(failure.clone()));
            self.report.failed_rules.push(failure);
        }
        if self.discoveries.is_empty() {
            self.run.tell(&Event::AllPlanned);
        }
    }

    fn image_ended(&mut self, ended: Result<(Id, Ended), JoinError>) {
        match ended {
            Ok((id, ended)) => {
                self.in_work.remove(&id);
                for (lane, outcome) in ended {
                    self.lane_ended(&lane, outcome);
                }
            }
            Err(panic) => {
                let Some(lanes) = self.in_work.remove(&panic.id()) else { return };
                let place = lanes.first().map_or("", |lane| &*lane.image.source);
                let error = Arc::new(panicked(place, panic));
                for lane in lanes {
                    self.lane_ended(&lane, Outcome::Failed(error.clone()));
                }
            }
        }
    }

    fn lane_ended(&mut self, lane: &Lane, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Failed(error) if error.is_stopped() => Outcome::NotDone,
            other => other,
        };
        let (image, took) = (lane.image.clone(), lane.started.elapsed());
        self.end(ImageReport { image, rule: lane.rule, outcome, amounts: lane.amounts.now(), took });
    }

    /// Ends an image on which no work was begun.
    fn end_unstarted(&mut self, image: Arc<Image>, rule: usize, outcome: Outcome) {
        let (amounts, took) = (Amounts::default(), Duration::ZERO);
        self.end(ImageReport { image, rule, outcome, amounts, took });
    }

    fn end(&mut self, ended: ImageReport) {
        let (image, outcome) = (ended.image.clone(), ended.outcome.clone());
        self.run.tell(&Event::ImageFinished { image, outcome });
        self.report.images.push(ended);
    }

    /// Begins nothing new and gives what is in work time to end. All else is reported as not done.
    async fn stop(&mut self, drain: Duration) {
        self.run.deadline.set(drain);
        let in_work = self.in_work.values().map(Vec::len).sum();
        self.run.tell(&Event::Stopping { in_work, drain });
        while let Some(discovered) = self.discoveries.try_join_next_with_id() {
            self.discovered(discovered);
        }
        self.report.unfinished_rules = self.rules.values().map(|(rule, _)| *rule).collect();
        self.report.unfinished_rules.sort_unstable();
        self.discoveries.shutdown().await;
        self.end_planned().await;
        let drained = async {
            while let Some(ended) = self.images.join_next_with_id().await {
                self.image_ended(ended);
            }
        };
        if tokio::time::timeout(drain, drained).await.is_err() {
            self.break_off().await;
        }
    }

    async fn break_off(&mut self) {
        self.images.abort_all();
        // What had ended just before still counts as it ended.
        while let Some(ended) = self.images.join_next_with_id().await {
            if !ended.as_ref().is_err_and(JoinError::is_cancelled) {
                self.image_ended(ended);
            }
        }
        let in_work: Vec<_> = self.in_work.drain().flat_map(|(_, lanes)| lanes).collect();
        for lane in in_work {
            self.lane_ended(&lane, Outcome::NotDone);
        }
    }

    /// Ends what waits for its turn.
    async fn end_planned(&mut self) {
        self.planned.close();
        while let Some(planned) = self.planned.recv().await {
            for (image, _) in planned.ways {
                // As if it were started: another rule that asked for the same copy has told of it.
                match self.take_name(&image) {
                    Name::Free => self.end_unstarted(image, planned.rule, Outcome::NotDone),
                    Name::SameImage => {}
                    Name::Taken(error) => {
                        self.end_unstarted(image, planned.rule, Outcome::Failed(Arc::new(error)));
                    }
                }
            }
        }
    }

    fn into_report(self) -> Report {
        let mut report = self.report;
        let listed = self.run.unwanted_referrers.load(Ordering::Relaxed);
        report.unwanted_referrers = listed.saturating_add(self.run.referrer_tags.left());
        report
    }
}

/// An image that is found by its name at the target. Reports hold the same image, so it costs no copy of its names.
struct ByTarget(Arc<Image>);

impl PartialEq for ByTarget {
    fn eq(&self, other: &Self) -> bool {
        self.0.target == other.0.target && self.0.target_reference == other.0.target_reference
    }
}

impl Eq for ByTarget {}

impl Hash for ByTarget {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.target.hash(state);
        self.0.target_reference.hash(state);
    }
}

/// Whether a name at a target is free for an image.
enum Name {
    Free,
    SameImage,
    Taken(Error),
}
