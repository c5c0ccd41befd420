//! The ways in which a run is shown. stdout is for results that programs read, stderr for people.

mod bars;
mod foreign;
pub(crate) mod image_file;
mod lines;
mod log_file;
mod paint;
pub(crate) mod report_json;
mod summary;

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use indicatif::HumanBytes;
use serde::Serialize;
use sync::{Event, Observer};

pub(crate) use bars::Bars;
pub(crate) use image_file::standing;
pub(crate) use lines::Lines;
pub(crate) use log_file::LogFile;
pub(crate) use paint::Paint;
pub(crate) use summary::{old_sentence, table};

/// Writes a line for people; line ends in it are shown, not obeyed.
pub(crate) fn say(line: &str) {
    write_stderr(&foreign::line(line));
}

/// Writes several lines for people. Foreign parts of them were cleaned before.
pub(crate) fn say_lines(lines: &str) {
    write_stderr(&foreign::lines(lines));
}

/// A closed stderr is no reason to fail.
fn write_stderr(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes a line of results; line ends in it are shown, not obeyed.
pub(crate) fn print(line: &str) {
    print_verbatim(&foreign::result(line));
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
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Bytes as people read them; what is not known says so.
pub(crate) fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "unknown size".to_owned(), |bytes| HumanBytes(bytes).to_string())
}

/// What the first signal does.
pub(crate) fn stopping(in_work: usize, drain: Duration) -> String {
    let seconds = drain.as_secs();
    match in_work {
        0 => "stopping: no image is in work".to_owned(),
        1 => format!("stopping: 1 image in work has {seconds} s to end; once more to end at once"),
        _ => format!("stopping: {in_work} images in work have {seconds} s to end; once more to end at once"),
    }
}

/// Tells several observers.
pub(crate) struct All(pub(crate) Vec<Arc<dyn Observer>>);

impl Observer for All {
    fn event(&self, event: &Event) {
        for observer in &self.0 {
            observer.event(event);
        }
    }
}

/// How a run is shown on stderr, and how what has to be said besides does not tear the picture.
pub(crate) enum Display {
    /// Bars that are redrawn in place.
    Bars(Arc<Bars>),
    /// A line for each thing that ends.
    Lines(Arc<Lines>),
}

impl Display {
    /// Bars on a terminal, lines otherwise.
    pub(crate) fn for_stderr() -> Self {
        if std::io::stderr().is_terminal() {
            Self::Bars(Arc::new(Bars::start()))
        } else {
            Self::Lines(Arc::new(Lines::start()))
        }
    }

    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        match self {
            Self::Bars(bars) => bars.clone(),
            Self::Lines(lines) => lines.clone(),
        }
    }

    /// Takes the bars away, so that what follows stands on clean lines.
    pub(crate) fn finish(&self) {
        match self {
            Self::Bars(bars) => bars.finish(),
            Self::Lines(lines) => lines.finish(),
        }
    }
}
