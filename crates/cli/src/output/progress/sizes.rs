//! How much images have to be sent, as far as that was seen: what the others will need is guessed from it.

/// Numbers, their sum and their squares.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sizes {
    count: f64,
    sum: f64,
    squares: f64,
}

/// Fewer tell nothing about the others.
const FEWEST: f64 = 3.0;

impl Sizes {
    #[expect(clippy::cast_precision_loss, reason = "a guess needs no more")]
    pub(super) fn add(&mut self, bytes: u64) {
        let bytes = bytes as f64;
        self.count += 1.0;
        self.sum += bytes;
        self.squares += bytes * bytes;
    }

    /// What so many more are likely to need at least and at most; `None` where too few were seen.
    ///
    /// The sum of `more` numbers of one kind varies by the root of `more`, the mean that it is guessed from by the root
    /// of how many were seen: both count.
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
