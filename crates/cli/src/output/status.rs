//! The status of a verb without a picture: a line in answer to SIGUSR1.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::amount_text::took;
use super::hosts::AskHosts;
use super::{foreign, remainder, standard};

/// The number of items in work to name.
const NAMED: usize = 3;

/// What a verb is doing. Clones share it.
#[derive(Clone)]
pub(crate) struct Status {
    started: Instant,
    now: Arc<Mutex<Words>>,
    ask_hosts: Arc<AskHosts>,
}

type Words = Box<dyn Fn() -> String + Send>;

impl Status {
    /// `ask_hosts` returns the hosts that cause delays.
    pub(crate) fn begin(words: impl Fn() -> String + Send + 'static, ask_hosts: AskHosts) -> Self {
        let now: Words = Box::new(words);
        Self { started: Instant::now(), now: Arc::new(Mutex::new(now)), ask_hosts: Arc::new(ask_hosts) }
    }

    /// From now on, the verb does something else.
    pub(crate) fn becomes(&self, words: impl Fn() -> String + Send + 'static) {
        *self.lock() = Box::new(words);
    }

    /// Prints the status on stderr.
    pub(crate) fn tell(&self) {
        standard::stderr_text(&foreign::lines(&self.line(self.started.elapsed())));
    }

    fn line(&self, elapsed: Duration) -> String {
        let mut line = format!("status after {}: {}", took(elapsed), (self.lock())());
        for slow in (self.ask_hosts)().into_iter().take(NAMED) {
            let _ = write!(line, "; {slow}");
        }
        line
    }

    fn lock(&self) -> MutexGuard<'_, Words> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Items that are checked, some at the same time. Clones share it.
#[derive(Clone)]
pub(crate) struct Several {
    /// The noun, singular and plural.
    noun: [&'static str; 2],
    all: usize,
    looked: Arc<Mutex<Looked>>,
}

#[derive(Default)]
struct Looked {
    done: usize,
    /// Names of the items in work, the longest-running first.
    in_work: Vec<String>,
}

impl Several {
    pub(crate) fn new(noun: [&'static str; 2], all: usize) -> Self {
        Self { noun, all, looked: Arc::default() }
    }

    /// Checks one item.
    pub(crate) async fn look<T>(&self, name: String, look: impl Future<Output = T>) -> T {
        self.lock().in_work.push(name.clone());
        let seen = look.await;
        let mut looked = self.lock();
        looked.done += 1;
        if let Some(place) = looked.in_work.iter().position(|other| *other == name) {
            looked.in_work.remove(place);
        }
        seen
    }

    /// `1 of 3 registries looked at, in work: r.io, q.io`
    pub(crate) fn words(&self) -> String {
        let looked = self.lock();
        let noun = self.noun[usize::from(self.all != 1)];
        let in_work = match remainder::list(&looked.in_work, NAMED) {
            none if none.is_empty() => none,
            names => format!(", in work: {names}"),
        };
        format!("{} of {} {noun} looked at{in_work}", looked.done, self.all)
    }

    fn lock(&self) -> MutexGuard<'_, Looked> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::future::{pending, ready};

    use futures_util::FutureExt as _;

    use super::*;
    use crate::output::hosts::SlowHost;

    #[test]
    fn who_asks_hears_what_is_done_just_now() {
        let slow = Arc::new(Mutex::new(Vec::new()));
        let asked = slow.clone();
        let ask_hosts = Box::new(move || asked.lock().unwrap().clone());
        let status = Status::begin(|| "reading the config".to_owned(), ask_hosts);
        let line = |status: &Status| status.line(Duration::from_secs(75));
        assert_eq!(line(&status), "status after 1 min 15 s: reading the config");
        let registries = Several::new(["registry", "registries"], 6);
        let shown = registries.clone();
        status.becomes(move || shown.words());
        assert_eq!(registries.look("a".to_owned(), ready(7)).now_or_never(), Some(7));
        assert!(line(&status).ends_with(": 1 of 6 registries looked at"), "{}", line(&status));
        let mut open: Vec<_> = ["b", "c", "d", "e", "f"]
            .map(|name| Box::pin(registries.look(name.to_owned(), pending::<()>())))
            .into();
        for look in &mut open {
            assert_eq!(look.now_or_never(), None);
        }
        let told = ": 1 of 6 registries looked at, in work: b, c, d and 2 more";
        assert!(line(&status).ends_with(told), "{}", line(&status));
        let (silent, of) = (Some(Duration::from_secs(12)), BTreeSet::default());
        slow.lock().unwrap().push(SlowHost {
            host: "r:1".to_owned(),
            pause: None,
            silent,
            at_once: None,
            of,
        });
        assert!(line(&status).ends_with(" and 2 more; r:1 has not answered for 12 s"), "{}", line(&status));
        assert_eq!(Several::new(["rule", "rules"], 1).words(), "0 of 1 rule looked at");
    }
}
