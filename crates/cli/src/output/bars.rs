//! Draws how far a run is: a bar for the whole run, one for each large blob that moves.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sync::{Event, Observer};

use super::progress::{Progress, Row, View};
use super::relay::Screen;
use super::{Paint, Volume, foreign, lines, size};

/// Redraws in a second.
const REDRAWS: u8 = 10;
/// The whole run's bar counts in this.
const FULL: u64 = 10_000;

/// Draws on stderr.
pub(crate) struct Bars {
    started: Instant,
    screen: MultiProgress,
    run: ProgressBar,
    /// None once the run has ended: nothing is drawn any more.
    rows: Mutex<Option<Vec<ProgressBar>>>,
    progress: Mutex<Progress>,
    paint: Paint,
    volume: Volume,
}

impl Bars {
    pub(crate) fn start(volume: Volume) -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS));
        let run = ProgressBar::new(FULL).with_style(style("{spinner} {bar:24.green} {wide_msg}"));
        let run = screen.add(run);
        let (rows, progress, paint) = (Mutex::new(Some(Vec::new())), Mutex::default(), Paint::for_stderr());
        Self { started: Instant::now(), screen, run, rows, progress, paint, volume }
    }

    pub(crate) fn finish(&self) {
        let mut rows = lock(&self.rows);
        rows.take().into_iter().flatten().for_each(|row| row.finish_and_clear());
        self.run.finish_and_clear();
        let _ = self.screen.clear();
    }

    /// Counts an event; never waits for the terminal.
    pub(super) fn count(&self, event: &Event) {
        lock(&self.progress).event(event);
    }

    fn draw_rows(&self, bars: &mut Vec<ProgressBar>, rows: &[Row]) {
        for gone in bars.drain(rows.len().min(bars.len())..) {
            gone.finish_and_clear();
            self.screen.remove(&gone);
        }
        while bars.len() < rows.len() {
            bars.push(
                self.screen.add(ProgressBar::no_length().with_style(style("  {bar:24.cyan} {wide_msg}"))),
            );
        }
        for (bar, row) in bars.iter().zip(rows) {
            bar.set_length(row.size.unwrap_or(u64::MAX));
            bar.set_position(row.sent);
            bar.set_message(foreign::line(&row_text(row)));
        }
    }
}

impl Screen for Bars {
    fn say_lines(&self, lines: &str) {
        let _ = self.screen.println(foreign::lines(lines));
    }

    fn draw(&self) {
        let mut rows = lock(&self.rows);
        let Some(bars) = &mut *rows else { return };
        let view = lock(&self.progress).view(Instant::now());
        self.run.set_message(run_text(&view, &HumanDuration(self.started.elapsed()).to_string()));
        self.run.set_position(position(view.fraction));
        self.run.tick();
        self.draw_rows(bars, &view.rows);
    }
}

impl Observer for Bars {
    fn event(&self, event: &Event) {
        if self.volume.shows(event)
            && let Some(line) = lines::line(event, self.paint)
        {
            let _ = self.screen.println(foreign::line(&line));
        }
    }
}

/// Images, bytes, speed, and how long the bytes that are known still take.
fn run_text(view: &View, elapsed: &str) -> String {
    let View { ended, planned, sent, total, is_partial, .. } = view;
    let at_least = if *is_partial { "at least " } else { "" };
    let mut text = format!("{ended}/{at_least}{planned} images");
    if *total > 0 {
        let _ = write!(text, "  {} of {at_least}{}", size(Some(*sent)), size(Some(*total)));
    }
    if let Some(speed) = view.per_second.filter(|_| *total > 0) {
        let _ = write!(text, "  {}/s", size(Some(speed)));
    }
    let _ = write!(text, "  {elapsed}");
    if let Some(left) = view.left {
        let about = if *is_partial { "at least" } else { "about" };
        let _ = write!(text, "  {about} {} left", HumanDuration(left));
    }
    text
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "between 0 and FULL"
)]
fn position(fraction: f64) -> u64 {
    (fraction.clamp(0.0, 1.0) * FULL as f64) as u64
}

fn row_text(row: &Row) -> String {
    let (sent, whole) = (size(Some(row.sent)), size(row.size));
    format!("{sent} of {whole}  {}  {}", row.digest.short(), row.image.target_name())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn style(template: &str) -> ProgressStyle {
    // A template is a constant of this file: a broken one shows in the first test that draws it.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn templates_are_valid() {
        let source = include_str!("bars.rs");
        for template in source.split('"').filter(|text| text.contains("{wide_msg}")).take(2) {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn c2_what_is_not_known_yet_is_said_to_be_so() {
        let view = |is_partial, total, left: Option<u64>| View {
            ended: 1,
            planned: 3,
            sent: 0,
            total,
            is_partial,
            per_second: left.map(|_| 1024),
            left: left.map(Duration::from_secs),
            fraction: 0.0,
            rows: Vec::new(),
        };
        for (view, text) in [
            (view(true, 0, None), "1/at least 3 images  5 s"),
            (view(false, 0, None), "1/3 images  5 s"),
            (view(false, 2048, None), "1/3 images  0 B of 2.00 KiB  5 s"),
            (
                view(true, 2048, Some(2)),
                "1/at least 3 images  0 B of at least 2.00 KiB  1.00 KiB/s  5 s  at least 2 seconds left",
            ),
            (
                view(false, 2048, Some(2)),
                "1/3 images  0 B of 2.00 KiB  1.00 KiB/s  5 s  about 2 seconds left",
            ),
        ] {
            assert_eq!(run_text(&view, "5 s"), text);
        }
    }
}
