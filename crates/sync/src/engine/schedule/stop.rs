//! The end of a run that was asked to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;

use super::names::Name;
use super::{Schedule, Waiting};
use crate::engine::Turn;
use crate::engine::sampler::Sampler;
use crate::{Event, Outcome};

impl Schedule {
    /// Begins nothing new, and gives running images time to end. Reports all others as not done.
    pub(in crate::engine) async fn stop(&mut self, drain: Duration) {
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

    /// Ends the discovery of rules whose images are not all known. Rules that had finished before keep their result.
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
        // Images that had ended just before keep their result.
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

    /// Ends all queued images.
    async fn end_planned(&mut self) {
        // Taken first, so that none of them is queued when the image that it waits for ends.
        let others = self.names.take_waiting();
        self.in_queues.withdraw().into_iter().for_each(Turn::give_up);
        while self.waiting > 0
            && let Some((Waiting { way, .. }, _)) = self.begun.recv().await
        {
            self.waiting -= 1;
            self.end_unstarted(way.image, way.rule, Outcome::NotDone);
        }
        self.planned.close();
        let stands_by = self.sampler.as_mut().and_then(Sampler::stands_by);
        let mut waiting = self.followers.take().into_iter().chain(stands_by).chain(others);
        while let Some(planned) = match waiting.next() {
            Some(planned) => Some(planned),
            None => self.planned.recv().await,
        } {
            for (image, _) in planned.ways {
                // As when it is begun: if another rule asked for the same copy, that rule has reported it.
                match self.names.take(&image, planned.rule) {
                    Name::Free | Name::InWork => self.end_unstarted(image, planned.rule, Outcome::NotDone),
                    Name::SameImage => {}
                    Name::Taken(error) => {
                        self.end_unstarted(image, planned.rule, Outcome::Failed(Arc::new(error)));
                    }
                }
            }
        }
    }
}
