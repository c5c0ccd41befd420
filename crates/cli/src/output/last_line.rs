//! Status lines of a process that is mostly idle: a line is not repeated.

use std::sync::{Mutex, PoisonError};

/// The previous line.
#[derive(Default)]
pub(super) struct LastLine(Mutex<String>);

impl LastLine {
    /// Whether to print this line: something is in work, or the line has changed.
    pub(super) fn is_news(&self, line: &str, in_work: usize) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = in_work > 0 || *last != line;
        line.clone_into(&mut last);
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_work_says_once_how_far_it_is() {
        let last = LastLine::default();
        for (line, in_work, is_news) in [
            ("no images", 0, true),
            ("no images", 0, false),
            ("1 image, 0 B/s", 1, true),
            ("1 image, 0 B/s", 1, true),
            ("1 image", 0, true),
            ("1 image", 0, false),
        ] {
            assert_eq!(last.is_news(line, in_work), is_news, "{line}");
        }
    }
}
