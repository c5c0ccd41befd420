//! Progress bars: one for the whole run, one for each image whose bytes move.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use sync::{Event, Image, Observer};

use super::{Paint, Volume, foreign, lines};

/// More bars than this would push each other off the screen.
const MOST_BARS: usize = 12;
/// Redraws in a second: bytes arrive thousands of times in one.
const REDRAWS: u8 = 10;

/// Draws on stderr.
pub(crate) struct Bars {
    screen: MultiProgress,
    images: ProgressBar,
    bytes: ProgressBar,
    moving: Mutex<HashMap<Arc<Image>, ProgressBar>>,
    paint: Paint,
    volume: Volume,
}

impl Bars {
    pub(crate) fn start(volume: Volume) -> Self {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS));
        let images = screen.add(ProgressBar::new(0).with_style(style(
            "{spinner} {pos}/{len} images  {elapsed_precise}  about {eta} left  {wide_bar:.green}",
        )));
        let bytes = screen.add(
            ProgressBar::new(0)
                .with_style(style("  {bytes} of {total_bytes} found so far moved  {bytes_per_sec}")),
        );
        images.enable_steady_tick(Duration::from_millis(120));
        Self { screen, images, bytes, moving: Mutex::default(), paint: Paint::for_stderr(), volume }
    }

    pub(crate) fn finish(&self) {
        self.moving().clear();
        self.images.finish_and_clear();
        self.bytes.finish_and_clear();
        let _ = self.screen.clear();
    }

    /// Writes lines above the bars.
    pub(crate) fn println(&self, lines: &str) {
        let _ = self.screen.println(foreign::lines(lines));
    }

    fn moving(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<Image>, ProgressBar>> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn blob_started(&self, image: &Arc<Image>, size: u64) {
        self.bytes.inc_length(size);
        let mut moving = self.moving();
        if let Some(bar) = moving.get(image) {
            bar.inc_length(size);
        } else if moving.len() < MOST_BARS {
            let style =
                style("  {bar:24.cyan} {bytes:>10}/{total_bytes:<10} {bytes_per_sec:>12}  {wide_msg}");
            let bar = self.screen.add(ProgressBar::new(size).with_style(style));
            bar.set_message(image.target_name());
            moving.insert(image.clone(), bar);
        }
    }

    fn bytes_moved(&self, image: &Arc<Image>, bytes: u64) {
        self.bytes.inc(bytes);
        if let Some(bar) = self.moving().get(image) {
            bar.inc(bytes);
        }
    }

    fn image_finished(&self, image: &Arc<Image>) {
        self.images.inc(1);
        if let Some(bar) = self.moving().remove(image) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
    }
}

impl Observer for Bars {
    fn event(&self, event: &Event) {
        match event {
            Event::ImagePlanned(_) => self.images.inc_length(1),
            Event::BlobStarted { image, size, .. } => self.blob_started(image, size.unwrap_or(0)),
            Event::BytesMoved { image, bytes } => self.bytes_moved(image, *bytes),
            Event::ImageFinished { image, .. } => self.image_finished(image),
            _ => {}
        }
        if self.volume.shows(event)
            && let Some(line) = lines::line(event, self.paint)
        {
            let _ = self.screen.println(foreign::line(&line));
        }
    }
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
        let source = include_str!("bars.rs");
        let templates =
            source.split('"').filter(|text| text.contains("{bytes}") || text.contains("{spinner}"));
        for template in templates.take(3) {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
