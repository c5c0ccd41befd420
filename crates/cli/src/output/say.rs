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

/// Tells what is neither odd nor a failure; line ends in it are shown, not obeyed.
pub(crate) fn note(line: &str) {
    if json_lines::is_spoken() {
        standard::stderr_line(&json_lines::note(line));
    } else {
        say(line);
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

/// Tells of panics as of everything else: the standard library's own words wait for whoever reads stderr. The program may end right
/// behind one, so the words go out before, and the terminal is left as it was found; a run that goes on draws its picture again.
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

    /// Run by the next test alone, in a process that ends with it.
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
