//! Tracks the requests without an answer, and since when nothing has moved for them: so a stalled run can show which host it
//! waits for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::origin::host_and_port;

/// A host that owes an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSilence {
    /// `host:port`
    pub host: String,
    /// How long the oldest request there has been without an answer; for an upload, since its last bytes were sent.
    pub waited: Duration,
}

/// The requests of one registry that are under way. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Unanswered(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    /// By consecutive numbers.
    requests: HashMap<u64, Asked>,
    last: u64,
    /// When bytes of a streamed body were last sent.
    gave: Option<Instant>,
}

struct Asked {
    host: String,
    begun: Instant,
    body: Body,
}

/// How a request's body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    AtOnce,
    PieceByPiece,
}

/// A request without an answer. It ends with its drop, when the answer came or the caller gave up.
pub(crate) struct Question {
    of: Unanswered,
    number: u64,
}

impl Unanswered {
    /// Notes that a request is sent.
    pub(crate) fn ask(&self, url: &url::Url, body: Body) -> Question {
        let host = host_and_port(url);
        let mut open = self.lock();
        open.last += 1;
        let number = open.last;
        open.requests.insert(number, Asked { host, begun: Instant::now(), body });
        drop(open);
        Question { of: self.clone(), number }
    }

    /// Notes that bytes of a request's body were sent.
    pub(crate) fn gave(&self) {
        self.lock().gave = Some(Instant::now());
    }

    /// The hosts that owe answers, each with its oldest request, in the order of their names.
    pub(crate) fn silences(&self) -> Vec<HostSilence> {
        let open = self.lock();
        let mut hosts = HashMap::<&str, Duration>::new();
        for Asked { host, begun, body } in open.requests.values() {
            let moved = open.gave.filter(|_| *body == Body::PieceByPiece);
            let since = moved.map_or(*begun, |moved| moved.max(*begun));
            let longest = hosts.entry(host).or_default();
            *longest = since.elapsed().max(*longest);
        }
        let silence = |(host, waited): (&str, Duration)| HostSilence { host: host.to_owned(), waited };
        let mut silences: Vec<_> = hosts.into_iter().map(silence).collect();
        silences.sort_by(|one, other| one.host.cmp(&other.host));
        silences
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Unanswered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Unanswered").field(&self.lock().requests.len()).finish()
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.of.lock().requests.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hosts that owe answers, the oldest request first.
    fn told(unanswered: &Unanswered) -> Vec<String> {
        unanswered.silences().into_iter().map(|silence| silence.host).collect()
    }

    #[test]
    fn a_host_owes_an_answer_until_it_comes_or_nobody_waits_for_it() {
        let unanswered = Unanswered::default();
        let ask = |url: &str| unanswered.ask(&url.parse().unwrap(), Body::AtOnce);
        let questions = [ask("https://r.io/v2/"), ask("http://q.io:5000/v2/a"), ask("https://r.io/v2/b")];
        assert_eq!(told(&unanswered), ["q.io:5000", "r.io:443"]);
        let [first, second, third] = questions;
        drop(third);
        drop(second);
        assert_eq!(told(&unanswered), ["r.io:443"]);
        drop(first);
        assert_eq!(told(&unanswered), [""; 0]);
    }

    #[test]
    fn a_host_that_is_being_sent_bytes_is_not_silent() {
        let url = "https://r.io/v2/".parse().unwrap();
        let waited = |body| {
            let unanswered = Unanswered::default();
            let question = unanswered.ask(&url, body);
            let begun = Instant::now().checked_sub(Duration::from_secs(100)).unwrap();
            unanswered.lock().requests.values_mut().for_each(|asked| asked.begun = begun);
            unanswered.gave();
            let waited = unanswered.silences().pop().unwrap().waited;
            drop(question);
            waited
        };
        assert!(waited(Body::PieceByPiece) < Duration::from_secs(50));
        assert!(waited(Body::AtOnce) >= Duration::from_secs(100), "what others send says nothing of it");
    }
}
