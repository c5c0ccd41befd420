//! The ways in which a run is shown. stdout is for results that programs read, stderr for people.

mod bar_text;
mod bars;
mod failure;
mod foreign;
pub(crate) mod image_file;
mod lines;
mod log_file;
mod output_file;
mod paint;
mod progress;
mod record;
mod records;
mod relay;
pub(crate) mod report_json;
mod rule_text;
mod sorted;
mod speed;
mod spool;
mod standard;
mod status;
mod stream;
mod summary;
mod tally;
mod volume;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::HumanBytes;
use serde::Serialize;
use sync::{Event, Observer, Stamp};

pub(crate) use bars::Bars;
pub(crate) use lines::Lines;
pub(crate) use log_file::LogFile;
pub(crate) use output_file::{Document, OutputFile, is_stdout};
pub(crate) use paint::{Colour, Paint, choose as choose_colour};
pub(crate) use records::{Recorder, Records};
use relay::Relay;
pub(crate) use rule_text::{PlannedRule, covers, made};
pub(crate) use standard::{finish, let_results_go, write_to_stdout};
pub(crate) use status::Status;
pub(crate) use stream::Flushed;
pub(crate) use summary::{old_sentence, table};
pub(crate) use tally::Tally;
pub(crate) use volume::Volume;

/// Results of many lines are written in blocks of so many bytes.
const BLOCK: usize = 64 << 10;

/// Writes a line for people; line ends in it are shown, not obeyed.
pub(crate) fn say(line: &str) {
    standard::stderr_line(&foreign::line(line));
}

/// Writes several lines for people, such as the summary: they are never left out. Foreign parts of them were cleaned
/// before.
pub(crate) fn say_lines(lines: &str) {
    standard::stderr_text(&foreign::lines(lines));
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

/// Bytes as people read them; what is not known says so.
pub(crate) fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "unknown size".to_owned(), |bytes| HumanBytes(bytes).to_string())
}

/// What the first signal does.
pub(crate) fn stopping(in_work: usize, waiting: usize, drain: Duration) -> String {
    let seconds = drain.as_secs();
    let end = format!("{seconds} s to end; once more to end at once");
    match (in_work, waiting) {
        (0, 0) => "stopping: no image is in work".to_owned(),
        (1, 0) => format!("stopping: 1 image in work has {end}"),
        (_, 0) => format!("stopping: {in_work} images in work have {end}"),
        (0, 1) => format!("stopping: 1 image that waits has {end}"),
        (0, _) => format!("stopping: {waiting} images that wait have {end}"),
        (_, 1) => format!("stopping: {in_work} in work and 1 image that waits have {end}"),
        (_, _) => format!("stopping: {in_work} in work and {waiting} images that wait have {end}"),
    }
}

/// So long the end waits for a terminal that is stopped before the bars are taken away.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a run is shown on stderr, and how what has to be said besides does not tear the picture.
#[derive(Clone)]
pub(crate) enum Display {
    /// Bars that are redrawn in place, by a thread that may wait for its terminal.
    Bars(Arc<Bars>, Arc<Relay>),
    /// A line for each thing that ends.
    Lines(Arc<Lines>),
}

impl Display {
    /// Bars on a terminal that can draw them, lines otherwise.
    pub(crate) fn for_stderr(volume: Volume) -> Self {
        let draws = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        if volume != Volume::Quiet && draws && std::io::stderr().is_terminal() {
            let bars = Arc::new(Bars::start(volume));
            let relay = Arc::new(Relay::to(bars.clone()));
            Self::Bars(bars, relay)
        } else {
            Self::Lines(Arc::new(Lines::start(volume)))
        }
    }

    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        match self {
            Self::Bars(bars, relay) => Arc::new(Drawn { bars: bars.clone(), relay: relay.clone() }),
            Self::Lines(lines) => lines.clone(),
        }
    }

    /// Says something while the run goes on, and does not wait for a terminal that is stopped.
    pub(crate) fn say_lines(&self, lines: &str) {
        match self {
            Self::Bars(_, relay) => relay.say_lines(lines),
            Self::Lines(_) => say_lines(lines),
        }
    }

    /// Takes the bars away, so that what follows stands on clean lines.
    pub(crate) fn finish(&self) {
        match self {
            Self::Bars(bars, relay) if relay.flush(PATIENCE) => bars.finish(),
            // Its terminal is stopped: nobody sees them.
            Self::Bars(..) => {}
            Self::Lines(lines) => lines.finish(),
        }
    }
}

/// Counts what happens at once, and has it drawn by the relay's thread.
struct Drawn {
    bars: Arc<Bars>,
    relay: Arc<Relay>,
}

impl Observer for Drawn {
    fn event(&self, stamp: &Stamp, event: &Event) {
        self.bars.count(event);
        // What has no line takes no place among what waits.
        if self.bars.shows(event) {
            self.relay.event(stamp, event);
        }
    }
}

/// Tells of panics as of everything else: the standard library's own words wait for whoever reads stderr.
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| say_lines(&panic.to_string())));
}
