//! Draws how far a run is: a bar for the whole run, one for each large blob that moves.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sync::{Event, Observer, Stamp};

use super::bar_text::{row_text, run_text};
use super::progress::{Progress, Row};
use super::relay::Screen;
use super::rule_names::RuleNames;
use super::{Paint, Volume, foreign, lines};

/// Redraws in a second.
const REDRAWS: u8 = 10;
/// The whole run's bar counts in this.
const FULL: u64 = 10_000;
/// What stands in a line beside the bar and its text.
const MARGIN: usize = 3;

/// Draws on stderr.
pub(crate) struct Bars {
    started: Instant,
    screen: MultiProgress,
    run: ProgressBar,
    /// How wide each bar is, in columns of the terminal.
    cells: usize,
    /// None once the run has ended: nothing is drawn any more.
    rows: Mutex<Option<Vec<ProgressBar>>>,
    progress: Mutex<Progress>,
    paint: Paint,
    volume: Volume,
    names: RuleNames,
}

impl Bars {
    pub(crate) fn start(volume: Volume, names: RuleNames) -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS));
        let cells = cells(columns());
        let template = format!("{{spinner}} {{bar:{cells}.green}} {{wide_msg}}");
        let run = screen.add(ProgressBar::new(FULL).with_style(style(&template)));
        let (rows, progress, paint) = (Mutex::new(Some(Vec::new())), Mutex::default(), Paint::for_stderr());
        Self { started: Instant::now(), screen, run, cells, rows, progress, paint, volume, names }
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

    /// Whether an event may have a line.
    pub(super) fn shows(&self, event: &Event) -> bool {
        self.volume.shows(event)
    }

    /// How many columns a text has beside its bar. A terminal may be made wider or narrower at any time.
    fn text_columns(&self) -> usize {
        columns().saturating_sub(self.cells + MARGIN)
    }

    fn draw_rows(&self, bars: &mut Vec<ProgressBar>, rows: &[Row]) {
        for gone in bars.drain(rows.len().min(bars.len())..) {
            gone.finish_and_clear();
            self.screen.remove(&gone);
        }
        while bars.len() < rows.len() {
            let template = format!("  {{bar:{}.cyan}} {{wide_msg}}", self.cells);
            bars.push(self.screen.add(ProgressBar::no_length().with_style(style(&template))));
        }
        let columns = self.text_columns();
        for (bar, row) in bars.iter().zip(rows) {
            bar.set_length(row.size.unwrap_or(u64::MAX));
            bar.set_position(row.sent);
            bar.set_message(foreign::line(&row_text(row, columns)));
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
        self.run.set_message(run_text(&view, self.started.elapsed(), self.text_columns()));
        self.run.set_position(position(view.fraction));
        self.run.tick();
        self.draw_rows(bars, &view.rows);
    }
}

impl Observer for Bars {
    fn event(&self, _: &Stamp, event: &Event) {
        if self.shows(event)
            && let Some(line) = lines::line(event, &self.names, self.paint)
        {
            let _ = self.screen.println(foreign::line(&line));
        }
    }
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

fn columns() -> usize {
    Term::stderr().size().1.into()
}

/// Bars make room for their texts where the terminal is narrow.
fn cells(columns: usize) -> usize {
    match columns {
        ..60 => 8,
        60..100 => 12,
        _ => 24,
    }
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
    use super::*;

    #[test]
    fn templates_are_valid() {
        for template in ["{spinner} {bar:8.green} {wide_msg}", "  {bar:24.cyan} {wide_msg}"] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
