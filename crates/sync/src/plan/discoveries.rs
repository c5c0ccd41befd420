//! What the discoveries of a run share.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use crate::engine::run::Run;
use crate::memory::target_repository::Found;
use crate::plan::assignment::BoundAssignment;
use crate::plan::awaited::Owed;
use crate::plan::followers::is_follower;
use crate::plan::place::Place;
use crate::plan::planned::Planned;
use crate::plan::rivals::Rivals;
use crate::plan::task::BoundTask;
use crate::plan::task_order::{TaskOrder, Turn, writes};
use crate::plan::turns::Turns;
use crate::{Cause, Error, Event, Operation, RuleFailure, Side};

/// What the discoveries of a run share.
pub(crate) struct Discoveries {
    pub(crate) run: Arc<Run>,
    pub(crate) plan: mpsc::Sender<Planned>,
    pub(crate) turns: Turns,
    pub(crate) rivals: Arc<Rivals>,
}

impl Discoveries {
    /// Plans the images of tasks. A task that reads what another task writes waits for that one, whichever rule it
    /// belongs to.
    pub(crate) async fn of_tasks(
        self: Arc<Self>,
        tasks: Vec<BoundTask>,
        index: usize,
        order: Arc<TaskOrder>,
    ) -> Vec<RuleFailure> {
        let mut owed = Owed::new(&self.run.awaited, tasks.iter().map(|bound| writes(&bound.task)));
        // Referrer tags follow their subject, which has to be planned before.
        let (followers, leaders): (Vec<_>, Vec<_>) =
            tasks.into_iter().partition(|bound| is_follower(&bound.task.image.source_reference));
        let (waiting, mut refused) = (FuturesUnordered::new(), Refused::default());
        for bound in leaders.into_iter().chain(followers) {
            match order.turn(&bound.task) {
                Turn::Now => self.send_task(bound, &mut owed).await,
                Turn::After(place) => waiting.push(self.when_it_may_go(bound, place)),
                Turn::Never(cause) => refused.add(&bound, index, cause),
            }
        }
        let mut waiting = waiting;
        while let Some(bound) = waiting.next().await {
            self.send_task(bound, &mut owed).await;
        }
        refused.failures
    }

    async fn when_it_may_go(&self, bound: BoundTask, place: Place) -> BoundTask {
        // The promise is ignored, because a task names its own digest.
        let _ = self.run.awaited.ended(&place).await;
        bound
    }

    async fn send_task(&self, bound: BoundTask, owed: &mut Owed<'_>) {
        owed.are_on_their_way(std::iter::once(writes(&bound.task)));
        self.send(Planned::of_task(bound)).await;
    }

    /// Plans the images of assignments. An assignment that reads what another one writes comes after it.
    pub(crate) async fn of_assignments(self: Arc<Self>, bound: Vec<BoundAssignment>) -> Vec<RuleFailure> {
        let places = |bound: &BoundAssignment| -> Vec<Place> {
            let images = bound.assignment.images.iter();
            images.map(|image| Place::new(&image.target, &image.target_reference)).collect()
        };
        let written: HashSet<Place> = bound.iter().flat_map(places).collect();
        let awaited_place = |bound: &BoundAssignment| {
            let image = bound.assignment.images.first()?;
            let place = Place::new(&image.source, &image.source_reference);
            (written.contains(&place) && !places(bound).contains(&place)).then_some(place)
        };
        let (mut ready, mut waiting) = (Vec::new(), FuturesUnordered::new());
        for assignment in bound {
            let Some(place) = awaited_place(&assignment) else {
                ready.extend(Planned::of_assignment(assignment, Found::Named));
                continue;
            };
            self.run.awaited.expect(&place);
            let awaited = self.run.awaited.clone();
            waiting.push(async move {
                awaited.ended(&place).await;
                Planned::of_assignment(assignment, Found::Promised)
            });
        }
        let (followers, leaders): (Vec<_>, Vec<_>) =
            ready.into_iter().partition(|planned| is_follower(&planned.image.reference));
        for planned in leaders.into_iter().chain(followers) {
            self.send(planned).await;
        }
        while let Some(planned) = waiting.next().await {
            if let Some(planned) = planned {
                self.send(planned).await;
            }
        }
        Vec::new()
    }

    /// Sends an image to the schedule. If the run was stopped, the receiver is gone.
    async fn send(&self, planned: Planned) {
        let Ok(room) = self.plan.reserve().await else { return };
        planned.ways.iter().for_each(|(image, _)| self.run.tell(&Event::ImagePlanned(image.clone())));
        room.send(planned);
    }
}

/// Tasks in a cycle, which can never run. Each cycle is reported once.
#[derive(Default)]
struct Refused {
    told: HashSet<Vec<String>>,
    failures: Vec<RuleFailure>,
}

impl Refused {
    fn add(&mut self, bound: &BoundTask, rule: usize, cause: Cause) {
        let Cause::Circle { names } = &cause else { return };
        if self.told.insert(names.clone()) {
            let source = bound.task.image.source.clone();
            let (side, place, operation) = (Side::Source, source.to_string(), Operation::Pair);
            let error = Arc::new(Error { side, place, operation, cause });
            self.failures.push(RuleFailure { rule, source, error });
        }
    }
}
