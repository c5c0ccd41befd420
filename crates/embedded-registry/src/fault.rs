//! Misbehaviour on order.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use http::request::Parts;

/// What goes wrong, when, and how often.
///
/// Of several faults the one that was added first strikes; the others don't count that request.
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
    /// By this method only.
    pub method: Option<Method>,
    /// Only where path and query, as sent, contain this text.
    pub path_contains: Option<String>,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests by this method whose path or query contains a text.
    pub fn new(method: Method, path_contains: &str) -> Self {
        Self { method: Some(method), ..Self::path(path_contains) }
    }

    /// Requests by any method whose path or query contains a text.
    pub fn path(path_contains: &str) -> Self {
        Self { method: None, path_contains: Some(path_contains.to_owned()) }
    }

    /// `GET` of what contains a text.
    pub fn get(path_contains: &str) -> Self {
        Self::new(Method::GET, path_contains)
    }

    /// `HEAD` of what contains a text.
    pub fn head(path_contains: &str) -> Self {
        Self::new(Method::HEAD, path_contains)
    }

    /// `POST` to what contains a text.
    pub fn post(path_contains: &str) -> Self {
        Self::new(Method::POST, path_contains)
    }

    /// `PATCH` of what contains a text.
    pub fn patch(path_contains: &str) -> Self {
        Self::new(Method::PATCH, path_contains)
    }

    /// `PUT` to what contains a text.
    pub fn put(path_contains: &str) -> Self {
        Self::new(Method::PUT, path_contains)
    }

    fn fits(&self, method: &Method, path: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.path_contains.as_ref().is_none_or(|part| path.contains(part))
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
        /// Headers, in lower case, such as `retry-after` or `content-type`.
        headers: Vec<(&'static str, String)>,
    },
    /// The request is sent elsewhere by a 307, and nothing is done.
    Redirect(String),
    /// The request is sent elsewhere with this status, and nothing is done.
    RedirectWith(u16, String),
    /// 401 with the challenge of one who brought no login, and nothing is done.
    Unauthorized,
    /// The right answer comes late.
    Delay(Duration),
    /// No answer ever comes, and nothing is done.
    Hang,
    /// The connection is closed without an answer, and nothing is done.
    DropConnection,
    /// The connection is reset without an answer, and nothing is done.
    ResetConnection,
    /// After so many bytes of the request's body the connection is reset. The registry has got those. Nothing
    /// happens to shorter ones.
    CutRequestAfter(usize),
    /// After so many bytes of the request's body nobody reads any more, and no answer ever comes. The registry
    /// has got those. Nothing happens to shorter ones.
    StallRequestAfter(usize),
    /// What was asked is done, and then the connection is closed without an answer.
    LoseAnswer,
    /// The answer's body ends early, with the connection. Nothing happens to shorter ones.
    CutBodyAfter(usize),
    /// After so many bytes of the answer's body nothing more comes, for ever. Nothing happens to shorter ones.
    StallBodyAfter(usize),
    /// The answer's body comes in pieces of so many bytes, with a pause after each.
    Trickle {
        /// Bytes of each piece.
        bytes: usize,
        /// How long it waits after each.
        pause: Duration,
    },
    /// The answer's body, and with it `Content-Length`, has only so many bytes, and ends well. Nothing happens to
    /// shorter ones.
    ShortBody(usize),
    /// The answer's body, and with it `Content-Length`, goes on with this text.
    TrailingBytes(String),
    /// One byte of the answer's body is another. Nothing happens to shorter ones.
    CorruptByteAt(usize),
    /// `Docker-Content-Digest` names something else.
    WrongDigestHeader,
    /// A header is left out. Without `content-length` the body comes in HTTP chunks.
    OmitHeader(&'static str),
    /// The answer has this header, in lower case, instead of its own.
    SetHeader(&'static str, String),
    /// The answer has these headers, in lower case, besides its own, be they of the same name or not.
    AddHeaders(Vec<(&'static str, String)>),
}

impl Effect {
    /// A refusal with the specification's error document.
    pub fn refuse(code: u16, error: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": error, "message": message}]}).to_string();
        Self::Status { code, body, headers: vec![("content-type", "application/json".to_owned())] }
    }

    /// A page of a proxy in front of the registry.
    pub fn html(code: u16) -> Self {
        let body = format!("<html><body><h1>{code}</h1></body></html>");
        Self::Status { code, body, headers: vec![("content-type", "text/html".to_owned())] }
    }

    /// 429 `TOOMANYREQUESTS` with a `Retry-After` in seconds or as an HTTP date.
    pub fn too_many_requests(retry_after: &str) -> Self {
        let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#.to_owned();
        let headers =
            vec![("content-type", "application/json".to_owned()), ("retry-after", retry_after.to_owned())];
        Self::Status { code: 429, body, headers }
    }

    /// The right answer with these warnings, each a header of its own; RFC 7234, 5.5, as the specification has it.
    pub fn warn(texts: &[&str]) -> Self {
        Self::AddHeaders(texts.iter().map(|text| ("warning", format!("299 - \"{text}\""))).collect())
    }
}

/// The faults of a registry, each with the count of requests that it was for.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<Armed>>);

struct Armed {
    fault: Fault,
    seen: usize,
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.armed().push(Armed { fault, seen: 0 });
    }

    pub(crate) fn clear(&self) {
        self.armed().clear();
    }

    /// What shall happen to this request.
    pub(crate) fn effect_on(&self, head: &Parts) -> Option<Effect> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        self.armed().iter_mut().find_map(|armed| armed.strike(&head.method, path))
    }

    fn armed(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    /// The effect on this request, if it is this one's turn.
    fn strike(&mut self, method: &Method, path: &str) -> Option<Effect> {
        if !self.fault.when.fits(method, path) {
            return None;
        }
        let seen = self.seen;
        self.seen += 1;
        let strikes = match self.fault.times {
            Times::Always => true,
            Times::First(times) => seen < times,
            Times::After(skipped, times) => seen.checked_sub(skipped).is_some_and(|turn| turn < times),
        };
        strikes.then(|| self.fault.effect.clone())
    }
}
