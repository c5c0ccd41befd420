//! How a run is shown while it goes on.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use sync::{Event, Observer, Stamp};

use super::bars::Bars;
use super::lines::Lines;
use super::relay::Relay;
use super::rule_names::RuleNames;
use super::say::say_lines;
use super::volume::Volume;

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
    pub(crate) fn for_stderr(volume: Volume, names: RuleNames) -> Self {
        let draws = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        if volume != Volume::Quiet && draws && std::io::stderr().is_terminal() {
            let bars = Arc::new(Bars::start(volume, names));
            let relay = Arc::new(Relay::to(bars.clone()));
            Self::Bars(bars, relay)
        } else {
            Self::Lines(Arc::new(Lines::start(volume, names)))
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
