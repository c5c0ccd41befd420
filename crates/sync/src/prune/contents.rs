//! What a target repository has, and what of it needs what.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use oci::{Digest, Tag};

/// The tags of a repository, and what their manifests name.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    /// All tags that are listed, also those without a manifest.
    pub(super) listed: BTreeSet<Tag>,
    /// What tags point at.
    pub(super) tags: BTreeMap<Tag, Digest>,
    /// What each manifest that was read needs: an index its children, a referrer its subject.
    pub(super) needs: HashMap<Digest, Vec<Digest>>,
    /// Manifests that are there though nothing that was read names them.
    pub(super) untagged: HashSet<Digest>,
    /// What refers to manifests and has no tag.
    pub(super) referrers: HashMap<Digest, Vec<Digest>>,
    /// Manifests whose referrers cannot be listed, and why.
    pub(super) unlisted: HashMap<Digest, String>,
}

impl Contents {
    /// Everything that some manifests need, these included, each with the name of one that leads to it.
    pub(super) fn needed_by<'a, N>(
        &'a self,
        roots: impl Iterator<Item = (N, &'a Digest)>,
    ) -> HashMap<&'a Digest, N>
    where
        N: Copy,
    {
        let (mut needed, mut open) = (HashMap::new(), Vec::new());
        for (name, root) in roots {
            open.push(root);
            while let Some(digest) = open.pop() {
                if needed.contains_key(digest) {
                    continue;
                }
                needed.insert(digest, name);
                open.extend(self.needs.get(digest).into_iter().flatten());
            }
        }
        needed
    }

    /// The tags that point at a manifest.
    pub(super) fn tags_of<'a>(&'a self, digest: &'a Digest) -> impl Iterator<Item = &'a Tag> {
        self.tags.iter().filter(move |(_, tagged)| *tagged == digest).map(|(tag, _)| tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_needs_its_children_and_a_referrer_its_subject() {
        let digest = |name: &str| Digest::sha256(name.as_bytes());
        let (index, child, nested, signature, other) =
            (digest("index"), digest("child"), digest("nested"), digest("signature"), digest("other"));
        let needs = [
            (index.clone(), vec![child.clone()]),
            (child.clone(), vec![nested.clone(), index.clone()]),
            (signature.clone(), vec![other.clone()]),
        ];
        let contents = Contents { needs: needs.into_iter().collect(), ..Contents::default() };
        let needed = contents.needed_by([("i", &index), ("s", &signature)].into_iter());
        let expected = [(&index, "i"), (&child, "i"), (&nested, "i"), (&signature, "s"), (&other, "s")];
        assert_eq!(needed, expected.into_iter().collect());
    }
}
