//! Which shard carries out each step of a plan.

use std::sync::Arc;

use oci::Digest;
use sync::{Chains, Image, Split, Splittable};

/// The steps of a plan, divided by the bytes to send. If one step reads what another writes, both are in the same shard.
pub(crate) struct Division {
    chains: Chains,
    split: Split,
}

impl Division {
    /// Divides the steps, each given by its source repository and its image.
    pub(crate) fn of(shards: usize, steps: Vec<(Arc<str>, Splittable)>) -> Self {
        let chains =
            Chains::of(steps.iter().map(|(source, image)| (source.clone(), image.repository.clone())));
        let together = steps
            .into_iter()
            .map(|(_, image)| Splittable { repository: chains.first(&image.repository), ..image });
        let split = Split::by_bytes(shards, together);
        Self { chains, split }
    }

    /// The shard of an image, counted from 0.
    pub(crate) fn owner(&self, image: &Image) -> usize {
        self.split.owner(&self.chains.first(&image.target), &image.source_reference)
    }
}

/// The fingerprint of a division: of each step's target and shard. Shards with different fingerprints would omit steps, or repeat them.
pub(crate) fn fingerprint(shards: usize, owners: impl Iterator<Item = (String, usize)>) -> Digest {
    let mut lines: Vec<_> = owners.map(|(target, owner)| format!("{target} {owner}")).collect();
    lines.sort_unstable();
    lines.insert(0, format!("plan {shards}"));
    Digest::sha256(lines.join("\n").as_bytes())
}
