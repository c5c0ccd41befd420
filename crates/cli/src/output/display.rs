//! How a run is shown while it goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sync::{Event, Observer, Stamp};
use tokio::task::AbortHandle;

use super::canvas::Picture;
use super::hosts::{AskHosts, SlowHost};
use super::layout::{self, Room, Symbols};
use super::progress::{Progress, View};
use super::progress_form::{self, Form};
use super::progress_json::{self, error_line, image_line};
use super::rule_names::RuleNames;
use super::taskbar::{self, Taskbar};
use super::volume::Volume;
use super::{Paint, foreign, json_lines, lines, say, standard, terminal, warn};

/// A run that is over at once draws nothing.
const FIRST_PICTURE: Duration = Duration::from_millis(300);
const REDRAW: Duration = Duration::from_millis(125);
/// CI systems end jobs that are silent for ten minutes; people begin to wonder much earlier.
const STATUS_LINE: Duration = Duration::from_secs(30);
const STATUS_OBJECT: Duration = Duration::from_secs(1);
/// More rows than this are not read.
const MOST_ROWS: usize = 12;
/// What stands above the picture is worth some rows, too.
const ROWS_FOR_OTHERS: usize = 8;
/// So many images in work are named to whoever asks.
const NAMED: usize = 20;

/// How a run is shown on stderr. Shows it for as long as it lives.
pub(crate) struct Display {
    shown: Arc<Shown>,
    clock: Option<AbortHandle>,
}

/// What is known of a run, and how that is shown.
pub(crate) struct Shown {
    progress: Mutex<Progress>,
    form: Form,
    volume: Volume,
    names: RuleNames,
    ask_hosts: AskHosts,
    paint: Paint,
    symbols: Symbols,
    has_taskbar: bool,
}

impl Display {
    /// Begins to show, in the form that was chosen for the program.
    pub(crate) fn start(volume: Volume, names: RuleNames, ask_hosts: AskHosts) -> Self {
        let lookup = |name: &str| std::env::var(name).ok();
        let shown = Arc::new(Shown {
            progress: Mutex::new(Progress::start(Instant::now())),
            form: progress_form::chosen(),
            volume,
            names,
            ask_hosts,
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

    /// Takes the picture away, so that what follows stands on clean lines. Says how many bytes that were sent stand at
    /// targets.
    pub(crate) fn finish(self) -> u64 {
        self.shown.lock().kept()
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            clock.abort();
        }
        // The clock may be drawing at this moment.
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

    /// When something is shown first, and how often then.
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
            Form::Lines => say(&layout::status_line(&self.view(0), &(self.ask_hosts)())),
            Form::Json => standard::stderr_line(&progress_json::status_line(&self.view(0))),
            Form::None => {}
        }
    }

    fn view(&self, most_rows: usize) -> View {
        self.lock().view(Instant::now(), most_rows)
    }

    fn draw(&self) {
        let (rows, columns) = terminal::size();
        let slow = (self.ask_hosts)();
        let most_rows = rows.saturating_sub(ROWS_FOR_OTHERS).min(MOST_ROWS);
        let mut progress = self.lock();
        let view = progress.view(Instant::now(), most_rows);
        let picture = self.picture(&view, &slow, columns);
        // Whoever ends the display waits for this.
        standard::draw(picture);
        drop(progress);
    }

    fn picture(&self, view: &View, slow: &[SlowHost], columns: usize) -> Picture {
        let room = Room { columns, symbols: self.symbols, paint: self.paint };
        let lines = layout::picture(view, slow, room).iter().map(|line| foreign::line(line)).collect();
        Picture { lines, taskbar: self.has_taskbar.then(|| in_taskbar(view)) }
    }

    /// What somebody sees who asks, for people.
    pub(crate) fn status(&self) -> String {
        layout::status_block(&self.view(NAMED), &(self.ask_hosts)())
    }

    /// Tells whoever asks on stderr.
    pub(crate) fn tell_status(&self) {
        match self.form {
            Form::Json => standard::stderr_text(&progress_json::status_with_images(&self.view(NAMED))),
            Form::Bars | Form::Lines | Form::None => standard::stderr_text(&foreign::lines(&self.status())),
        }
    }

    fn tell(&self, event: &Event) {
        // What waits stands in the picture.
        let is_in_picture = matches!(event, Event::Retrying { .. } | Event::RetryingList { .. })
            && self.form == Form::Bars
            && self.volume != Volume::Verbose;
        if is_in_picture || !self.volume.shows(event) {
            return;
        }
        let Some(line) = lines::line(event, &self.names, self.paint) else { return };
        match event {
            // How something ended is told however long nobody reads.
            Event::ImageFinished(_) | Event::RuleFailed(_) => standard::stderr_text(&foreign::line(&line)),
            _ => say(&line),
        }
    }

    /// `tries`: how often a step of the image was tried again that ended.
    fn tell_json(&self, event: &Event, tries: u64) {
        if let Event::ImageFinished(ended) = event
            && self.volume != Volume::Quiet
        {
            standard::stderr_text(&image_line(ended, &self.names, tries));
        }
        match error_line(event, &self.names) {
            Some(line) if self.volume.shows(event) => standard::stderr_text(&line),
            Some(_) => {}
            None if matches!(event, Event::ImageFinished(_)) || !self.volume.shows(event) => {}
            None => {
                if let Some(line) = lines::line(event, &self.names, self.paint) {
                    warn(json_lines::words(&line));
                }
            }
        }
    }
}

impl Observer for Shown {
    fn event(&self, _: &Stamp, event: &Event) {
        let mut progress = self.lock();
        let tries = match event {
            Event::ImageFinished(ended) => progress.tried_again(&ended.image),
            _ => 0,
        };
        progress.event(Instant::now(), event);
        drop(progress);
        match self.form {
            Form::Json => self.tell_json(event, tries),
            Form::Bars | Form::Lines | Form::None => self.tell(event),
        }
    }
}

fn in_taskbar(view: &View) -> Taskbar {
    let percent = layout::percent(view);
    match view.images.failed {
        _ if view.lists && view.images.ended() == 0 => Taskbar::Busy,
        0 => Taskbar::Percent(percent),
        _ => Taskbar::Failing(percent),
    }
}
