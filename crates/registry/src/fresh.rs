//! A value that is fetched once, kept while it is fresh, and then fetched again: a login, a cloud's key.
//!
//! If several callers need it at the same time, one of them fetches it; the others wait and get the same result, a failure
//! included. If the fetching caller is cancelled, the next one in the queue fetches it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a failure counts that a retry does not change: as long as the user needs to fix the cause and
/// try again, and long enough that thousands of images do not each retry.
pub(crate) const LASTING_FAILURE: Duration = Duration::from_secs(60);
/// The lifetime of a value that states none, or seems to have expired already: then the clocks differ, and
/// the server that takes the value decides.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
/// How long a value that is still valid is used after a failed renewal, before the next one.
const NEXT_RENEWAL: Duration = Duration::from_secs(10);
/// The same for a value whose end is not known: it may be valid for long, and asking may take half a minute.
const NEXT_RENEWAL_WITHOUT_END: Duration = Duration::from_secs(5 * 60);

/// A value that is fetched with `ask`, and its failures.
#[derive(Debug)]
pub struct Fresh<T, E> {
    /// Locked while a caller fetches the value.
    state: Mutex<State<T, E>>,
    /// Counts the answers, so that a waiting caller can tell a new answer from an earlier one.
    answers: AtomicU64,
}

/// A fetched value that is worth keeping.
#[derive(Clone, Debug)]
pub struct Kept<T> {
    value: T,
    renew_at: Option<Instant>,
    /// When it expires; `None` for never.
    end: Option<Instant>,
}

/// A failure that all waiting callers may get.
pub trait Failure: Clone {
    /// Whether it stays until the user changes something. After any other failure, the next caller tries again.
    fn is_lasting(&self) -> bool;
}

#[derive(Debug)]
struct State<T, E> {
    known: Option<Known<T, E>>,
    /// The last value, also if it was refused or forgotten.
    last: Option<T>,
}

#[derive(Debug)]
struct Known<T, E> {
    said: Result<T, E>,
    /// When it is fetched again; `None` for never.
    until: Option<Instant>,
    /// When it expires, even if fetching it again fails; `None` for never.
    end: Option<Instant>,
}

impl<T> Kept<T> {
    /// A value that never expires.
    pub fn always(value: T) -> Self {
        Self { value, renew_at: None, end: None }
    }

    /// A value that expires at `moment`; `None` for never.
    pub fn until(value: T, moment: Option<Instant>) -> Self {
        Self { value, renew_at: moment, end: moment }
    }

    /// A value that is fetched again at `renew_at`, and used on if that fails: nobody knows when it expires.
    pub fn renewed_at(value: T, renew_at: Option<Instant>) -> Self {
        Self { value, renew_at, end: None }
    }

    /// A value that lives for `lifetime`, counted from `asked`, the moment before the request. It is renewed earlier (see
    /// [`renew_at`]), and used to its end if that fails.
    pub fn for_lifetime(value: T, asked: Instant, lifetime: Duration) -> Self {
        let end = asked.checked_add(or_default(lifetime));
        Self { value, renew_at: renew_at(asked, lifetime), end }
    }
}

/// When to renew a value that lives for `lifetime`, counted from `asked`: with a fifth of its life left, so that even a value
/// that lives for seconds serves more than one request. `None` for a time beyond the clock's range.
///
/// A lifetime of zero means nothing, and counts as a minute.
pub fn renew_at(asked: Instant, lifetime: Duration) -> Option<Instant> {
    let lifetime = or_default(lifetime);
    asked.checked_add(lifetime.saturating_sub(lifetime / 5))
}

fn or_default(lifetime: Duration) -> Duration {
    if lifetime.is_zero() { DEFAULT_LIFETIME } else { lifetime }
}

impl<T, E> Default for Fresh<T, E> {
    fn default() -> Self {
        let state = State { known: None, last: None };
        Self { state: Mutex::new(state), answers: AtomicU64::default() }
    }
}

impl<T: Clone, E: Failure> Fresh<T, E> {
    /// The fresh value, or the result of `ask`. `ask` runs only if no other caller has fetched a value meanwhile.
    ///
    /// # Errors
    /// The failure of the fetching caller, unless the previous value is still valid.
    pub async fn get(&self, ask: impl Future<Output = Result<Kept<T>, E>>) -> Result<T, E> {
        self.get_other(|_| false, ask).await
    }

    /// The same, but fetches again if the value `is_useless`, because it was refused.
    ///
    /// # Errors
    /// The failure of the fetching caller, unless the previous value is still valid and not useless.
    pub async fn get_other(
        &self,
        is_useless: impl Fn(&T) -> bool,
        ask: impl Future<Output = Result<Kept<T>, E>>,
    ) -> Result<T, E> {
        let at_arrival = self.answers.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let came_meanwhile = self.answers.load(Ordering::Acquire) != at_arrival;
        if let Some(known) = &state.known
            && (came_meanwhile || known.counts())
            && !known.said.as_ref().is_ok_and(&is_useless)
        {
            return known.said.clone();
        }
        let answer = ask.await;
        self.answers.fetch_add(1, Ordering::Release);
        if let Ok(kept) = &answer {
            state.last = Some(kept.value.clone());
        } else if let Some(known) = &mut state.known
            && known.lives()
            && !known.said.as_ref().is_ok_and(&is_useless)
        {
            known.put_off();
            return known.said.clone();
        }
        state.known.insert(Known::new(answer)).said.clone()
    }

    /// Forgets the value, if `is_meant` returns true for it.
    pub async fn forget(&self, is_meant: impl Fn(&T) -> bool) {
        let mut state = self.state.lock().await;
        if state.known.as_ref().is_some_and(|known| known.said.as_ref().is_ok_and(is_meant)) {
            state.known = None;
        }
    }

    /// The last value, even if a later renewal failed, or if it was forgotten.
    pub async fn last(&self) -> Option<T> {
        self.state.lock().await.last.clone()
    }
}

impl<T, E: Failure> Known<T, E> {
    fn new(answer: Result<Kept<T>, E>) -> Self {
        match answer {
            Ok(Kept { value, renew_at, end }) => Self { said: Ok(value), until: renew_at, end },
            Err(failure) => {
                let lasts = if failure.is_lasting() { LASTING_FAILURE } else { Duration::ZERO };
                let until = Some(Instant::now() + lasts);
                Self { said: Err(failure), until, end: until }
            }
        }
    }

    fn counts(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }

    /// Whether it is a value that is still valid although its renewal is due.
    fn lives(&self) -> bool {
        self.said.is_ok() && self.end.is_none_or(|end| Instant::now() < end)
    }

    /// Postpones its renewal, at most to its end.
    fn put_off(&mut self) {
        let now = Instant::now();
        self.until = Some(match self.end {
            Some(end) => end.min(now + NEXT_RENEWAL),
            None => now + NEXT_RENEWAL_WITHOUT_END,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use tokio::time::sleep;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum No {
        Passing,
        Lasting,
    }

    impl Failure for No {
        fn is_lasting(&self) -> bool {
            *self == Self::Lasting
        }
    }

    /// Counts the fetches; each takes a second.
    #[derive(Clone, Default)]
    struct Source(Arc<Fresh<usize, No>>, Arc<AtomicUsize>);

    impl Source {
        fn asked(&self) -> usize {
            self.1.load(Ordering::Relaxed)
        }

        async fn say(&self, lifetime: Result<Duration, No>) -> Result<Kept<usize>, No> {
            let (asked, number) = (Instant::now(), self.1.fetch_add(1, Ordering::Relaxed) + 1);
            sleep(Duration::from_secs(1)).await;
            lifetime.map(|lifetime| Kept::for_lifetime(number, asked, lifetime))
        }

        async fn get(&self, lifetime: Result<u64, No>) -> Result<usize, No> {
            self.0.get(self.say(lifetime.map(Duration::from_secs))).await
        }

        async fn all(&self, lifetime: Result<u64, No>) -> Vec<Result<usize, No>> {
            futures_util::future::join_all((0..50).map(|_| self.get(lifetime))).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn p22_many_ask_once_and_again_when_a_fifth_of_the_life_is_left() {
        let source = Source::default();
        assert_eq!(source.all(Ok(3600)).await, vec![Ok(1); 50]);
        sleep(Duration::from_secs(2878)).await;
        assert_eq!(source.get(Ok(3600)).await, Ok(1));
        sleep(Duration::from_secs(2)).await;
        assert_eq!((source.all(Ok(3600)).await, source.asked()), (vec![Ok(2); 50], 2));
    }

    #[tokio::test(start_paused = true)]
    async fn p22_short_lives_are_used_and_no_life_is_too_long() {
        for (lifetime, uses) in [(300, 239), (10, 7), (0, 47), (u64::MAX, 500)] {
            let source = Source::default();
            source.get(Ok(lifetime)).await.unwrap();
            sleep(Duration::from_secs(uses - 1)).await;
            assert_eq!(source.get(Ok(lifetime)).await, Ok(1), "{lifetime}");
        }
        assert_eq!(renew_at(Instant::now(), Duration::MAX), None);
        // A value that has expired on arrival goes to the callers that waited for it, and to no others.
        let source = Source::default();
        assert_eq!(source.all(Ok(1)).await, vec![Ok(1); 50]);
        assert_eq!(source.get(Ok(1)).await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn p22_a_failure_is_shared_and_remembered_only_if_it_lasts() {
        let source = Source::default();
        assert_eq!((source.all(Err(No::Passing)).await, source.asked()), (vec![Err(No::Passing); 50], 1));
        assert_eq!(source.get(Ok(60)).await, Ok(2), "what passes is asked for again");
        let source = Source::default();
        assert_eq!(source.all(Err(No::Lasting)).await, vec![Err(No::Lasting); 50]);
        sleep(Duration::from_secs(59)).await;
        assert_eq!(source.get(Ok(60)).await, Err(No::Lasting));
        sleep(Duration::from_secs(1)).await;
        assert_eq!((source.get(Ok(60)).await, source.asked()), (Ok(2), 2), "somebody may have mended it");
    }

    #[tokio::test(start_paused = true)]
    async fn p22_a_failed_renewal_leaves_the_value_its_life_and_is_not_repeated_at_each_request() {
        for failure in [No::Passing, No::Lasting] {
            let source = Source::default();
            assert_eq!(source.get(Ok(100)).await, Ok(1));
            sleep(Duration::from_secs(80)).await;
            assert_eq!((source.all(Err(failure)).await, source.asked()), (vec![Ok(1); 50], 2));
            assert_eq!((source.get(Err(failure)).await, source.asked()), (Ok(1), 2));
            sleep(Duration::from_secs(10)).await;
            assert_eq!((source.get(Err(failure)).await, source.asked()), (Ok(1), 3));
            sleep(Duration::from_secs(10)).await;
            assert_eq!((source.get(Err(failure)).await, source.asked()), (Err(failure), 4));
            assert_eq!(
                source.0.last().await,
                Some(1),
                "whoever explains the failure asks where it came from"
            );
        }
        let source = Source::default();
        source.get(Ok(100)).await.unwrap();
        sleep(Duration::from_secs(80)).await;
        assert_eq!((source.get(Err(No::Passing)).await, source.get(Ok(100)).await), (Ok(1), Ok(1)));
        sleep(Duration::from_secs(10)).await;
        assert_eq!(source.get(Ok(100)).await, Ok(3), "renewed before its end");
    }

    #[tokio::test(start_paused = true)]
    async fn p22_a_value_without_a_known_end_outlives_failed_renewals() {
        for failure in [No::Passing, No::Lasting] {
            let source = Source::default();
            let half_an_hour = Duration::from_secs(30 * 60);
            let endless = async {
                source.say(Ok(half_an_hour)).await.map(|kept| Kept::renewed_at(kept.value, kept.renew_at))
            };
            assert_eq!(source.0.get(endless).await, Ok(1));
            sleep(half_an_hour).await;
            assert_eq!((source.all(Err(failure)).await, source.asked()), (vec![Ok(1); 50], 2));
            sleep(NEXT_RENEWAL_WITHOUT_END.saturating_sub(Duration::from_secs(2))).await;
            assert_eq!((source.get(Err(failure)).await, source.asked()), (Ok(1), 2));
            sleep(Duration::from_secs(2)).await;
            assert_eq!((source.get(Err(failure)).await, source.asked()), (Ok(1), 3));
            source.0.forget(|value| *value == 1).await;
            assert_eq!(source.get(Err(failure)).await, Err(failure), "the registry refused it");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn p22_what_was_refused_is_not_given_again_because_asking_failed() {
        let source = Source::default();
        source.get(Ok(3600)).await.unwrap();
        let asked = source.0.get_other(|value| *value == 1, source.say(Err(No::Passing))).await;
        assert_eq!((asked, source.get(Err(No::Passing)).await), (Err(No::Passing), Err(No::Passing)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_cancelled_while_asking_leaves_it_to_the_next() {
        let source = Source::default();
        let stuck = source.clone();
        let stuck = tokio::spawn(async move { stuck.0.get(pending()).await });
        tokio::task::yield_now().await;
        let waiting = source.clone();
        let waiting = tokio::spawn(async move { waiting.get(Ok(60)).await });
        tokio::task::yield_now().await;
        stuck.abort();
        assert_eq!(waiting.await.unwrap(), Ok(1));
        assert_eq!((source.get(Ok(60)).await, source.asked()), (Ok(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_refused_is_asked_for_once_more() {
        let source = Source::default();
        source.get(Ok(3600)).await.unwrap();
        let minute = Ok(Duration::from_secs(60));
        let other = |_| source.0.get_other(|value| *value == 1, source.say(minute));
        assert_eq!(futures_util::future::join_all((0..9).map(other)).await, vec![Ok(2); 9]);
        source.0.forget(|value| *value == 1).await;
        assert_eq!((source.get(Ok(60)).await, source.0.last().await), (Ok(2), Some(2)));
        source.0.forget(|value| *value == 2).await;
        assert_eq!((source.get(Ok(60)).await, source.asked()), (Ok(3), 3));
    }
}
