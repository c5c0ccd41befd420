//! What each shard of a divided plan brings, for people.

use std::io::Error;

use sync::Action;

use super::recorder::Plan;
use crate::output::amount_text::bytes;
use crate::output::number::counted;

/// The totals of one shard.
#[derive(Clone, Copy, Default)]
struct Brings {
    images: u64,
    bytes: u64,
}

impl Plan {
    /// A line for each shard; empty if the plan is not divided.
    ///
    /// # Errors
    /// A temporary file cannot be read.
    pub(crate) fn lines_of_shards(&self) -> Result<Vec<String>, Error> {
        let (Some(division), Some(shards)) = (self.division()?, self.shards) else { return Ok(Vec::new()) };
        let mut parts = vec![Brings::default(); shards];
        for weighed in self.steps()? {
            let step = weighed?.step;
            let brings =
                matches!(step.action, Action::Create | Action::Update | Action::Retag | Action::Referrers);
            if let Some(part) = parts.get_mut(division.owner(&step.image)).filter(|_| brings) {
                part.images += 1;
                part.bytes = part.bytes.saturating_add(step.bytes);
            }
        }
        let line = |(part, number): (&Brings, usize)| {
            let images = counted(part.images, "image", "images");
            format!("shard {number}/{shards}: {images} to bring, {}", bytes(part.bytes))
        };
        Ok(parts.iter().zip(1..).map(line).collect())
    }
}
