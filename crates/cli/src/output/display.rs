//! The live output of a run.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use sync::{Event, Observer, Stamp};
use tokio::task::AbortHandle;

use super::canvas::Picture;
use super::fleet_standing::{AskFleet, FleetStanding};
use super::hosts::{AskHosts, SlowHost};
use super::last_line::LastLine;
use super::layout::{self, Room, Symbols};
use super::progress::{Progress, View};
use super::progress_form::{self, Form};
use super::progress_json::{self, error_line, image_line};
use super::rule_names::RuleNames;
use super::taskbar::{self, Taskbar};
use super::volume::Volume;
use super::worth::{Worth, worth};
use super::{Paint, foreign, json_lines, lines, note, say, standard, terminal, warn};

/// A run that ends sooner draws nothing.
const FIRST_PICTURE: Duration = Duration::from_millis(300);
const REDRAW: Duration = Duration::from_millis(125);
/// CI systems end jobs that are silent for ten minutes; users begin to wonder much earlier.
const STATUS_LINE: Duration = Duration::from_secs(30);
const STATUS_OBJECT: Duration = Duration::from_secs(1);
/// The most rows of images.
const MOST_ROWS: usize = 12;
/// Rows that are left for the lines above the picture.
const ROWS_FOR_OTHERS: usize = 8;
/// The number of images in work that a status lists.
const NAMED: usize = 20;

/// Shows a run on stderr until it is dropped.
pub(crate) struct Display {
    shown: Arc<Shown>,
    clock: Option<AbortHandle>,
}

/// The known state of a run, and how to show it.
pub(crate) struct Shown {
    progress: Mutex<Progress>,
    form: Form,
    volume: Volume,
    names: RuleNames,
    ask_hosts: AskHosts,
    /// Set in a coordinator of workers.
    ask_fleet: OnceLock<AskFleet>,
    /// Set in a worker.
    last_line: OnceLock<LastLine>,
    /// Registries whose first retry has been reported.
    tried_again: Mutex<HashSet<String>>,
    paint: Paint,
    symbols: Symbols,
    has_taskbar: bool,
}

impl Display {
    /// Starts the output in the form that the program chose.
    pub(crate) fn start(volume: Volume, names: RuleNames, ask_hosts: AskHosts) -> Self {
        let lookup = |name: &str| std::env::var(name).ok();
        let shown = Arc::new(Shown {
            progress: Mutex::new(Progress::start(Instant::now())),
            form: progress_form::chosen(),
            volume,
            names,
            ask_hosts,
            ask_fleet: OnceLock::new(),
            last_line: OnceLock::new(),
            tried_again: Mutex::default(),
            paint: Paint::for_stderr(),
            symbols: Symbols::of_locale(lookup),
            has_taskbar: taskbar::is_taken(lookup),
        });
        let clock = shown.clock().map(|(first, between)| {
            let shown = shown.clone();
            let ticking = async move {
                tokio::time::sleep(first).await;
                loop {
                    shown.show();
                    tokio::time::sleep(between).await;
                }
            };
            tokio::spawn(ticking).abort_handle()
        });
        Self { shown, clock }
    }

    pub(crate) fn observer(&self) -> Arc<Shown> {
        self.shown.clone()
    }

    /// Removes the picture, so that later lines start on clean rows. Returns the number of sent bytes that are stored at targets.
    pub(crate) fn finish(self) -> u64 {
        self.shown.lock().kept()
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            clock.abort();
        }
        // Waits for the ticking task, which may be drawing now.
        let _still = self.shown.lock();
        if self.shown.form == Form::Bars {
            standard::take_away();
        }
    }
}

impl Shown {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The delay before the first output, and the interval after it.
    fn clock(&self) -> Option<(Duration, Duration)> {
        match self.form {
            Form::Bars => Some((FIRST_PICTURE, REDRAW)),
            Form::Lines => Some((STATUS_LINE, STATUS_LINE)),
            Form::Json if self.volume == Volume::Quiet => None,
            Form::Json => Some((STATUS_OBJECT, STATUS_OBJECT)),
            Form::None => None,
        }
    }

    fn show(&self) {
        match self.form {
            Form::Bars => self.draw(),
            Form::Lines => {
                let (view, slow) = self.view(0);
                let line = layout::status_line(&view, &slow);
                if self.last_line.get().is_none_or(|last| last.is_news(&line, view.in_work)) {
                    say(&line);
                }
            }
            Form::Json => standard::stderr_line(&progress_json::status_line(&self.view(0).0)),
            Form::None => {}
        }
    }

    fn view(&self, most_rows: usize) -> (View, Vec<SlowHost>) {
        let (slow, fleet) = ((self.ask_hosts)(), self.fleet());
        (view_of(&mut self.lock(), &slow, fleet.as_ref(), most_rows), slow)
    }

    fn draw(&self) {
        let (rows, columns) = terminal::size();
        let (slow, fleet) = ((self.ask_hosts)(), self.fleet());
        let most_rows = rows.saturating_sub(ROWS_FOR_OTHERS).min(MOST_ROWS);
        let mut progress = self.lock();
        let view = view_of(&mut progress, &slow, fleet.as_ref(), most_rows);
        let picture =
            self.picture(&view, &slow, Room { rows, columns, symbols: self.symbols, paint: self.paint });
        // Drawn under the lock: the drop of the display waits for it.
        standard::draw(picture);
        drop(progress);
    }

    fn picture(&self, view: &View, slow: &[SlowHost], room: Room) -> Picture {
        let lines = layout::picture(view, slow, room).iter().map(|line| foreign::line(line)).collect();
        Picture { lines, taskbar: self.has_taskbar.then(|| in_taskbar(view)) }
    }

    /// The status in answer to SIGUSR1, for people.
    pub(crate) fn status(&self) -> String {
        let (view, slow) = self.view(NAMED);
        let block = layout::status_block(&view, &slow);
        let of_fleet = self.fleet().map(|fleet| fleet.lines()).unwrap_or_default();
        std::iter::once(block).chain(of_fleet).collect::<Vec<_>>().join("\n")
    }

    /// From now on, the status includes the workers.
    #[cfg(feature = "fleet")]
    pub(crate) fn ask_fleet(&self, ask: AskFleet) {
        let _ = self.ask_fleet.set(ask);
    }

    /// From now on, a line is not repeated while the worker is idle.
    #[cfg(feature = "fleet")]
    pub(crate) fn waits_for_work(&self) {
        let _ = self.last_line.set(LastLine::default());
    }

    fn fleet(&self) -> Option<FleetStanding> {
        self.ask_fleet.get().and_then(|ask| ask())
    }

    /// Prints the status on stderr.
    pub(crate) fn tell_status(&self) {
        match self.form {
            Form::Json => {
                standard::stderr_text(&progress_json::status_of_all(&self.view(NAMED).0, self.fleet()));
            }
            Form::Bars | Form::Lines | Form::None => standard::stderr_text(&foreign::lines(&self.status())),
        }
    }

    /// Whether the event needs a line of its own.
    fn is_wanted(&self, event: &Event) -> bool {
        if self.form == Form::Json {
            return self.volume.for_programs().shows(event);
        }
        if self.volume == Volume::Verbose {
            return self.volume.shows(event);
        }
        match (event, self.form) {
            // The picture shows waits.
            (Event::Retrying { .. } | Event::RetryingList { .. }, Form::Bars | Form::None) => false,
            // A status line names throttled registries, so only the first retry gets a line.
            (Event::Retrying { place, .. }, _) => self.volume.shows(event) && self.is_first_retry(place),
            _ => self.volume.shows(event),
        }
    }

    fn is_first_retry(&self, place: &str) -> bool {
        let host = place.split('/').next().unwrap_or_default().to_owned();
        self.tried_again.lock().unwrap_or_else(PoisonError::into_inner).insert(host)
    }

    fn tell(&self, event: &Event) {
        if !self.is_wanted(event) {
            return;
        }
        let Some(line) = lines::line(event, &self.names, self.paint) else { return };
        match worth(event) {
            Worth::Failure => standard::stderr_text(&foreign::line(&line)),
            Worth::Oddity | Worth::Remark => say(&line),
        }
    }

    /// `tries`: the number of retries of the image that ended.
    fn tell_json(&self, event: &Event, tries: u64) {
        let worth = worth(event);
        if let Event::ImageFinished(ended) = event
            && self.volume != Volume::Quiet
        {
            let line = image_line(ended, &self.names, tries);
            match worth {
                Worth::Failure => standard::stderr_text(&line),
                Worth::Oddity | Worth::Remark => standard::stderr_line(&line),
            }
        }
        if !self.is_wanted(event) {
            return;
        }
        match (error_line(event, &self.names), event) {
            (Some(line), _) if worth == Worth::Failure => standard::stderr_text(&line),
            (Some(line), _) => standard::stderr_line(&line),
            (None, Event::ImageFinished(_)) => {}
            (None, _) => {
                let Some(line) = lines::line(event, &self.names, self.paint) else { return };
                let words = json_lines::words(&line);
                if worth == Worth::Remark { note(words) } else { warn(words) }
            }
        }
    }
}

impl Observer for Shown {
    fn event(&self, stamp: &Stamp, event: &Event) {
        let mut progress = self.lock();
        let tries = match event {
            Event::ImageFinished(ended) => progress.tried_again(&ended.image),
            _ => 0,
        };
        progress.event(Instant::now(), stamp.worker.as_ref(), event);
        drop(progress);
        match self.form {
            Form::Json => self.tell_json(event, tries),
            Form::Bars | Form::Lines | Form::None => self.tell(event),
        }
    }
}

/// The current view, with the waits from the registries' handles, and the workers from a coordinator.
fn view_of(
    progress: &mut Progress,
    slow: &[SlowHost],
    fleet: Option<&FleetStanding>,
    most_rows: usize,
) -> View {
    let now = Instant::now();
    if let Some(standing) = fleet {
        progress.fleet(standing);
    }
    for (slow, left) in slow.iter().filter_map(|slow| Some((slow, slow.pause?))) {
        slow.of.iter().for_each(|registry| progress.pause(now, registry, left));
    }
    progress.view(now, most_rows)
}

fn in_taskbar(view: &View) -> Taskbar {
    let percent = layout::percent(view);
    match view.images.failed {
        _ if view.lists && view.images.ended() == 0 => Taskbar::Busy,
        0 => Taskbar::Percent(percent),
        _ => Taskbar::Failing(percent),
    }
}
