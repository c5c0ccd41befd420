//! A run: rules are discovered while images are copied, so many of each at once, until all have ended.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::copy::open_upload::AbandonedUploads;
use crate::copy::{SourceImage, copy_image, panicked, plan_image, verify_image};
use crate::engine::run::{ImageCopy, Options, Part, Run, Way};
use crate::engine::sampler::{Chosen, Sampler};
use crate::engine::verification::Against;
use crate::engine::{Engine, ImageSlot, Pair, Turn};
use crate::plan::company::seats;
use crate::plan::discover::Origin;
use crate::plan::discoveries::Discoveries;
use crate::plan::followers::{Followers, is_follower};
use crate::plan::listings::Listings;
use crate::plan::planned::Planned;
use crate::plan::shard::share::Share;
use crate::plan::shard::{Shard, Split};
use crate::plan::sparse_targets::sparse_targets;
use crate::plan::survey::{Survey, tell_sizes};
use crate::plan::turns::Turns;
use crate::report::event::Teller;
use crate::{
    Amounts, Cause, Error, Event, Image, ImageReport, Mode, Observer, Operation, Outcome, Report,
    RuleFailure, RunId, Side, Silent, SkipReason, State, Surveyed, Work,
};

/// Rules, ready to be carried out.
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
    /// Prepares a run; nothing happens before [`run`](Self::run).
    pub fn new<W: Into<Work>>(
        rules: impl IntoIterator<Item = W>,
        options: Options,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let rules = rules.into_iter().map(Into::into).collect();
        Self { rules, options, observer, id: None, state: State::none(), engine: None, shard: None }
    }

    /// Calls the run so in its events and its report. Without it the engine gives it a number.
    #[must_use]
    pub fn called(self, id: RunId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Tells `observer`, too.
    #[must_use]
    pub fn watched_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Arc::new(vec![self.observer, observer]), ..self }
    }

    /// Uses, and writes down, what is remembered from run to run.
    #[must_use]
    pub fn remembering(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// Shares slots, bandwidth and what is known of stores with all runs of `engine`, whose limits count in place of the
    /// options'. Without it the run has an engine of its own.
    #[must_use]
    pub fn on(self, engine: &Engine) -> Self {
        Self { engine: Some(engine.clone()), ..self }
    }

    /// Brings only what is this shard's: others bring the rest. Where lists tell sizes, they are read before anything else.
    #[must_use]
    pub fn only(self, shard: Shard) -> Self {
        Self { shard: Some(shard), ..self }
    }

    /// Carries the rules out. One bad image never stops the others. When it is cancelled nothing new begins, images
    /// in work have [`Options::drain`] to end, and what was not done is told, too.
    pub async fn run(self, cancel: CancellationToken) -> Report {
        let share = match self.shard {
            Some(shard) => Some(self.share(shard, &cancel).await),
            None => None,
        };
        self.carry_out(Part { share, survey: None }, cancel).await.0
    }

    /// Only finds out what rules select, and what targets have beside it.
    pub(crate) async fn list(self, cancel: CancellationToken) -> (Report, Listings) {
        let options = Options { mode: Mode::List, ..self.options };
        let (report, run) = Self { options, ..self }.carry_out(Part::default(), cancel).await;
        let listings = std::mem::take(&mut *run.listings());
        (report, listings)
    }

    /// Finds out which images rules select, each once, without asking any target.
    pub async fn survey(self, cancel: CancellationToken) -> (Report, Vec<Surveyed>) {
        let options = Options { mode: Mode::List, ..self.options };
        let part = Part { share: None, survey: Some(Survey::default()) };
        let (report, run) = Self { options, ..self }.carry_out(part, cancel).await;
        let surveyed = run.survey.as_ref().map(Survey::all).unwrap_or_default();
        (report, surveyed)
    }

    /// What one shard brings.
    async fn share(&self, shard: Shard, cancel: &CancellationToken) -> Share {
        let mut split = Split::by_name(shard.count());
        if tell_sizes(&self.rules).await {
            let (rules, options) = (self.rules.clone(), self.options.clone());
            let survey = Sync::new(rules, options, Arc::new(Silent)).remembering(self.state.clone());
            let (_, images) = Box::pin(survey.survey(cancel.clone())).await;
            split = Split::by_bytes(shard.count(), images.into_iter().map(|surveyed| surveyed.place));
        }
        Share { shard, split: Arc::new(split) }
    }

    async fn carry_out(self, part: Part, cancel: CancellationToken) -> (Report, Arc<Run>) {
        let started = Instant::now();
        let Self { rules, options, observer, id, state, engine, .. } = self;
        let engine = engine.unwrap_or_else(|| Engine::new(options.blobs_at_once, options.bandwidth));
        let (drain, abandoned) = (options.drain, AbandonedUploads::new());
        let turns = Turns::new(options.blobs_at_once);
        let number = engine.number();
        let id = id.unwrap_or_else(|| RunId::new(format!("run-{number}")));
        let teller = Teller::new(id.clone(), observer);
        let sparse = sparse_targets(&rules);
        let run = Run::new(number, engine, teller, &options, state, abandoned.sender(), sparse, part);
        let run = Arc::new(run);
        run.tell_of_division();
        let (plan, planned) = mpsc::channel(1);
        let sampler = match options.mode {
            Mode::Verify(verification) => verification.sample.map(Sampler::new),
            Mode::Copy | Mode::Plan | Mode::List => None,
        };
        let (discoveries, rules) = start_discoveries(Discoveries { run: run.clone(), plan, turns }, rules);
        let (to_begin, begun) = mpsc::unbounded_channel();
        let mut schedule = Schedule {
            in_queues: InQueues(run.clone()),
            discoveries,
            rules,
            run,
            planned,
            to_begin,
            begun,
            waiting: 0,
            images: JoinSet::new(),
            in_work: HashMap::new(),
            followers: Followers::default(),
            sampler,
            taken: HashSet::new(),
            report: Report::empty(id),
        };
        let finished = tokio::select! {
            () = schedule.work() => true,
            () = cancel.cancelled() => false,
        };
        if !finished {
            schedule.stop(drain).await;
        }
        abandoned.cancel().await;
        let run = schedule.run.clone();
        let report = Report { took: started.elapsed(), ..schedule.into_report() };
        // A repair looks most of its time.
        if run.mode == Mode::Copy {
            run.state.note_speed(report.amounts().moved_bytes, report.took);
        }
        (report, run)
    }
}

type Running = JoinSet<Vec<RuleFailure>>;

type Rules = HashMap<Id, (usize, Arc<str>)>;

fn start_discoveries(discoveries: Discoveries, rules: Vec<Work>) -> (Running, Rules) {
    let discoveries = Arc::new(discoveries);
    let (mut running, mut started) = (JoinSet::new(), HashMap::new());
    let seats = seats(&rules, &discoveries.run.awaited);
    let is_alone = matches!(discoveries.run.mode, Mode::Verify(how) if how.against == Against::Itself);
    for (index, (rule, seat)) in rules.into_iter().zip(seats).enumerate() {
        // Rules that read where they would write bring nothing to each other.
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
            Work::Tasks(tasks) => ("tasks".into(), running.spawn(discoveries.clone().of_tasks(tasks))),
        };
        started.insert(task.id(), (index, source));
    }
    (running, started)
}

/// An image that waits for its turn to go to one target.
struct Waiting {
    image: Arc<SourceImage>,
    way: Way,
}

struct Schedule {
    /// The first to be dropped: no slot that the others give back comes to an image of this run.
    in_queues: InQueues,
    run: Arc<Run>,
    discoveries: Running,
    planned: mpsc::Receiver<Planned>,
    /// Where images go whose turn it is, or that were taken out of the queue.
    to_begin: mpsc::UnboundedSender<(Waiting, Option<ImageSlot>)>,
    begun: mpsc::UnboundedReceiver<(Waiting, Option<ImageSlot>)>,
    /// How many images wait for their turn.
    waiting: usize,
    images: JoinSet<(Arc<ImageCopy>, Outcome)>,
    /// Rules of which not all images are known yet, with their sources.
    rules: Rules,
    in_work: HashMap<Id, Arc<ImageCopy>>,
    followers: Followers<Planned>,
    /// Who chooses which images are looked at, where not all are.
    sampler: Option<Sampler<Planned>>,
    /// Names at targets that have their image.
    taken: HashSet<ByTarget>,
    report: Report,
}

impl Schedule {
    async fn work(&mut self) {
        self.work_on().await;
        while let Some(planned) = self.sampler.as_mut().and_then(Sampler::stands_by) {
            self.plan(planned);
            self.work_on().await;
        }
    }

    async fn work_on(&mut self) {
        while !self.is_done() {
            tokio::select! {
                Some(discovered) = self.discoveries.join_next_with_id() => self.discovered(discovered),
                Some(ended) = self.images.join_next_with_id() => self.image_ended(ended),
                Some((waiting, slot)) = self.begun.recv(), if self.waiting > 0 => self.begin(waiting, slot),
                Some(planned) = self.planned.recv() => self.choose(planned),
                else => return,
            }
        }
    }

    fn is_done(&self) -> bool {
        self.discoveries.is_empty() && self.images.is_empty() && self.waiting == 0 && self.planned.is_empty()
    }

    /// Takes in an image, or leaves it out, for each of its targets.
    fn choose(&mut self, planned: Planned) {
        let Some(sampler) = &mut self.sampler else { return self.plan(planned) };
        let offers: Vec<_> =
            planned.ways.iter().map(|way| sampler.offer(planned.with(vec![way.clone()]))).collect();
        for Chosen { taken, left } in offers {
            if let Some(Planned { rule, ways, .. }) = left {
                for (image, _) in ways {
                    self.end_unstarted(image, rule, Outcome::Skipped(SkipReason::NotInSample));
                }
            }
            if let Some(taken) = taken {
                self.plan(taken);
            }
        }
    }

    /// Queues an image, but for targets where it has to wait for those that it may follow.
    fn plan(&mut self, planned: Planned) {
        if self.run.mode == Mode::List {
            return self.note_selected(&planned);
        }
        if !planned.ways.iter().any(|(image, _)| is_follower(&image.source_reference)) {
            return self.queue(planned);
        }
        let mut now = Vec::new();
        for (image, target) in planned.ways.iter().cloned() {
            let between = (image.source.clone(), image.target.clone());
            let alone = planned.with(vec![(image, target)]);
            now.extend(self.followers.wait(&between, alone).into_iter().flat_map(|planned| planned.ways));
        }
        self.queue(planned.with(now));
    }

    /// Keeps the names that an image gets, and lets those go on that wait for it.
    fn note_selected(&self, planned: &Planned) {
        for (image, _) in &planned.ways {
            self.run.listings().select(image);
            self.run.awaited.tell(image);
        }
    }

    /// Puts an image into the queue of each of its targets' pairs.
    fn queue(&mut self, planned: Planned) {
        let Planned { rule, image: planned, ways } = planned;
        let mut free = Vec::new();
        for (image, target) in ways {
            match self.take_name(&image) {
                Name::Free => free.push((image, target)),
                Name::SameImage => {}
                Name::Taken(error) => self.end_unstarted(image, rule, Outcome::Failed(Arc::new(error))),
            }
        }
        let shared = Arc::new(SourceImage::new(planned, free.len()));
        for (index, (image, target)) in free.into_iter().enumerate() {
            if !is_follower(&image.source_reference) {
                self.followers.leads(&(image.source.clone(), image.target.clone()));
            }
            let pair = Pair::new(shared.planned.source.store(), target.store());
            let (rank, to) = (self.run.engine.number(), self.to_begin.clone());
            let way = Way { image, rule, index, rank, target };
            let waiting = Waiting { image: shared.clone(), way };
            self.waiting += 1;
            let turn = Turn::new(self.run.number, move |slot| {
                // Nobody listens any more when the run has ended.
                let _ = to.send((waiting, slot));
            });
            self.run.engine.images().wait(&pair, rank, turn);
        }
    }

    /// Begins an image whose turn it is.
    fn begin(&mut self, waiting: Waiting, slot: Option<ImageSlot>) {
        self.waiting -= 1;
        let Waiting { image, way } = waiting;
        let Some(slot) = slot else {
            self.let_follow(&way.image);
            return self.end_unstarted(way.image, way.rule, Outcome::NotDone);
        };
        let copy = self.run.begin_copy(way, slot);
        let task = match self.run.mode {
            Mode::Copy => self.images.spawn(copy_image(self.run.clone(), image, copy.clone())),
            // What is only listed is not queued.
            Mode::Plan | Mode::List => self.images.spawn(plan_image(self.run.clone(), image, copy.clone())),
            Mode::Verify(verification) => {
                self.images.spawn(verify_image(self.run.clone(), image, copy.clone(), verification))
            }
        };
        self.in_work.insert(task.id(), copy);
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
        if self.rules.is_empty() {
            self.run.tell(&Event::AllPlanned);
        }
    }

    fn image_ended(&mut self, ended: Result<(Id, (Arc<ImageCopy>, Outcome)), JoinError>) {
        match ended {
            Ok((id, (copy, outcome))) => {
                self.in_work.remove(&id);
                self.copy_ended(&copy, outcome);
            }
            Err(panic) => {
                let Some(copy) = self.in_work.remove(&panic.id()) else { return };
                let error = Arc::new(panicked(&copy.image.source, panic));
                self.copy_ended(&copy, Outcome::Failed(error));
            }
        }
    }

    /// Whoever follows this image need not wait for it any more.
    fn let_follow(&mut self, image: &Image) {
        if !is_follower(&image.source_reference) {
            self.followers.ended(&(image.source.clone(), image.target.clone()));
        }
        while let Some(planned) = self.followers.next() {
            self.queue(planned);
        }
    }

    fn copy_ended(&mut self, copy: &ImageCopy, outcome: Outcome) {
        copy.activity.close();
        self.let_follow(&copy.image);
        let outcome = match outcome {
            Outcome::Failed(error) if error.is_stopped() => Outcome::NotDone,
            other => other,
        };
        let (image, took) = (copy.image.clone(), copy.started.elapsed());
        self.end(ImageReport { image, rule: copy.rule, outcome, amounts: copy.amounts.now(), took });
    }

    /// Ends an image on which no work was begun.
    fn end_unstarted(&mut self, image: Arc<Image>, rule: usize, outcome: Outcome) {
        let (amounts, took) = (Amounts::default(), Duration::ZERO);
        self.end(ImageReport { image, rule, outcome, amounts, took });
    }

    fn end(&mut self, ended: ImageReport) {
        self.run.awaited.tell(&ended.image);
        self.report.totals.add(&ended);
        self.run.tell(&Event::ImageFinished(Arc::new(ended)));
    }

    /// Begins nothing new and gives what is in work time to end. All else is reported as not done.
    async fn stop(&mut self, drain: Duration) {
        self.run.deadline.set(drain);
        let in_work = self.in_work.values().filter(|copy| copy.activity.is_working()).count();
        let waiting = self.in_work.len() - in_work;
        self.run.tell(&Event::Stopping { in_work, waiting, drain });
        self.end_discoveries().await;
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

    /// Ends rules of which not all images are known. Those that had come to their end before count as they ended.
    async fn end_discoveries(&mut self) {
        self.discoveries.abort_all();
        while let Some(ended) = self.discoveries.join_next_with_id().await {
            if !ended.as_ref().is_err_and(JoinError::is_cancelled) {
                self.discovered(ended);
            }
        }
        self.report.unfinished_rules = self.rules.values().map(|(rule, _)| *rule).collect();
        self.report.unfinished_rules.sort_unstable();
    }

    async fn break_off(&mut self) {
        self.images.abort_all();
        // What had ended just before still counts as it ended.
        while let Some(ended) = self.images.join_next_with_id().await {
            if !ended.as_ref().is_err_and(JoinError::is_cancelled) {
                self.image_ended(ended);
            }
        }
        let in_work: Vec<_> = self.in_work.drain().map(|(_, copy)| copy).collect();
        for copy in in_work {
            self.copy_ended(&copy, Outcome::NotDone);
        }
    }

    /// Ends what waits for its turn.
    async fn end_planned(&mut self) {
        self.in_queues.withdraw().into_iter().for_each(Turn::give_up);
        while self.waiting > 0
            && let Some((Waiting { way, .. }, _)) = self.begun.recv().await
        {
            self.waiting -= 1;
            self.end_unstarted(way.image, way.rule, Outcome::NotDone);
        }
        self.planned.close();
        let stands_by = self.sampler.as_mut().and_then(Sampler::stands_by);
        let mut waiting = self.followers.take().into_iter().chain(stands_by);
        while let Some(planned) = match waiting.next() {
            Some(planned) => Some(planned),
            None => self.planned.recv().await,
        } {
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
        report.looked_at = self.run.inspected.counts.now();
        report.shard = self.run.share.as_ref().map(|share| (share.shard, share.split.fingerprint()));
        report
    }
}

/// The images of a run that wait in the engine's queues. A run that is dropped before its end waits for nothing any more.
struct InQueues(Arc<Run>);

impl InQueues {
    fn withdraw(&self) -> Vec<Turn> {
        self.0.engine.images().withdraw(|turn| turn.is_of(self.0.number))
    }
}

impl Drop for InQueues {
    fn drop(&mut self) {
        drop(self.withdraw());
    }
}

/// An image that is found by its name at the target: what a run keeps of an image that has ended, some 230 bytes with its
/// place in the set. The names of repositories are shared by all their tags.
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
