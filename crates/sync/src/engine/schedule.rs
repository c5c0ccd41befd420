//! Schedules a run: begins images in the order in which the engine gives them slots, until all have ended.

mod in_queues;
mod names;
mod stop;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};

use self::in_queues::InQueues;
use self::names::{Name, Names};
use crate::copy::{SourceImage, copy_image, panicked, plan_image, verify_image};
use crate::engine::run::{ImageCopy, Run, Way};
use crate::engine::sampler::{Chosen, Sampler};
use crate::engine::{ImageSlot, Pair, Turn};
use crate::plan::followers::{Followers, is_follower};
use crate::plan::planned::Planned;
use crate::plan::rivals::Rivals;
use crate::{Amounts, Event, Image, ImageReport, Mode, Outcome, Report, RuleFailure, SkipReason};

pub(super) type Running = JoinSet<Vec<RuleFailure>>;

/// Rules whose images are not all known yet, with their sources.
pub(super) type Rules = HashMap<Id, (usize, Arc<str>)>;

/// An image that waits for its slot for one target.
struct Waiting {
    image: Arc<SourceImage>,
    way: Way,
}

pub(super) struct Schedule {
    /// Dropped first, so that slots that the other fields give back do not go to images of this run.
    in_queues: InQueues,
    run: Arc<Run>,
    discoveries: Running,
    planned: mpsc::Receiver<Planned>,
    /// Receives images that got a slot, or that were removed from the queue.
    to_begin: mpsc::UnboundedSender<(Waiting, Option<ImageSlot>)>,
    begun: mpsc::UnboundedReceiver<(Waiting, Option<ImageSlot>)>,
    /// How many images wait for their slot.
    waiting: usize,
    images: JoinSet<(Arc<ImageCopy>, Outcome)>,
    /// Rules whose images are not all known yet, with their sources.
    rules: Rules,
    in_work: HashMap<Id, Arc<ImageCopy>>,
    followers: Followers<Planned>,
    /// Chooses the images to verify, if only a sample is wanted.
    sampler: Option<Sampler<Planned>>,
    names: Names,
    report: Report,
}

impl Schedule {
    pub(super) fn new(
        (run, rivals): (Arc<Run>, Arc<Rivals>),
        (discoveries, rules): (Running, Rules),
        planned: mpsc::Receiver<Planned>,
        sampler: Option<Sampler<Planned>>,
        report: Report,
    ) -> Self {
        let (to_begin, begun) = mpsc::unbounded_channel();
        Self {
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
            names: Names::new(rivals),
            report,
        }
    }

    pub(super) fn run(&self) -> &Arc<Run> {
        &self.run
    }

    pub(super) async fn work(&mut self) {
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
        let is_planned = self.discoveries.is_empty() && self.planned.is_empty();
        is_planned && self.images.is_empty() && self.waiting == 0
    }

    /// Takes an image into the sample, or leaves it out, for each of its targets.
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

    /// Queues an image, except for targets where it has to wait for the images that it may follow.
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

    /// Records the selected references, and releases the rules that wait for this image.
    fn note_selected(&self, planned: &Planned) {
        for (image, _) in &planned.ways {
            self.run.listings().select(image);
            self.run.awaited.tell(image);
        }
    }

    /// Puts an image into the queue of each of its targets' pairs.
    fn queue(&mut self, planned: Planned) {
        let mut free = Vec::new();
        for (image, target) in planned.ways.iter().cloned() {
            match self.names.take(&image, planned.rule) {
                Name::Free => free.push((image, target)),
                Name::SameImage => {}
                Name::InWork => self.names.wait(&image, planned.with(vec![(image.clone(), target)])),
                Name::Taken(error) => {
                    self.end_unstarted(image, planned.rule, Outcome::Failed(Arc::new(error)));
                }
            }
        }
        let Planned { rule, image: planned, .. } = planned;
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
                // When the run has ended, the receiver is gone.
                let _ = to.send((waiting, slot));
            });
            self.run.engine.images().wait(&pair, rank, turn);
        }
    }

    /// Begins an image that got its slot.
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
            // A run that only lists queues nothing.
            Mode::Plan | Mode::List => self.images.spawn(plan_image(self.run.clone(), image, copy.clone())),
            Mode::Verify(verification) => {
                self.images.spawn(verify_image(self.run.clone(), image, copy.clone(), verification))
            }
        };
        self.in_work.insert(task.id(), copy);
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

    /// Releases the images that wait for this one.
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

    /// Ends an image that was not begun.
    fn end_unstarted(&mut self, image: Arc<Image>, rule: usize, outcome: Outcome) {
        let (amounts, took) = (Amounts::default(), Duration::ZERO);
        self.end(ImageReport { image, rule, outcome, amounts, took });
    }

    fn end(&mut self, ended: ImageReport) {
        self.run.awaited.tell(&ended.image);
        self.report.totals.add(&ended);
        let waiting = self.names.ended(&ended.image);
        self.run.tell(&Event::ImageFinished(Arc::new(ended)));
        for planned in waiting {
            self.queue(planned);
        }
    }

    pub(super) fn into_report(self) -> Report {
        let mut report = self.report;
        let listed = self.run.unwanted_referrers.load(Ordering::Relaxed);
        report.unwanted_referrers = listed.saturating_add(self.run.referrer_tags.left());
        report.looked_at = self.run.inspected.counts.now();
        report.shard = self.run.share.as_ref().map(|share| (share.shard, share.split.fingerprint()));
        report
    }
}
