//! What the discoveries of a run share.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::engine::run::Run;
use crate::plan::followers::is_follower;
use crate::plan::planned::Planned;
use crate::plan::task::BoundTask;
use crate::plan::turns::Turns;
use crate::{Event, RuleFailure};

/// What all discoveries of a run share.
pub(crate) struct Discoveries {
    pub(crate) run: Arc<Run>,
    pub(crate) plan: mpsc::Sender<Planned>,
    pub(crate) turns: Turns,
}

impl Discoveries {
    /// Plans what was decided before.
    pub(crate) async fn of_tasks(self: Arc<Self>, tasks: Vec<BoundTask>) -> Vec<RuleFailure> {
        // What is made of another image's digest follows that image, which has to be planned before.
        let (followers, leaders): (Vec<_>, Vec<_>) =
            tasks.into_iter().partition(|bound| is_follower(&bound.task.image.source_reference));
        for task in leaders.into_iter().chain(followers) {
            // The receiver is gone when the run is stopped.
            let Ok(room) = self.plan.reserve().await else { break };
            let planned = Planned::of_task(task);
            planned.ways.iter().for_each(|(image, _)| self.run.tell(&Event::ImagePlanned(image.clone())));
            room.send(planned);
        }
        Vec::new()
    }
}
