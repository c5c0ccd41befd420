//! The contents of a target repository, and their dependencies.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use oci::{Digest, Tag};

/// The tags of a repository, and the references between its manifests.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    /// All listed tags, also those without a manifest.
    pub(super) listed: BTreeSet<Tag>,
    /// Listed names that are no tags: their digests are unknown.
    pub(super) invalid: BTreeSet<String>,
    /// The digest of each tag.
    tags: BTreeMap<Tag, Digest>,
    /// The tags of each digest.
    tagged: HashMap<Digest, Vec<Tag>>,
    /// The children of each manifest that was read.
    children: HashMap<Digest, Vec<Digest>>,
    /// The subject of each manifest that was read.
    subjects: HashMap<Digest, Digest>,
    /// Manifests that exist although no manifest that was read refers to them.
    pub(super) untagged: HashSet<Digest>,
    /// The referrers without a tag of each manifest.
    pub(super) referrers: HashMap<Digest, Vec<Digest>>,
    /// Manifests whose referrers cannot be listed, and why.
    pub(super) unlisted: HashMap<Digest, String>,
}

impl Contents {
    /// A repository of which only the listing is known.
    pub(super) fn listing(listed: BTreeSet<Tag>, invalid: BTreeSet<String>) -> Self {
        Self { listed, invalid, ..Self::default() }
    }

    /// Records the digest of a tag.
    pub(super) fn point(&mut self, tag: Tag, digest: Digest) {
        self.tagged.entry(digest.clone()).or_default().push(tag.clone());
        self.tags.insert(tag, digest);
    }

    /// Records the children and the subject of a manifest.
    pub(super) fn read(&mut self, digest: &Digest, children: Vec<Digest>, subject: Option<Digest>) {
        self.children.insert(digest.clone(), children);
        self.subjects.extend(subject.map(|subject| (digest.clone(), subject)));
    }

    /// Tags with their digests, sorted.
    pub(super) fn tags(&self) -> impl Iterator<Item = (&Tag, &Digest)> {
        self.tags.iter()
    }

    /// The digest of a tag.
    pub(super) fn digest(&self, tag: &Tag) -> Option<&Digest> {
        self.tags.get(tag)
    }

    /// The tags that point at a manifest.
    pub(super) fn tags_of(&self, digest: &Digest) -> &[Tag] {
        self.tagged.get(digest).map_or(&[], Vec::as_slice)
    }

    /// Whether a manifest was read, or is known to exist.
    pub(super) fn is_there(&self, digest: &Digest) -> bool {
        self.is_read(digest) || self.untagged.contains(digest)
    }

    /// Whether a manifest was read.
    pub(super) fn is_read(&self, digest: &Digest) -> bool {
        self.children.contains_key(digest)
    }

    /// All known digests: of manifests that were read, their children and their subjects.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        let read =
            self.children.iter().flat_map(|(digest, children)| std::iter::once(digest).chain(children));
        read.chain(self.subjects.values())
    }

    /// The children of all manifests that were read, without those of `others`.
    pub(super) fn children_without(&self, others: &HashSet<&Digest>) -> HashSet<&Digest> {
        let named = self.children.iter().filter(|(digest, _)| !others.contains(digest));
        named.flat_map(|(_, children)| children).collect()
    }

    /// Everything that some manifests need, including themselves, each with the name of a root that needs it. A
    /// referrer needs its subject.
    pub(super) fn needed_by<'a, N>(
        &'a self,
        roots: impl Iterator<Item = (N, &'a Digest)>,
    ) -> HashMap<&'a Digest, N>
    where
        N: Copy,
    {
        walk(roots, |digest| {
            let children = self.children.get(digest).into_iter().flatten();
            children.chain(self.subjects.get(digest))
        })
    }

    /// Some manifests, and everything below them, which goes with them unless something else needs it. Excludes their
    /// subjects.
    pub(super) fn below<'a>(&'a self, roots: impl Iterator<Item = &'a Digest>) -> HashSet<&'a Digest> {
        let below =
            walk(roots.map(|root| ((), root)), |digest| self.children.get(digest).into_iter().flatten());
        below.into_keys().collect()
    }
}

/// Everything that can be reached, each with the name of a root that leads to it.
fn walk<'a, N: Copy, I: Iterator<Item = &'a Digest>>(
    roots: impl Iterator<Item = (N, &'a Digest)>,
    next: impl Fn(&'a Digest) -> I,
) -> HashMap<&'a Digest, N> {
    let (mut reached, mut open) = (HashMap::new(), Vec::new());
    for (name, root) in roots {
        open.push(root);
        while let Some(digest) = open.pop() {
            if reached.contains_key(digest) {
                continue;
            }
            reached.insert(digest, name);
            open.extend(next(digest));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_needs_its_children_and_a_referrer_its_subject() {
        let digest = |name: &str| Digest::sha256(name.as_bytes());
        let (index, child, nested, signature, other) =
            (digest("index"), digest("child"), digest("nested"), digest("signature"), digest("other"));
        let mut contents = Contents::default();
        contents.read(&index, vec![child.clone()], None);
        contents.read(&child, vec![nested.clone()], Some(index.clone()));
        contents.read(&signature, Vec::new(), Some(other.clone()));
        let needed = contents.needed_by([("i", &index), ("s", &signature)].into_iter());
        let expected = [(&index, "i"), (&child, "i"), (&nested, "i"), (&signature, "s"), (&other, "s")];
        assert_eq!(needed, expected.into_iter().collect());
        let below = contents.below([&child, &signature].into_iter());
        assert_eq!(below, [&child, &nested, &signature].into_iter().collect(), "a subject is nothing below");
    }

    #[test]
    fn tags_are_found_by_what_they_point_at() {
        let (one, other) = (Digest::sha256(b"one"), Digest::sha256(b"other"));
        let mut contents = Contents::default();
        for (name, digest) in [("a", &one), ("b", &other), ("c", &one)] {
            contents.point(name.parse().unwrap(), digest.clone());
        }
        let names = |digest| contents.tags_of(digest).iter().map(Tag::as_str).collect::<Vec<_>>();
        assert_eq!((names(&one), names(&other)), (vec!["a", "c"], vec!["b"]));
        assert_eq!(contents.tags().count(), 3);
    }
}
