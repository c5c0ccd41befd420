//! Answers that the proxy invents, and the damage that faults do to real ones.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::damage::Damage;
use super::fault::{Fault, RetryAfter};
use super::framing::Framing;
use super::head::Head;

const DOCUMENT: &str = r#"{"errors":[{"code":"FAULT","message":"made up by the fault proxy"}]}"#;
const PAGE: &str = "<!DOCTYPE html>\n<html><body><h1>Made up by the fault proxy</h1></body></html>\n";

/// A complete answer instead of the registry's, with its status.
pub(super) struct MadeUp {
    pub(super) status: u16,
    headers: Vec<(&'static str, String)>,
    body: &'static str,
}

impl MadeUp {
    pub(super) fn new(status: u16, body: &'static str) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer that a fault gives without a request to the registry.
    pub(super) fn of(fault: &Fault, upstream: &str, path: &str) -> Option<Self> {
        Some(match fault {
            Fault::TooManyRequests(wait) => Self::new(429, DOCUMENT).header("Retry-After", wait.text()),
            Fault::Refused(status) => Self::new(*status, DOCUMENT),
            Fault::Redirect => Self::new(307, "").header("Location", format!("http://{upstream}{path}")),
            Fault::Html(status) => Self::new(*status, PAGE).header("Content-Type", "text/html".to_owned()),
            _ => return None,
        })
    }

    /// The bytes on the wire. An answer to HEAD has the header of the length, but no body.
    pub(super) fn bytes(&self, method: &str) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} Made Up\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n", self.body.len());
        if method != "HEAD" {
            text += self.body;
        }
        text.into_bytes()
    }
}

impl RetryAfter {
    fn text(self) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::Date(seconds) => http_date(SystemTime::now() + Duration::from_secs(seconds)),
        }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn http_date(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).expect("the year has four digits");
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The damage of a fault to a request on its way to the registry.
pub(super) fn to_request(fault: Option<&Fault>, head: &Head) -> Damage {
    let last = last_byte(head.bytes.len(), &head.request_framing());
    match fault {
        Some(Fault::CutRequest(bytes)) => Damage { cut: Some((*bytes).min(last)), ..Damage::default() },
        Some(Fault::StallRequest(bytes, pause)) => {
            Damage { stall: Some(((*bytes).min(last), *pause)), ..Damage::default() }
        }
        _ => Damage::default(),
    }
}

/// The damage of a fault to an answer, whose head is passed on as `head`.
pub(super) fn to_answer(fault: Option<&Fault>, head: &[u8], framing: &Framing) -> Damage {
    let last = last_byte(head.len(), framing);
    let start = head.len() as u64;
    let length = framing.length().unwrap_or(1);
    let none = Damage::default();
    match fault {
        Some(Fault::CutAnswer(bytes)) => Damage { cut: Some((*bytes).min(last)), ..none },
        Some(Fault::ShortBody) => Damage { cut: Some(last), ..none },
        Some(Fault::StallAnswer(pause)) => Damage { stall: Some((0, *pause)), ..none },
        // Without a body, the pause is in the middle of the head.
        Some(Fault::StallBody(pause)) if length == 0 => Damage { stall: Some((start / 2, *pause)), ..none },
        Some(Fault::StallBody(pause)) => Damage { stall: Some((start + length / 2, *pause)), ..none },
        Some(Fault::CorruptAnswer(at)) if length > 0 => Damage { flip: Some(start + at % length), ..none },
        _ => none,
    }
}

/// The head of an answer as it is passed on.
pub(super) fn changed_head(fault: Option<&Fault>, head: &Head, framing: &Framing) -> Vec<u8> {
    match (fault, framing.length()) {
        (Some(Fault::WrongLength(by)), Some(length)) if length > 0 => {
            head.with_header("content-length", &length.saturating_add_signed(*by).to_string())
        }
        _ => head.bytes.clone(),
    }
}

fn last_byte(head: usize, framing: &Framing) -> u64 {
    // The length of a chunked body is unknown, but at least a few bytes come.
    head as u64 + framing.length().unwrap_or(2) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_wants_them() {
        let date = |seconds| http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date(1_709_164_800), "Thu, 29 Feb 2024 00:00:00 GMT");
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn a_cut_always_cuts() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
        let cut = |bytes| to_answer(Some(&Fault::CutAnswer(bytes)), head, &Framing::Length(10)).cut;
        assert_eq!((cut(3), cut(1000)), (Some(3), Some(head.len() as u64 + 9)));
        let none = to_answer(Some(&Fault::CutAnswer(1000)), head, &Framing::NONE).cut;
        assert_eq!(none, Some(head.len() as u64 - 1));
    }
}
