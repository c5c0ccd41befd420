//! The bytes that images needed so far, to estimate those of the others.

/// A count, a sum, and a sum of squares.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sizes {
    count: f64,
    sum: f64,
    squares: f64,
}

/// The least number of images for an estimate.
const FEWEST: f64 = 3.0;

impl Sizes {
    #[expect(clippy::cast_precision_loss, reason = "a guess needs no more")]
    pub(super) fn add(&mut self, bytes: u64) {
        let bytes = bytes as f64;
        self.count += 1.0;
        self.sum += bytes;
        self.squares += bytes * bytes;
    }

    /// The estimated least and most bytes of this many more images; `None` if too few were seen.
    ///
    /// The sum of `more` numbers varies by the root of `more`, and the mean that it is estimated from by the root of the number seen: both
    /// count.
    pub(super) fn guess(&self, more: u64) -> Option<(f64, f64)> {
        if self.count < FEWEST {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a guess needs no more")]
        let more = more as f64;
        let mean = self.sum / self.count;
        let deviation = (self.squares / self.count - mean * mean).max(0.0).sqrt();
        let spread = deviation * (more + more * more / self.count).sqrt();
        let wanted = mean * more;
        Some(((wanted - spread).max(0.0), wanted + spread))
    }
}
