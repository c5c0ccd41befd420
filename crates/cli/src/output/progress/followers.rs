//! Images that follow others, such as signatures: they come last, and are small.

use sync::Image;

use super::sizes::Sizes;

/// How many there are, and have ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) planned: u64,
    pub(super) ended: u64,
}

impl Counted {
    pub(super) fn left(self) -> u64 {
        self.planned.saturating_sub(self.ended)
    }
}

/// How much images had to be sent: followers tell nothing about the others, nor these about them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    images: Sizes,
    followers: Sizes,
}

impl Seen {
    pub(super) fn add(&mut self, image: &Image, bytes: u64) {
        let sizes = if image.is_follower() { &mut self.followers } else { &mut self.images };
        sizes.add(bytes);
    }

    /// What so many more are likely to need at least and at most; `None` where too few were seen. Followers of which none was seen
    /// are taken for nothing.
    pub(super) fn guess(&self, images: u64, followers: u64) -> Option<(f64, f64)> {
        let (low, high) = if images == 0 { (0.0, 0.0) } else { self.images.guess(images)? };
        let (least, most) = self.followers.guess(followers).unwrap_or_default();
        Some((low + least, high + most))
    }
}
