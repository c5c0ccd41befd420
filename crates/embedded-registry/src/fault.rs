//! Faults: misbehaviour on request.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use http::request::Parts;

/// A fault: its effect, the requests that it affects, and how often.
///
/// Of several matching faults, only the first one takes effect; the others do not count that request.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The affected requests.
    pub when: Match,
    /// How often.
    pub times: Times,
    /// The effect.
    pub effect: Effect,
}

/// Selects the requests of a fault.
#[derive(Clone, Debug, Default)]
pub struct Match {
    /// Only this method.
    pub method: Option<Method>,
    /// Only if path and query, as sent, contain this text.
    pub path_contains: Option<String>,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests with this method whose path or query contains a text.
    pub fn new(method: Method, path_contains: &str) -> Self {
        Self { method: Some(method), ..Self::path(path_contains) }
    }

    /// Requests with any method whose path or query contains a text.
    pub fn path(path_contains: &str) -> Self {
        Self { method: None, path_contains: Some(path_contains.to_owned()) }
    }

    /// `GET` of a URL that contains a text.
    pub fn get(path_contains: &str) -> Self {
        Self::new(Method::GET, path_contains)
    }

    /// `HEAD` of a URL that contains a text.
    pub fn head(path_contains: &str) -> Self {
        Self::new(Method::HEAD, path_contains)
    }

    /// `POST` to a URL that contains a text.
    pub fn post(path_contains: &str) -> Self {
        Self::new(Method::POST, path_contains)
    }

    /// `PATCH` of a URL that contains a text.
    pub fn patch(path_contains: &str) -> Self {
        Self::new(Method::PATCH, path_contains)
    }

    /// `PUT` to a URL that contains a text.
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
    /// Skips this many requests, then affects this many.
    After(usize, usize),
}

/// The change to the correct answer, or what replaces it.
#[derive(Clone, Debug)]
pub enum Effect {
    /// This answer is sent, and the request is not processed.
    Status {
        /// The status.
        code: u16,
        /// The body.
        body: String,
        /// Headers, in lower case, such as `retry-after` or `content-type`.
        headers: Vec<(&'static str, String)>,
    },
    /// The request is redirected by a 307, and not processed.
    Redirect(String),
    /// The request is redirected with this status, and not processed.
    RedirectWith(u16, String),
    /// 401 with the challenge for a request without a login; the request is not processed.
    Unauthorized,
    /// The correct answer comes late.
    Delay(Duration),
    /// No answer ever comes, and the request is not processed.
    Hang,
    /// The connection is closed without an answer, and the request is not processed.
    DropConnection,
    /// The connection is reset without an answer, and the request is not processed.
    ResetConnection,
    /// After this many bytes of the request's body the connection is reset. The registry has received these. Shorter
    /// bodies are not affected.
    CutRequestAfter(usize),
    /// After this many bytes, the request's body is not read any more, and no answer ever comes. The registry
    /// has received these. Shorter bodies are not affected.
    StallRequestAfter(usize),
    /// The request is processed, and then the connection is closed without an answer.
    LoseAnswer,
    /// The answer's body ends early, with the connection. Shorter bodies are not affected.
    CutBodyAfter(usize),
    /// After this many bytes of the answer's body nothing more comes, for ever. Shorter bodies are not affected.
    StallBodyAfter(usize),
    /// The answer's body comes in pieces, with a pause after each.
    Trickle {
        /// Bytes of each piece.
        bytes: usize,
        /// The pause after each.
        pause: Duration,
    },
    /// The answer's body, and with it `Content-Length`, is cut to this many bytes, and ends normally. Shorter
    /// bodies are not affected.
    ShortBody(usize),
    /// This text is appended to the answer's body, and counted in `Content-Length`.
    TrailingBytes(String),
    /// One byte of the answer's body is changed. Shorter bodies are not affected.
    CorruptByteAt(usize),
    /// `Docker-Content-Digest` has a wrong digest.
    WrongDigestHeader,
    /// A header is left out. Without `content-length` the body comes in HTTP chunks.
    OmitHeader(&'static str),
    /// The answer has this header, in lower case, instead of its own.
    SetHeader(&'static str, String),
    /// The answer has these headers, in lower case, in addition to its own, even with the same name.
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

    /// The correct answer with these warnings, each in a header of its own; RFC 7234, 5.5, as in the specification.
    pub fn warn(texts: &[&str]) -> Self {
        Self::AddHeaders(texts.iter().map(|text| ("warning", format!("299 - \"{text}\""))).collect())
    }
}

/// The faults of a registry, each with the number of requests that matched.
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

    /// The effect on this request.
    pub(crate) fn effect_on(&self, head: &Parts) -> Option<Effect> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        self.armed().iter_mut().find_map(|armed| armed.strike(&head.method, path))
    }

    fn armed(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    /// The effect on this request, if the fault applies to it.
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
