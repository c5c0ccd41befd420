//! Which repositories of a store have what: all that is kept of content that has come, so it is kept small.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use oci::{Digest, RepositoryName};

use super::content::{Came, Kind};

/// What repositories have, by digest. A tree grows node by node: a table would double all at once, and hold twice what is in
/// it meanwhile.
#[derive(Default)]
pub(super) struct Holdings {
    blobs: BTreeMap<Digest, Holders>,
    manifests: BTreeMap<Digest, Holders>,
}

/// Most content is in one repository.
enum Holders {
    One(Holder),
    Several(Vec<Holder>),
}

struct Holder {
    repository: RepositoryName,
    came: Came,
}

impl Holdings {
    pub(super) fn has(&self, kind: Kind, repository: &RepositoryName, digest: &Digest) -> bool {
        self.holders(kind, digest).any(|holder| holder == repository)
    }

    /// The repositories that have it.
    pub(super) fn holders(&self, kind: Kind, digest: &Digest) -> impl Iterator<Item = &RepositoryName> {
        let holders = self.of(kind).get(digest).map_or(&[][..], Holders::as_slice);
        holders.iter().map(|holder| &holder.repository)
    }

    /// A repository has it. That it was sent is worth more than what was noted before.
    pub(super) fn note(&mut self, kind: Kind, repository: &RepositoryName, digest: &Digest, came: Came) {
        let new = Holder { repository: repository.clone(), came };
        let holders = match self.of_mut(kind).entry(digest.clone()) {
            Entry::Vacant(free) => {
                free.insert(Holders::One(new));
                return;
            }
            Entry::Occupied(holders) => holders.into_mut(),
        };
        match holders.as_mut_slice().iter_mut().find(|holder| holder.repository == *repository) {
            Some(before) if came == Came::Sent => before.came = came,
            Some(_) => {}
            None => holders.add(new),
        }
    }

    /// A repository does not have it. Gives how it was thought to have come.
    pub(super) fn forget(
        &mut self,
        kind: Kind,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Option<Came> {
        let Entry::Occupied(mut holders) = self.of_mut(kind).entry(digest.clone()) else { return None };
        let is_it = |holder: &Holder| holder.repository == *repository;
        let at = holders.get().as_slice().iter().position(is_it)?;
        match holders.get_mut() {
            Holders::Several(several) if several.len() > 1 => Some(several.swap_remove(at).came),
            Holders::One(_) | Holders::Several(_) => {
                holders.remove().as_slice().first().map(|holder| holder.came)
            }
        }
    }

    fn of(&self, kind: Kind) -> &BTreeMap<Digest, Holders> {
        match kind {
            Kind::Blob => &self.blobs,
            Kind::Manifest => &self.manifests,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut BTreeMap<Digest, Holders> {
        match kind {
            Kind::Blob => &mut self.blobs,
            Kind::Manifest => &mut self.manifests,
        }
    }
}

impl Holders {
    fn as_slice(&self) -> &[Holder] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [Holder] {
        match self {
            Self::One(one) => std::slice::from_mut(one),
            Self::Several(several) => several,
        }
    }

    fn add(&mut self, new: Holder) {
        if let Self::Several(several) = self {
            return several.push(new);
        }
        if let Self::One(one) = std::mem::replace(self, Self::Several(Vec::with_capacity(2))) {
            self.add(one);
            self.add(new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RepositoryName {
        text.parse().unwrap()
    }

    #[test]
    fn what_repositories_have_is_noted_and_forgotten_one_by_one() {
        let (mut holdings, digest) = (Holdings::default(), Digest::sha256(b"blob"));
        for repository in ["a", "b", "c", "b"] {
            holdings.note(Kind::Blob, &name(repository), &digest, Came::Mounted);
        }
        holdings.note(Kind::Blob, &name("c"), &digest, Came::Sent);
        holdings.note(Kind::Blob, &name("c"), &digest, Came::Found);
        assert_eq!(holdings.holders(Kind::Blob, &digest).count(), 3);
        assert!(!holdings.has(Kind::Manifest, &name("a"), &digest));
        let mut forget = |repository| holdings.forget(Kind::Blob, &name(repository), &digest);
        assert_eq!(["a", "c", "a"].map(&mut forget), [Some(Came::Mounted), Some(Came::Sent), None]);
        assert_eq!(["b", "b"].map(forget), [Some(Came::Mounted), None]);
        assert!(holdings.blobs.is_empty());
    }

    /// A node of the tree is some two thirds full.
    #[test]
    fn law_what_is_kept_of_a_blob_is_small() {
        let size = size_of::<Digest>() + size_of::<Holders>();
        assert!(size <= 72, "{size} bytes");
    }
}
