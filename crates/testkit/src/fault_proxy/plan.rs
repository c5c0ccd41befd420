//! Decides which request gets which fault.

use std::collections::HashMap;

use super::dice::Dice;
use super::fault::Fault;

/// The requests that a fault is for. If several faults match, the first is injected, and the others do not count that
/// request.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The requests.
    pub wanted: Wanted,
    /// This many of them are passed unchanged first.
    pub skip: usize,
    /// Then this many get the fault.
    pub times: usize,
    /// The fault.
    pub fault: Fault,
}

/// A condition for requests.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The method, in capitals.
    pub method: String,
    /// Each of these texts must be in path or query.
    pub path: Vec<String>,
    /// None of these texts may be in path or query.
    pub not: Vec<String>,
}

/// Random faults, the same ones for the same seed: the fault of a request depends on the request and on how often it
/// was sent before, not on other requests at the same time.
#[derive(Clone, Debug)]
pub struct Random {
    /// The seed.
    pub seed: u64,
    /// How many percent of the requests get a fault.
    pub percent: u64,
}

/// The plan of a proxy.
#[derive(Default)]
pub(super) struct Plan {
    exact: Vec<(Planned, usize)>,
    random: Option<Random>,
    asked: HashMap<String, u64>,
    /// The rest of a burst: a server in trouble stays so for a while.
    burst: Option<(Fault, u64)>,
}

impl Planned {
    /// The first matching request.
    pub fn first(wanted: Wanted, fault: Fault) -> Self {
        Self { wanted, skip: 0, times: 1, fault }
    }

    /// Every matching request.
    pub fn always(wanted: Wanted, fault: Fault) -> Self {
        Self { wanted, skip: 0, times: usize::MAX, fault }
    }
}

impl Wanted {
    /// Requests with `method` and with `text` in path or query.
    pub fn new(method: &str, text: &str) -> Self {
        Self { method: method.to_owned(), path: vec![text.to_owned()], not: Vec::new() }
    }

    /// Requires this text, too.
    #[must_use]
    pub fn and(mut self, text: &str) -> Self {
        self.path.push(text.to_owned());
        self
    }

    /// Excludes requests with this text.
    #[must_use]
    pub fn but_not(mut self, text: &str) -> Self {
        self.not.push(text.to_owned());
        self
    }

    fn fits(&self, method: &str, path: &str) -> bool {
        self.method == method
            && self.path.iter().all(|part| path.contains(part))
            && !self.not.iter().any(|part| path.contains(part))
    }
}

impl Plan {
    pub(super) fn exact(planned: Vec<Planned>) -> Self {
        Self { exact: planned.into_iter().map(|planned| (planned, 0)).collect(), ..Self::default() }
    }

    pub(super) fn add(&mut self, planned: Planned) {
        self.exact.push((planned, 0));
    }

    pub(super) fn random(random: Random) -> Self {
        Self { random: Some(random), ..Self::default() }
    }

    /// The fault for this request.
    pub(super) fn fault_for(&mut self, method: &str, path: &str) -> Option<Fault> {
        for (planned, seen) in &mut self.exact {
            if !planned.wanted.fits(method, path) {
                continue;
            }
            *seen += 1;
            if seen.checked_sub(planned.skip + 1).is_some_and(|turn| turn < planned.times) {
                return Some(planned.fault.clone());
            }
        }
        self.random_fault(method, path)
    }

    fn random_fault(&mut self, method: &str, path: &str) -> Option<Fault> {
        let random = self.random.clone()?;
        if let Some((fault, left)) = self.burst.take() {
            self.burst = left.checked_sub(1).filter(|left| *left > 0).map(|left| (fault.clone(), left));
            return Some(fault);
        }
        let thing = format!("{method} {}", without_session(path));
        let times = self.asked.entry(thing.clone()).or_default();
        *times += 1;
        let mut dice = Dice::of(random.seed, &format!("{thing} {times}"));
        if !dice.percent(random.percent) {
            return None;
        }
        let fault = Fault::any(&mut dice);
        // A changed letter in a tag list cannot be detected: lists have no checksum.
        if matches!(fault, Fault::CorruptAnswer(_)) && path.contains("/tags/list") {
            return None;
        }
        if matches!(fault, Fault::Refused(_)) {
            self.burst = Some((fault.clone(), dice.below(4))).filter(|(_, left)| *left > 0);
        }
        Some(fault)
    }
}

/// The path without the name of the upload session, which differs from run to run; the blob's digest does not.
fn without_session(path: &str) -> String {
    let Some((repository, session)) = path.split_once("/blobs/uploads/") else { return path.to_owned() };
    let digest = session.split(['?', '&']).find(|part| part.starts_with("digest="));
    let mount = session.split(['?', '&']).find(|part| part.starts_with("mount="));
    format!("{repository}/blobs/uploads/ {}", digest.or(mount).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_plan_strikes_whom_it_names() {
        let wanted = Wanted::new("GET", "/blobs/").but_not("/uploads/");
        let mut plan = Plan::exact(vec![Planned { wanted, skip: 1, times: 2, fault: Fault::Reset }]);
        let mut ask = |method, path| plan.fault_for(method, path).is_some();
        assert!(!ask("GET", "/v2/a/blobs/x"));
        assert!(!ask("HEAD", "/v2/a/blobs/x") && !ask("GET", "/v2/a/blobs/uploads/x"));
        assert!(ask("GET", "/v2/a/blobs/x") && ask("GET", "/v2/a/blobs/y"));
        assert!(!ask("GET", "/v2/a/blobs/x"));
    }

    #[test]
    fn a_seed_strikes_the_same_requests_in_any_order_and_session() {
        let strike = |seed, paths: &[String]| {
            let mut plan = Plan::random(Random { seed, percent: 30 });
            let mut struck: Vec<String> = paths
                .iter()
                .filter(|path| {
                    // Bursts depend on the order of requests.
                    let fault = plan.fault_for("PUT", path);
                    plan.burst = None;
                    fault.is_some()
                })
                .map(|path| without_session(path))
                .collect();
            struck.sort();
            struck
        };
        let path = |session: u32, digest: u32| {
            format!("/v2/a/blobs/uploads/{session}?_state={session}&digest=sha256:{digest}")
        };
        let one: Vec<_> = (0..100).map(|number| path(number, number)).collect();
        let other: Vec<_> = (0..100).rev().map(|number| path(number + 7, number)).collect();
        assert_eq!(strike(1, &one), strike(1, &other));
        assert_ne!(strike(1, &one), strike(2, &one));
    }
}
