//! Whether all that is said on stderr is said in lines of JSON, and how such a line is made.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::stream::unread;
use super::{foreign, paint};

static SPEAKS: AtomicBool = AtomicBool::new(false);

/// From now on all is said so.
pub(super) fn speak() {
    SPEAKS.store(true, Ordering::Relaxed);
}

/// Whether all is said so.
pub(super) fn is_spoken() -> bool {
    SPEAKS.load(Ordering::Relaxed)
}

/// What is said in words.
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

/// What went wrong.
pub(super) fn error(message: &str) -> String {
    let message = paint::without(message);
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    line(&Said::Error { time: now(), message })
}

/// A line for people, without the word that says what it is: here the type does.
pub(super) fn words(line: &str) -> &str {
    ["warning ", "note "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line)
}

/// RFC 3339, to the millisecond.
pub(super) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// One line, with nothing in it that a terminal obeys.
pub(super) fn line(line: &impl Serialize) -> String {
    let text = serde_json::to_string(line).expect("texts, numbers and lists are always JSON");
    foreign::json(&text)
}

/// The line that says how many others are left out, in the form of all others.
pub(super) fn left_out(count: usize) -> String {
    let message = unread(count);
    if is_spoken() { warning(&message) } else { format!("[{message}]") }
}
