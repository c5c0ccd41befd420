//! Which shard carries out which step of a plan.

use std::sync::Arc;

use oci::Digest;
use sync::{Chains, Image, Split, Splittable};

/// The steps of a plan, divided by what they send. Those of which one reads what the other writes are in one part.
pub(crate) struct Division {
    chains: Chains,
    split: Split,
}

impl Division {
    /// Of all steps: where each reads, and what it is.
    pub(crate) fn of(shards: usize, steps: Vec<(Arc<str>, Splittable)>) -> Self {
        let chains =
            Chains::of(steps.iter().map(|(source, image)| (source.clone(), image.repository.clone())));
        let together = steps
            .into_iter()
            .map(|(_, image)| Splittable { repository: chains.first(&image.repository), ..image });
        let split = Split::by_bytes(shards, together);
        Self { chains, split }
    }

    /// Who carries it out, counted from 0.
    pub(crate) fn owner(&self, image: &Image) -> usize {
        self.split.owner(&self.chains.first(&image.target), &image.source_reference)
    }
}

/// The same for all shards that carry out parts of one plan: of each step's target, and who brings it. Shards of which one has
/// another leave something out, or bring it twice.
pub(crate) fn fingerprint(shards: usize, owners: impl Iterator<Item = (String, usize)>) -> Digest {
    let mut lines: Vec<_> = owners.map(|(target, owner)| format!("{target} {owner}")).collect();
    lines.sort_unstable();
    lines.insert(0, format!("plan {shards}"));
    Digest::sha256(lines.join("\n").as_bytes())
}
