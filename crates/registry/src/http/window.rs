//! Computes how many requests a host gets at once, without any waiting.

use std::time::Instant;

/// Requests at once at the beginning.
const FIRST_WINDOW: f64 = 16.0;
/// This many answers of 500 in a row are not caused by one broken image, or by a few neighbours.
pub(super) const FEWEST_TROUBLES: usize = 16;
/// More requests at once never help: from here on the line or the disk is the limit.
const LARGEST_WINDOW: f64 = 512.0;

/// Requests of one kind that a host gets at once.
pub(super) struct Window {
    size: f64,
    /// Below it the window doubles each round, above it the window grows by one.
    threshold: f64,
    in_flight: usize,
    /// How often in a row the host had trouble with a request's content.
    troubles: usize,
    last_cut: Option<Instant>,
}

impl Default for Window {
    fn default() -> Self {
        Self { size: FIRST_WINDOW, threshold: LARGEST_WINDOW, in_flight: 0, troubles: 0, last_cut: None }
    }
}

impl Window {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 512")]
    pub(super) fn places(&self) -> usize {
        self.size as usize
    }

    pub(super) fn enter(&mut self) -> bool {
        let is_free = self.in_flight < self.places();
        if is_free {
            self.in_flight += 1;
        }
        is_free
    }

    /// Returns a slot; returns how many waiting requests may try now.
    pub(super) fn leave(&mut self) -> usize {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.places().saturating_sub(self.in_flight).min(2)
    }

    pub(super) fn grow(&mut self) {
        self.troubles = 0;
        // A window that is not filled says nothing about what the host can take.
        if self.in_flight * 2 < self.places() {
            return;
        }
        let step = if self.size < self.threshold { 1.0 } else { 1.0 / self.size };
        self.size = (self.size + step).min(LARGEST_WINDOW);
    }

    /// Counts a trouble with one manifest or blob. A whole round of them, without any success, is the host's trouble.
    pub(super) fn is_trouble_of_all(&mut self) -> bool {
        self.troubles += 1;
        self.troubles >= self.places().max(FEWEST_TROUBLES)
    }

    /// Halves the window, once for all requests that were under way together.
    pub(super) fn cut(&mut self, begun: Instant, now: Instant) {
        if self.last_cut.is_some_and(|cut| begun < cut) {
            return;
        }
        self.troubles = 0;
        self.size = (self.size / 2.0).max(1.0);
        self.threshold = self.size;
        self.last_cut = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn c66_the_window_doubles_then_halves_then_creeps() {
        let mut window = Window::default();
        let start = Instant::now();
        while window.enter() {}
        for _ in 0..16 {
            window.grow();
        }
        assert_eq!(window.places(), 32, "a round of 16 answers doubles it");
        let later = start + Duration::from_secs(1);
        window.cut(start, later);
        window.cut(start, later);
        assert_eq!(window.places(), 16, "requests that were under way together cut it once");
        for _ in 0..16 {
            window.grow();
        }
        assert_eq!(window.places(), 16);
        window.grow();
        assert_eq!(window.places(), 17, "one more each round");
        for second in 2..20 {
            let at = start + Duration::from_secs(second);
            window.cut(at, at);
        }
        assert_eq!(window.places(), 1, "never less than one");
    }
}
