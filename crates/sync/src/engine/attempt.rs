//! An attempt at a registry begins when the registry's breaker admits it, and reports its result to the breaker.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::endpoint::{Source, StoreId, Target};
use crate::engine::breaker::{Admission, Begun, Breaker};
use crate::engine::deadline::Deadline;
use crate::lock::lock;
use crate::{Cause, Error, NoAnswer};

/// How often a waiting attempt asks the breaker again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The breakers of all registries of an engine.
#[derive(Default)]
pub(crate) struct Breakers(Mutex<HashMap<StoreId, Arc<Mutex<Breaker>>>>);

/// The registry that an attempt needs.
pub(crate) struct Needed {
    pub(crate) host: StoreId,
    answers: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// Why an attempt does not begin.
#[derive(Clone)]
pub(crate) enum Refused {
    NoAnswer(NoAnswer),
    Stopped,
}

impl From<Refused> for Cause {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NoAnswer(silence) => Self::NoAnswer(silence),
            Refused::Stopped => Self::Stopped,
        }
    }
}

/// A running attempt. If it is dropped before its end, it does not count, and the next attempt may be the probe.
pub(crate) struct Attempt {
    needed: Needed,
    breaker: Arc<Mutex<Breaker>>,
    /// `None` when the result was reported.
    begun: Option<Begun>,
}

impl Needed {
    pub(crate) fn by_source(source: &Arc<dyn Source>) -> Self {
        let (host, source) = (source.store().clone(), source.clone());
        Self { host, answers: Box::new(move || source.answers()) }
    }

    pub(crate) fn by_target(target: &Arc<dyn Target>) -> Self {
        let (host, target) = (target.store().clone(), target.clone());
        Self { host, answers: Box::new(move || target.answers()) }
    }
}

impl Breakers {
    /// Begins an attempt, or says that none begins; returns `needed` if the attempt has to wait.
    pub(crate) fn begin_now(&self, needed: Needed) -> Result<Result<Attempt, Refused>, Needed> {
        let breaker = lock(&self.0).entry(needed.host.clone()).or_default().clone();
        let admission = lock(&breaker).admit(Instant::now(), (needed.answers)());
        match admission {
            Admission::Begin(begun) => Ok(Ok(Attempt { needed, breaker, begun: Some(begun) })),
            Admission::Refused(silence) => Ok(Err(Refused::NoAnswer(silence))),
            Admission::Wait => Err(needed),
        }
    }

    /// Begins an attempt as soon as the store's breaker admits it.
    ///
    /// # Errors
    /// The breaker refuses the store, or the run stops.
    pub(crate) async fn begin(&self, needed: Needed, deadline: &Deadline) -> Result<Attempt, Refused> {
        let mut needed = needed;
        loop {
            match self.begin_now(needed) {
                Ok(admitted) => return admitted,
                // A run that is stopping begins no new attempts.
                Err(_) if deadline.is_set() => return Err(Refused::Stopped),
                Err(waiting) => needed = waiting,
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

impl Attempt {
    pub(crate) fn host(&self) -> &StoreId {
        &self.needed.host
    }

    /// Reports the result. A failure counts only if the registry could not be reached.
    pub(crate) fn end(mut self, failure: Option<&Arc<Error>>) {
        self.tell(failure.filter(|error| error.is_no_answer()));
    }

    fn tell(&mut self, failure: Option<&Arc<Error>>) {
        let Some(begun) = self.begun.take() else { return };
        let answers = (self.needed.answers)();
        lock(&self.breaker).end(Instant::now(), begun, answers, failure);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.tell(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::fixtures::broken;

    fn needed() -> Needed {
        Needed { host: StoreId::new("r.io"), answers: Box::new(|| 0) }
    }

    fn begin(breakers: &Breakers) -> Option<Attempt> {
        breakers.begin_now(needed()).ok()?.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_given_up_leaves_the_try_to_the_next() {
        let breakers = Breakers::default();
        let failure = Arc::new(broken());
        while let Some(attempt) = begin(&breakers) {
            attempt.end(Some(&failure));
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        let tried = begin(&breakers).unwrap();
        assert!(begin(&breakers).is_none(), "one at a time");
        drop(tried);
        let tried = begin(&breakers).expect("the try was given back");
        tried.end(Some(&failure));
        assert!(begin(&breakers).is_none(), "one that has ended is not given back");
    }
}
