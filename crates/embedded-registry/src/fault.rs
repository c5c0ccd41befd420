//! Misbehaviour on order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;

/// What goes wrong, when, and how often.
#[derive(Clone, Debug)]
pub struct Fault {
    /// For which requests.
    pub when: Match,
    /// How often.
    pub times: Times,
    /// What happens.
    pub effect: Effect,
}

/// Which requests a fault is for.
#[derive(Clone, Debug, Default)]
pub struct Match {
    method: Option<Method>,
    path_contains: String,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests by this method whose path contains a text.
    pub fn new(method: Method, path_contains: &str) -> Self {
        Self { method: Some(method), path_contains: path_contains.to_owned() }
    }

    fn fits(&self, method: &Method, path: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method) && path.contains(&self.path_contains)
    }
}

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// With every matching request.
    Always,
    /// With the first ones.
    First(usize),
    /// Not with the first ones, then so many times.
    After(usize, usize),
}

/// What happens instead of, or to, the right answer.
#[derive(Clone, Debug)]
pub enum Effect {
    /// This answer is given and nothing is done.
    Status {
        /// The status.
        code: u16,
        /// The body.
        body: String,
        /// Headers, such as `retry-after` or `content-type`.
        headers: Vec<(&'static str, String)>,
    },
    /// The right answer comes late.
    Delay(Duration),
    /// No answer ever comes.
    Hang,
    /// The connection is closed without an answer, and nothing is done.
    DropConnection,
    /// What was asked is done, and then the connection is closed without an answer.
    LoseAnswer,
    /// The answer's body ends early.
    CutBodyAfter(usize),
    /// One byte of the answer's body is another.
    CorruptByteAt(usize),
    /// A header is left out.
    OmitHeader(&'static str),
    /// The answer has this header instead of its own.
    SetHeader(&'static str, String),
}

impl Effect {
    /// A refusal with the specification's error document.
    pub fn refuse(code: u16, error: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": error, "message": message}]}).to_string();
        Self::Status { code, body, headers: vec![("content-type", "application/json".to_owned())] }
    }
}

/// A fault with the count of requests that it was for.
pub(crate) struct Armed {
    fault: Fault,
    seen: AtomicUsize,
}

impl Armed {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault, seen: AtomicUsize::new(0) }
    }

    /// The effect on this request, if it is this one's turn.
    pub(crate) fn strike(&self, method: &Method, path: &str) -> Option<Effect> {
        if !self.fault.when.fits(method, path) {
            return None;
        }
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        let strikes = match self.fault.times {
            Times::Always => true,
            Times::First(times) => seen < times,
            Times::After(skipped, times) => (skipped..skipped + times).contains(&seen),
        };
        strikes.then(|| self.fault.effect.clone())
    }
}
