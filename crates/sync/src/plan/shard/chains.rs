//! Repositories that images are copied through one after the other: the process that writes one of them must also read it.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The repositories that belong together. The first by name represents its chain.
#[derive(Clone, Debug, Default)]
pub struct Chains {
    first: HashMap<Arc<str>, Arc<str>>,
}

impl Chains {
    /// From all copies, each from a repository to another one.
    pub fn of(ways: impl IntoIterator<Item = (Arc<str>, Arc<str>)>) -> Self {
        let ways: HashSet<_> = ways.into_iter().collect();
        let written: HashSet<_> = ways.iter().map(|(_, to)| to.clone()).collect();
        let mut next_to: HashMap<Arc<str>, Vec<Arc<str>>> = HashMap::new();
        // Most sources are written by no rule, and many repositories may be copied from each of them.
        for (from, to) in ways.iter().filter(|(from, to)| from != to && written.contains(from)) {
            next_to.entry(from.clone()).or_default().push(to.clone());
            next_to.entry(to.clone()).or_default().push(from.clone());
        }
        let (mut first, names) = (HashMap::new(), next_to.keys().cloned().collect::<BTreeSet<_>>());
        for name in names {
            let mut reached = vec![name.clone()];
            while let Some(one) = reached.pop() {
                if let Entry::Vacant(vacant) = first.entry(one) {
                    reached.extend(next_to.get(vacant.key()).into_iter().flatten().cloned());
                    vacant.insert(name.clone());
                }
            }
        }
        Self { first }
    }

    /// The representative of a repository: itself, if it is in no chain.
    pub fn first(&self, repository: &Arc<str>) -> Arc<str> {
        self.first.get(repository).unwrap_or(repository).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_written_and_read_is_together_with_both_sides() {
        let ways =
            [("a/x", "m/x"), ("m/x", "z/x"), ("m/x", "b/x"), ("a/y", "m/y"), ("a/x", "q/x"), ("s", "s")];
        let chains = Chains::of(ways.map(|(from, to)| (from.into(), to.into())));
        let first = |name: &str| chains.first(&name.into()).to_string();
        assert_eq!(["m/x", "z/x", "b/x"].map(first), ["b/x"; 3]);
        // A repository that only has the same source is in no chain.
        assert_eq!(["m/y", "q/x", "a/x", "s"].map(first), ["m/y", "q/x", "a/x", "s"]);
    }
}
