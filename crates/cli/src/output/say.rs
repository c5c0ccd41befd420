//! Immediate output: messages on stderr, results on stdout.

use serde::Serialize;

use super::paint::Paint;
use super::{foreign, json_lines, standard};

/// Results of many lines are written in blocks of this size.
const BLOCK: usize = 64 << 10;

/// Prints a line on stderr, with control characters escaped.
pub(crate) fn say(line: &str) {
    if json_lines::is_spoken() {
        standard::stderr_text(&json_lines::error(line));
    } else {
        standard::stderr_line(&foreign::line(line));
    }
}

/// Prints a remark on stderr, with control characters escaped.
pub(crate) fn note(line: &str) {
    if json_lines::is_spoken() {
        standard::stderr_line(&json_lines::note(line));
    } else {
        say(line);
    }
}

/// Prints a warning on stderr.
pub(crate) fn warn(warning: &str) {
    if json_lines::is_spoken() {
        return standard::stderr_line(&json_lines::warning(warning));
    }
    say(&format!("{}: {warning}", Paint::for_stderr().yellow("warning")));
}

/// Prints several lines on stderr that are never dropped, such as the summary. Foreign parts must be cleaned before.
pub(crate) fn say_lines(lines: &str) {
    if json_lines::is_spoken() {
        standard::stderr_text(&json_lines::error(lines));
    } else {
        standard::stderr_text(&foreign::lines(lines));
    }
}

/// Prints a line of results, with control characters escaped.
pub(crate) fn print(line: &str) {
    print_verbatim(&foreign::result(line));
}

/// Prints many lines of results in blocks: each write wakes the writer thread.
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

/// Prints a document for programs, with control characters escaped without changing its meaning.
pub(crate) fn print_json(document: &impl Serialize) {
    print_verbatim(&json(document));
}

/// A JSON document with control characters escaped.
pub(crate) fn json(document: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(document).expect("texts, numbers and lists are always JSON");
    foreign::json(&text)
}

/// Prints our own text, or a requested secret. If the reader has closed the pipe, that is no error.
pub(crate) fn print_verbatim(text: &str) {
    standard::stdout_text(text);
}

/// Reports panics through the output queue: the standard library's handler would block on a reader of stderr. The program may end right
/// after a panic, so the message is flushed first, and the picture removed; a run that continues draws it again.
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        say_lines(&panic.to_string());
        standard::leave();
    }));
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::super::canvas::Picture;
    use super::super::taskbar::Taskbar;
    use super::*;

    /// Only the next test runs this, in a separate process.
    #[test]
    #[ignore = "ends the process"]
    #[expect(clippy::exit, reason = "as after a panic of the main task, nobody waits for what was said")]
    fn panics_and_ends() {
        tell_panics();
        let picture = Picture { lines: vec!["a picture".to_owned()], taskbar: Some(Taskbar::Percent(7)) };
        standard::draw(picture);
        standard::finish();
        let _ = std::thread::spawn(|| panic!("told to break")).join();
        std::process::exit(101);
    }

    #[test]
    fn a_panics_words_arrive_and_the_terminal_is_as_before() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "output::say::tests::panics_and_ends", "--nocapture"]);
        let ended = command.stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(101), "{said:?}");
        assert!(said.contains("told to break") && said.ends_with("\u{1b}[?2026l"), "{said:?}");
        assert!(said.contains(Taskbar::REMOVE), "{said:?}");
    }
}
