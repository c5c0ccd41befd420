//! What a worker does with a run's jobs, by what registries have said to its login and who else is there.

use super::refusal::{Part, Refusal};
use super::shared::Shared;
use crate::beat::Sign;
use crate::message::beat::{AnyBeat, Beat};

impl Shared {
    /// What this worker does with a run's jobs.
    pub(super) fn part_in(&self, run: &str) -> Part {
        // While NATS is away, nobody's sign of life ages: nobody becomes the last one by it.
        let (signs, now) = (self.live.signs(), self.worker.connection.uptime.now());
        let is_alone = !signs.iter().any(|sign| sign.is_alive(now) && self.may_bring(sign, run));
        self.refusals().part(run, is_alone, now)
    }

    /// Tells that a login was refused, and says what is done with the run's jobs from now on.
    pub(super) async fn refused(&self, run: &str, refusal: &Refusal) -> Part {
        if self.refusals().add(run, &refusal.why) {
            let worker = &self.worker.connection.name;
            (self.worker.say)(&format!(
                "run {run}: the login of worker {worker} is refused ({}): it gives the job back and leaves the run to others, if there are any. {}; then start this worker again",
                refusal.why, refusal.next
            ));
            self.tell_of_life(false).await;
        }
        self.part_in(run)
    }

    /// Whether somebody else may have the login that this worker lacks.
    fn may_bring(&self, sign: &Sign, run: &str) -> bool {
        let is_other = |beat: &Beat| {
            beat.worker != self.worker.connection.name
                && beat.config == self.worker.config
                && beat.refused_for(run).is_none()
        };
        matches!(&sign.beat, AnyBeat::Ours(beat) if is_other(beat))
    }
}
