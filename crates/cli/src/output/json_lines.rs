//! Whether stderr has lines of JSON, and how to make such a line.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::stream::unread;
use super::{foreign, paint};

static SPEAKS: AtomicBool = AtomicBool::new(false);

/// From now on, all lines on stderr are JSON.
pub(super) fn speak() {
    SPEAKS.store(true, Ordering::Relaxed);
}

/// Whether all lines on stderr are JSON.
pub(super) fn is_spoken() -> bool {
    SPEAKS.load(Ordering::Relaxed)
}

/// A message in words.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Said<'a> {
    Note { time: String, message: &'a str },
    Warning { time: String, message: &'a str },
    Error { time: String, message: &'a str },
}

pub(super) fn note(message: &str) -> String {
    line(&Said::Note { time: now(), message: &paint::without(message) })
}

pub(super) fn warning(message: &str) -> String {
    line(&Said::Warning { time: now(), message })
}

/// An error message.
pub(super) fn error(message: &str) -> String {
    let message = paint::without(message);
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    line(&Said::Error { time: now(), message })
}

/// A line for people without its prefix: in JSON, the type replaces it.
pub(super) fn words(line: &str) -> &str {
    ["warning ", "note "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line)
}

/// RFC 3339, to the millisecond.
pub(super) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// One line without control characters.
pub(super) fn line(line: &impl Serialize) -> String {
    let text = serde_json::to_string(line).expect("texts, numbers and lists are always JSON");
    foreign::json(&text)
}

/// The line about omitted lines, in JSON like the others.
pub(super) fn left_out(count: usize) -> String {
    let message = unread(count);
    if is_spoken() { warning(&message) } else { format!("[{message}]") }
}
