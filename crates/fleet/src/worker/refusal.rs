//! Runs for which a registry refuses this worker's login. Their jobs are left to other workers, as long as there are any: failing is fast,
//! so one such worker would fail all jobs of a run.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use oci::ErrorKind;
use sync::endpoint::Scope;
use sync::{Error, Side};
use tokio::time::Instant;

use crate::message::beat::RefusedFor;
use crate::message::ended::Explain;

/// How long this worker must be the only one before its refusals count.
const ALONE: Duration = Duration::from_secs(20);

/// A refusal of a login, in words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Which registry refused it, and why.
    pub(super) why: String,
    pub(super) next: String,
}

impl Refusal {
    /// The refusal in an error, if it is about this worker's login.
    pub(super) fn of(error: &Error, explain: &Explain) -> Option<Self> {
        if !is_of_login(error) {
            return None;
        }
        let (why, next) = explain(error);
        let side = if error.side == Side::Target { "target" } else { "source" };
        Some(Self { why: format!("{side} {}: {why}", error.place), next })
    }
}

/// Whether the login is refused, or cannot be had. A token service that is away does not count: it is away for all workers.
fn is_of_login(error: &Error) -> bool {
    use ErrorKind::{Network, RateLimited, Stalled, Tls, Unavailable};

    error.endpoint().is_some_and(|error| {
        let is_away = matches!(error.kind, Network | RateLimited | Stalled | Tls | Unavailable);
        error.scope == Scope::Login && !is_away
    })
}

/// What a worker does with a run's jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Works,
    /// Its login was refused, and others may have better ones.
    LeavesToOthers,
    /// Its login was refused, and there is no other worker, so its failures count.
    IsLast,
}

/// The refusals, by run.
#[derive(Default)]
pub(super) struct Refusals(BTreeMap<String, Refused>);

struct Refused {
    why: String,
    alone_since: Option<Instant>,
}

impl Refusals {
    /// Records a refusal; returns whether it is the run's first.
    pub(super) fn add(&mut self, run: &str, why: &str) -> bool {
        let is_new = !self.0.contains_key(run);
        if is_new {
            self.0.insert(run.to_owned(), Refused { why: why.to_owned(), alone_since: None });
        }
        is_new
    }

    pub(super) fn part(&mut self, run: &str, is_alone: bool, now: Instant) -> Part {
        let Some(refused) = self.0.get_mut(run) else { return Part::Works };
        if !is_alone {
            refused.alone_since = None;
            return Part::LeavesToOthers;
        }
        let since = *refused.alone_since.get_or_insert(now);
        if now.saturating_duration_since(since) < ALONE { Part::LeavesToOthers } else { Part::IsLast }
    }

    pub(super) fn retain(&mut self, open: &HashSet<&str>) {
        self.0.retain(|run, _| open.contains(run.as_str()));
    }

    /// The refusals, for this worker's beats.
    pub(super) fn told(&self) -> Vec<RefusedFor> {
        let told = |(run, refused): (&String, &Refused)| RefusedFor::new(run, &refused.why);
        self.0.iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use sync::endpoint::EndpointError;
    use sync::{Cause, Operation};

    use super::*;

    #[test]
    fn a_refused_worker_leaves_a_run_to_others_until_nobody_else_is_there_for_long() {
        let (mut refusals, begun) = (Refusals::default(), Instant::now());
        let after = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(refusals.part("r", true, begun), Part::Works);
        assert!(refusals.add("r", "no") && !refusals.add("r", "no"), "it is told once");
        for (is_alone, seconds, part) in [
            (true, 0, Part::LeavesToOthers),
            (true, 19, Part::LeavesToOthers),
            (true, 20, Part::IsLast),
            (false, 21, Part::LeavesToOthers),
            (true, 50, Part::LeavesToOthers),
            (true, 70, Part::IsLast),
        ] {
            assert_eq!(refusals.part("r", is_alone, after(seconds)), part, "{is_alone} {seconds}");
        }
        assert_eq!(refusals.part("other", true, after(70)), Part::Works);
        refusals.retain(&HashSet::new());
        assert_eq!(refusals.told(), []);
    }

    #[test]
    fn what_is_about_a_login_is_told_apart() {
        let is_told = |kind, scope| {
            let cause = EndpointError { scope, ..EndpointError::new(kind, std::io::Error::other("no")) };
            let error = Error {
                side: Side::Target,
                place: "t.io/b".to_owned(),
                operation: Operation::Elsewhere("copying".to_owned()),
                cause: Cause::from(cause),
            };
            let explain: Explain =
                std::sync::Arc::new(|_| ("wrong password".to_owned(), "log in".to_owned()));
            Refusal::of(&error, &explain)
        };
        let told = is_told(ErrorKind::Unauthorized, Scope::Login).unwrap();
        assert_eq!((told.why.as_str(), told.next.as_str()), ("target t.io/b: wrong password", "log in"));
        assert_eq!(is_told(ErrorKind::Unauthorized, Scope::Repository), None);
        assert_eq!(is_told(ErrorKind::Unavailable, Scope::Login), None);
    }
}
