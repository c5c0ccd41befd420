//! A circuit breaker: decides whether requests to a registry that cannot be reached are admitted. Does no I/O.
//!
//! A failure counts if the registry gave no answer at all and the retries are used up; any answer from the registry
//! resets the count. After several failures in a row the breaker admits only a probe now and then, until the first
//! answer.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::{Error, NoAnswer};

/// This many failures without any answer are not caused by one image.
const MOST_IN_A_ROW: u32 = 5;
/// How long images wait for a registry that answered before: a restart must not fail the rest of a run.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between the end of one probe and the next.
const BETWEEN_TRIES: Duration = Duration::from_secs(10);
/// After this time a new probe may begin, even if the last one has not ended.
const LONGEST_TRY: Duration = Duration::from_secs(120);

/// The state of one registry.
#[derive(Default)]
pub(crate) struct Breaker {
    /// How many answers it had given at the last check.
    answers: u64,
    /// Failures since then.
    in_a_row: u32,
    open: Option<Open>,
}

/// A registry that does not answer.
struct Open {
    last: Arc<Error>,
    patience_ends: Instant,
    next_try: Instant,
}

/// Whether an attempt may begin.
pub(crate) enum Admission {
    Begin(Begun),
    /// Ask again in a moment.
    Wait,
    /// The same error for all attempts, so that it is reported once.
    Refused(NoAnswer),
}

/// An attempt that has begun.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    answers: u64,
    is_try: bool,
}

impl Breaker {
    /// Whether an attempt may begin. `answers` is how many answers the registry has given so far.
    pub(crate) fn admit(&mut self, now: Instant, answers: u64) -> Admission {
        self.look(answers);
        let Some(open) = &mut self.open else { return Admission::Begin(Begun { answers, is_try: false }) };
        if now >= open.next_try {
            open.next_try = now + LONGEST_TRY;
            Admission::Begin(Begun { answers, is_try: true })
        } else if now < open.patience_ends {
            Admission::Wait
        } else {
            Admission::Refused(NoAnswer { in_a_row: MOST_IN_A_ROW, last: open.last.clone() })
        }
    }

    /// An attempt has ended; `failure` is set if the registry could not be reached.
    pub(crate) fn end(&mut self, now: Instant, begun: Begun, answers: u64, failure: Option<&Arc<Error>>) {
        self.look(answers);
        if let Some(open) = self.open.as_mut().filter(|_| begun.is_try) {
            // A probe that never reached the registry does not count: the next one may begin at once.
            open.next_try = if failure.is_some() { now + BETWEEN_TRIES } else { now };
        }
        let Some(last) = failure.filter(|_| answers == begun.answers) else { return };
        self.in_a_row += 1;
        if self.in_a_row >= MOST_IN_A_ROW && self.open.is_none() {
            self.open(now, last.clone());
        }
    }

    fn open(&mut self, now: Instant, last: Arc<Error>) {
        let may_come_back = self.answers > 0 && last.is_retryable();
        let patience = if may_come_back { PATIENCE } else { Duration::ZERO };
        self.open = Some(Open { last, patience_ends: now + patience, next_try: now + BETWEEN_TRIES });
    }

    fn look(&mut self, answers: u64) {
        if answers > self.answers {
            *self = Self { answers, ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::fixtures::{broken, refused};

    const NEVER: u64 = 0;

    struct World {
        breaker: Breaker,
        now: Instant,
    }

    impl World {
        fn new() -> Self {
            Self { breaker: Breaker::default(), now: Instant::now() }
        }

        fn after(&mut self, seconds: u64) -> &mut Self {
            self.now += Duration::from_secs(seconds);
            self
        }

        fn begin(&mut self, answers: u64) -> Option<Begun> {
            match self.breaker.admit(self.now, answers) {
                Admission::Begin(begun) => Some(begun),
                Admission::Wait | Admission::Refused(_) => None,
            }
        }

        fn waits(&mut self, answers: u64) -> bool {
            matches!(self.breaker.admit(self.now, answers), Admission::Wait)
        }

        fn is_refused(&mut self, answers: u64) -> bool {
            matches!(self.breaker.admit(self.now, answers), Admission::Refused(_))
        }

        fn end(&mut self, begun: Begun, answers: u64, failure: Option<Error>) {
            self.breaker.end(self.now, begun, answers, failure.map(Arc::new).as_ref());
        }

        fn fail(&mut self, times: u32, answers: u64) {
            for _ in 0..times {
                let begun = self.begin(answers).unwrap();
                self.end(begun, answers, Some(broken()));
            }
        }
    }

    #[test]
    fn a_registry_that_never_answered_is_given_up_after_five_in_a_row() {
        let mut world = World::new();
        world.fail(MOST_IN_A_ROW - 1, NEVER);
        assert!(world.begin(NEVER).is_some());
        world.fail(1, NEVER);
        assert!(world.is_refused(NEVER));
    }

    #[test]
    fn one_answer_in_between_ends_the_count() {
        let mut world = World::new();
        world.fail(MOST_IN_A_ROW - 1, 7);
        world.fail(MOST_IN_A_ROW - 1, 8);
        assert!(world.begin(8).is_some());
        world.fail(1, 8);
        assert!(world.begin(8).is_none());
    }

    #[test]
    fn what_was_answered_before_it_failed_is_an_image_of_its_own_trouble() {
        let mut world = World::new();
        for answers in 0..20 {
            let begun = world.begin(answers).unwrap();
            world.end(begun, answers + 1, Some(broken()));
        }
        assert!(world.begin(20).is_some());
    }

    #[test]
    fn what_ends_well_without_an_answer_says_nothing() {
        let mut world = World::new();
        world.fail(MOST_IN_A_ROW - 1, NEVER);
        let begun = world.begin(NEVER).unwrap();
        world.end(begun, NEVER, None);
        assert!(world.begin(NEVER).is_some());
        world.fail(1, NEVER);
        assert!(world.is_refused(NEVER));
    }

    #[test]
    fn a_registry_that_did_answer_is_waited_for_before_it_is_given_up() {
        let mut world = World::new();
        world.fail(MOST_IN_A_ROW, 3);
        assert!(world.waits(3));
        for _ in 0..2 {
            let tried = world.after(BETWEEN_TRIES.as_secs()).begin(3).unwrap();
            assert!(world.waits(3), "one at a time");
            world.end(tried, 3, Some(broken()));
        }
        assert!(world.after(9).waits(3));
        assert!(world.after(1).begin(3).is_some());
        assert!(world.is_refused(3));
    }

    #[test]
    fn what_no_waiting_heals_is_not_waited_for() {
        let mut world = World::new();
        for _ in 0..MOST_IN_A_ROW {
            let begun = world.begin(3).unwrap();
            world.end(begun, 3, Some(refused(404, None)));
        }
        assert!(world.is_refused(3));
    }

    #[test]
    fn the_first_answer_lets_all_begin_again() {
        let mut world = World::new();
        world.fail(MOST_IN_A_ROW, NEVER);
        assert!(world.is_refused(NEVER));
        assert!(world.after(BETWEEN_TRIES.as_secs()).begin(NEVER).is_some());
        assert!(world.is_refused(NEVER), "one at a time");
        assert!(world.begin(1).is_some(), "the try need not have ended");
        world.fail(MOST_IN_A_ROW - 1, 1);
        assert!(world.begin(1).is_some(), "the count begins anew");
    }

    #[test]
    fn a_try_that_never_asked_or_never_ends_gives_way_to_another() {
        let mut world = World::new();
        world.fail(MOST_IN_A_ROW, NEVER);
        let tried = world.after(BETWEEN_TRIES.as_secs()).begin(NEVER).unwrap();
        world.end(tried, NEVER, None);
        assert!(world.begin(NEVER).is_some());
        assert!(world.after(LONGEST_TRY.as_secs() - 1).is_refused(NEVER));
        assert!(world.after(1).begin(NEVER).is_some());
    }

    #[test]
    fn all_are_refused_in_the_same_words() {
        let mut world = World::new();
        world.fail(MOST_IN_A_ROW, NEVER);
        let tried = world.after(BETWEEN_TRIES.as_secs()).begin(NEVER).unwrap();
        world.end(tried, NEVER, Some(refused(503, None)));
        let Admission::Refused(NoAnswer { in_a_row, last }) = world.breaker.admit(world.now, NEVER) else {
            panic!("it is refused")
        };
        assert_eq!((in_a_row, last.kind()), (MOST_IN_A_ROW, broken().kind()));
    }
}
