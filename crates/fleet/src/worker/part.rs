//! Decides what a worker does with a run's jobs, by the refusals of its login and the other live workers.

use super::refusal::{Part, Refusal};
use super::shared::Shared;
use crate::beat::Sign;
use crate::message::beat::{AnyBeat, Beat};

impl Shared {
    /// What this worker does with a run's jobs.
    pub(super) fn part_in(&self, run: &str) -> Part {
        // Beats do not age while NATS is away, so an outage does not make this worker the last one.
        let (signs, now) = (self.live.signs(), self.worker.connection.uptime.now());
        let is_alone = !signs.iter().any(|sign| sign.is_alive(now) && self.may_bring(sign, run));
        self.refusals().part(run, is_alone, now)
    }

    /// Reports that a login was refused; returns what this worker does with the run's jobs from now on.
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

    /// Whether the beat is of another worker, which may have the login that this one lacks.
    fn may_bring(&self, sign: &Sign, run: &str) -> bool {
        let is_other = |beat: &Beat| {
            beat.worker != self.worker.connection.name
                && beat.config == self.worker.config
                && beat.refused_for(run).is_none()
        };
        matches!(&sign.beat, AnyBeat::Ours(beat) if is_other(beat))
    }
}
