//! Images that follow others, such as signatures: they come last, and are small.

use sync::Image;

use super::sizes::Sizes;

/// The number of images, and of ended ones.
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

/// The bytes that images needed. Followers are counted separately, because their sizes differ from the others'.
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

    /// The estimated least and most bytes of this many more images; `None` if too few were seen. If no follower was seen, followers count
    /// as 0.
    pub(super) fn guess(&self, images: u64, followers: u64) -> Option<(f64, f64)> {
        let (low, high) = if images == 0 { (0.0, 0.0) } else { self.images.guess(images)? };
        let (least, most) = self.followers.guess(followers).unwrap_or_default();
        Some((low + least, high + most))
    }
}
