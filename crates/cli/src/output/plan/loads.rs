//! Which distinct blobs the steps of a plan bring to each repository: after one step has sent a blob, the next finds or mounts it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use oci::Digest;

use super::step::{Blob, Held};

/// What a step has to bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Brought {
    pub(super) sent: usize,
    pub(super) bytes: u64,
    pub(super) mounted: usize,
    pub(super) bytes_mounted: u64,
}

/// The blobs of all steps so far. Some hundred bytes for each blob.
#[derive(Default)]
pub(super) struct Loads {
    /// Ids of registries and repositories.
    numbers: HashMap<Arc<str>, u32>,
    in_registry: HashSet<(u32, Digest)>,
    in_repository: HashSet<(u32, Digest)>,
    /// The existence checks of each repository.
    asked: HashSet<(u32, Digest)>,
}

impl Loads {
    /// Adds a step to `repository` and its registry; returns what it has to bring.
    pub(super) fn add(&mut self, repository: &Arc<str>, blobs: Vec<Blob>) -> Brought {
        let registry = repository.split_once('/').map_or(&**repository, |(registry, _)| registry);
        let (registry, repository) = (self.number(registry), self.number(repository));
        let mut brought = Brought::default();
        for Blob(digest, size, held) in blobs {
            if !self.in_repository.insert((repository, digest.clone())) {
                continue;
            }
            if self.in_registry.insert((registry, digest)) && held == Held::Nowhere {
                brought.sent += 1;
                brought.bytes = brought.bytes.saturating_add(size);
            } else {
                brought.mounted += 1;
                brought.bytes_mounted = brought.bytes_mounted.saturating_add(size);
            }
        }
        brought
    }

    /// Whether no step so far has this target repository.
    pub(super) fn is_new(&self, repository: &Arc<str>) -> bool {
        !self.numbers.contains_key(repository)
    }

    /// The number of existence checks of a step that no earlier step made: a run makes each once.
    pub(super) fn asked(&mut self, repository: &Arc<str>, looks: Vec<Digest>) -> usize {
        let repository = self.number(repository);
        looks.into_iter().filter(|digest| self.asked.insert((repository, digest.clone()))).count()
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name.into(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_sent_to_a_registry_once_and_mounted_into_its_other_repositories() {
        let mut loads = Loads::default();
        let mut add = |repository: &str, held: Held| {
            let brought = loads.add(&repository.into(), vec![Blob(Digest::sha256(b"x"), 10, held)]);
            (brought.bytes, brought.bytes_mounted)
        };
        assert_eq!(add("r.io/a", Held::Nowhere), (10, 0));
        assert_eq!(add("r.io/a", Held::Nowhere), (0, 0));
        assert_eq!(add("r.io/b", Held::Nowhere), (0, 10));
        assert_eq!(add("q.io/a", Held::Elsewhere), (0, 10), "a repository of the registry has it already");
        assert_eq!(add("p.io/a", Held::Nowhere), (10, 0));
    }

    #[test]
    fn a_repository_is_asked_once_for_what_it_has() {
        let mut loads = Loads::default();
        let looks = |texts: [&str; 2]| texts.map(|text| Digest::sha256(text.as_bytes())).to_vec();
        assert_eq!(loads.asked(&"r.io/a".into(), looks(["x", "y"])), 2);
        assert_eq!(loads.asked(&"r.io/a".into(), looks(["y", "z"])), 1);
        assert_eq!(loads.asked(&"r.io/b".into(), looks(["x", "x"])), 1);
    }

    #[test]
    fn sizes_that_somebody_made_up_do_not_go_round() {
        let (mut loads, huge) = (Loads::default(), 1 << 62);
        let blobs = (0_u8..5).map(|number| Blob(Digest::sha256(&[number]), huge, Held::Nowhere));
        assert_eq!(loads.add(&"r.io/a".into(), blobs.collect()).bytes, u64::MAX);
    }
}
