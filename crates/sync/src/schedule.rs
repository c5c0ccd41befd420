//! A run: rules are discovered while images are copied, so many of each at once, until all have ended.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use registry::TagOrDigest;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::copy::{Job, copy_image, panicked};
use crate::discover::{Planned, discover};
use crate::run::{Lane, Run};
use crate::{
    Cause, Error, Event, Image, ImageReport, Observer, Operation, Outcome, Report, Rule, RuleFailure, Side,
};

/// Rules whose tags are listed at once.
const RULES_AT_ONCE: usize = 8;
/// Images that are planned ahead of those in work.
const PLANNED_AHEAD: usize = 64;

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many blobs move at once.
    pub blobs_at_once: usize,
    /// How often a step that failed for a passing reason is tried again.
    pub retries: u32,
}

/// Rules, ready to be carried out.
pub struct Sync {
    rules: Vec<Rule>,
    options: Options,
    observer: Arc<dyn Observer>,
}

type Ended = Vec<(Arc<Lane>, Outcome)>;

impl Sync {
    /// Prepares a run; nothing happens before [`run`](Self::run).
    pub fn new(rules: Vec<Rule>, options: Options, observer: Arc<dyn Observer>) -> Self {
        Self { rules, options, observer }
    }

    /// Carries the rules out. One bad image never stops the others; cancelling stops all, and the report
    /// says what was not done.
    pub async fn run(self, cancel: CancellationToken) -> Report {
        let Self { rules, options, observer } = self;
        let run = Arc::new(Run::new(observer, options.retries, options.blobs_at_once));
        let (plan, planned) = mpsc::channel(PLANNED_AHEAD);
        let mut schedule = Schedule {
            discoveries: start_discoveries(&run, rules, &plan),
            run,
            planned,
            images: JoinSet::new(),
            images_at_once: images_at_once(options.blobs_at_once),
            in_work: HashMap::new(),
            taken: HashMap::new(),
            report: Report::default(),
        };
        drop(plan);
        let finished = tokio::select! {
            () = schedule.work() => true,
            () = cancel.cancelled() => false,
        };
        if !finished {
            schedule.stop().await;
        }
        schedule.into_report()
    }
}

/// Enough images in work that blobs never wait for manifests, few enough that bookkeeping stays small.
fn images_at_once(blobs_at_once: usize) -> usize {
    (blobs_at_once.saturating_mul(3)).clamp(8, 256)
}

type Discoveries = JoinSet<Result<(), RuleFailure>>;

fn start_discoveries(run: &Arc<Run>, rules: Vec<Rule>, plan: &mpsc::Sender<Planned>) -> Discoveries {
    let turns = Arc::new(Semaphore::new(RULES_AT_ONCE));
    let mut discoveries = JoinSet::new();
    for rule in rules {
        let (run, plan, turns) = (run.clone(), plan.clone(), turns.clone());
        discoveries.spawn(async move {
            // Never closed, so this always gives a turn.
            let _turn = turns.acquire().await;
            discover(&run, &rule, &plan).await
        });
    }
    discoveries
}

struct Schedule {
    run: Arc<Run>,
    discoveries: Discoveries,
    planned: mpsc::Receiver<Planned>,
    images: JoinSet<Ended>,
    images_at_once: usize,
    in_work: HashMap<Id, Vec<Arc<Image>>>,
    /// Names at targets that have their image.
    taken: HashMap<(Arc<str>, TagOrDigest), (Arc<str>, TagOrDigest)>,
    report: Report,
}

impl Schedule {
    async fn work(&mut self) {
        loop {
            tokio::select! {
                Some(discovered) = self.discoveries.join_next() => self.discovered(discovered),
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
            Some(discovered) = self.discoveries.join_next() => self.discovered(discovered),
            Some(ended) = self.images.join_next_with_id() => self.image_ended(ended),
            else => {}
        }
    }

    fn start(&mut self, planned: Planned) {
        let Planned { source, reference, ways } = planned;
        let mut lanes = Vec::new();
        for (image, target) in ways {
            match self.take_name(&image) {
                Name::Free => lanes.push(self.run.lane(image, target)),
                Name::SameImage => {}
                Name::Taken(error) => self.end(image, Outcome::Failed(Arc::new(error))),
            }
        }
        if lanes.is_empty() {
            return;
        }
        let images = lanes.iter().map(|lane| lane.image.clone()).collect();
        let job = Job { source, reference, lanes };
        let task = self.images.spawn(copy_image(self.run.clone(), job));
        self.in_work.insert(task.id(), images);
    }

    /// Two rules may ask for the same copy; they may not want different images under one name.
    fn take_name(&mut self, image: &Image) -> Name {
        let name = (image.target.clone(), image.target_reference.clone());
        let source = (image.source.clone(), image.source_reference.clone());
        match self.taken.get(&name) {
            None => {
                self.taken.insert(name, source);
                Name::Free
            }
            Some(taken) if *taken == source => Name::SameImage,
            Some((by, reference)) => Name::Taken(Error {
                side: Side::Target,
                place: image.target.to_string(),
                operation: Operation::Pair,
                cause: Cause::TargetTaken { by: format!("{by}{}", reference.suffix()) },
            }),
        }
    }

    fn discovered(&mut self, discovered: Result<Result<(), RuleFailure>, JoinError>) {
        let failure = match discovered {
            Ok(Ok(())) => return,
            Ok(Err(failure)) => failure,
            Err(panic) => RuleFailure { source: "a rule".into(), error: panicked("a rule", panic) },
        };
        let failure = Arc::new(failure);
        self.run.tell(&Event::RuleFailed(failure.clone()));
        self.report.failed_rules.push(failure);
    }

    fn image_ended(&mut self, ended: Result<(Id, Ended), JoinError>) {
        match ended {
            Ok((id, ended)) => {
                self.in_work.remove(&id);
                for (lane, outcome) in ended {
                    self.end(lane.image.clone(), outcome);
                }
            }
            Err(panic) => {
                let Some(images) = self.in_work.remove(&panic.id()) else { return };
                let place = images.first().map_or("", |image| &*image.source);
                let error = Arc::new(panicked(place, panic));
                for image in images {
                    self.end(image, Outcome::Failed(error.clone()));
                }
            }
        }
    }

    fn end(&mut self, image: Arc<Image>, outcome: Outcome) {
        self.run.tell(&Event::ImageFinished { image: image.clone(), outcome: outcome.clone() });
        self.report.images.push(ImageReport { image, outcome });
    }

    /// Stops all work; what was planned is reported as not done.
    async fn stop(&mut self) {
        self.report.unfinished_rules = self.discoveries.len();
        self.discoveries.shutdown().await;
        self.images.abort_all();
        // What had ended just before still counts as it ended.
        while let Some(ended) = self.images.join_next_with_id().await {
            if !ended.as_ref().is_err_and(JoinError::is_cancelled) {
                self.image_ended(ended);
            }
        }
        let in_work: Vec<_> = self.in_work.drain().flat_map(|(_, images)| images).collect();
        for image in in_work {
            self.end(image, Outcome::NotDone);
        }
        self.planned.close();
        while let Some(planned) = self.planned.recv().await {
            for (image, _) in planned.ways {
                self.end(image, Outcome::NotDone);
            }
        }
    }

    fn into_report(self) -> Report {
        let mut report = self.report;
        report.moved_bytes = self.run.moved_bytes.load(Ordering::Relaxed);
        report.saved_bytes = self.run.saved_bytes.load(Ordering::Relaxed);
        report
    }
}

/// Whether a name at a target is free for an image.
enum Name {
    Free,
    SameImage,
    Taken(Error),
}
