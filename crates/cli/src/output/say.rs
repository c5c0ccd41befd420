//! What is written at once: words for people on stderr, results on stdout.

use serde::Serialize;

use super::paint::Paint;
use super::{foreign, json_lines, standard};

/// Results of many lines are written in blocks of so many bytes.
const BLOCK: usize = 64 << 10;

/// Writes a line for people; line ends in it are shown, not obeyed.
pub(crate) fn say(line: &str) {
    if json_lines::is_spoken() {
        standard::stderr_text(&json_lines::error(line));
    } else {
        standard::stderr_line(&foreign::line(line));
    }
}

/// Tells what is odd, but no reason to stop.
pub(crate) fn warn(warning: &str) {
    if json_lines::is_spoken() {
        return standard::stderr_line(&json_lines::warning(warning));
    }
    say(&format!("{}: {warning}", Paint::for_stderr().yellow("warning")));
}

/// Writes several lines for people, such as the summary: they are never left out. Foreign parts of them were cleaned
/// before.
pub(crate) fn say_lines(lines: &str) {
    if json_lines::is_spoken() {
        standard::stderr_text(&json_lines::error(lines));
    } else {
        standard::stderr_text(&foreign::lines(lines));
    }
}

/// Writes a line of results; line ends in it are shown, not obeyed.
pub(crate) fn print(line: &str) {
    print_verbatim(&foreign::result(line));
}

/// Writes many lines of results, a block at a time: each piece wakes the thread that writes.
pub(crate) fn print_lines(lines: impl Iterator<Item = String>) {
    let mut block = String::new();
    for line in lines {
        if block.len() + line.len() > BLOCK && !block.is_empty() {
            print_verbatim(&block);
            block.clear();
        }
        if !block.is_empty() {
            block.push('\n');
        }
        block.push_str(&foreign::result(&line));
    }
    if !block.is_empty() {
        print_verbatim(&block);
    }
}

/// Writes a document for programs: the same for them, with nothing in it that a terminal obeys.
pub(crate) fn print_json(document: &impl Serialize) {
    print_verbatim(&json(document));
}

/// A JSON document with nothing in it that a terminal obeys.
pub(crate) fn json(document: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(document).expect("texts, numbers and lists are always JSON");
    foreign::json(&text)
}

/// Writes a text of our own, or a secret that was asked for. A reader that has seen enough is no reason to fail.
pub(crate) fn print_verbatim(text: &str) {
    standard::stdout_text(text);
}

/// Tells of panics as of everything else: the standard library's own words wait for whoever reads stderr.
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| say_lines(&panic.to_string())));
}
