//! Which repositories of a store have which content. Kept for all content that was brought, so it must be small.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use oci::{Digest, RepositoryName};

use super::content::{Came, Kind};

/// The repositories that have content, by digest. A tree, because it grows node by node: a hash table would double at
/// once, and use twice its memory while it grows.
#[derive(Default)]
pub(super) struct Holdings {
    repositories: Repositories,
    blobs: BTreeMap<Digest, Holders>,
    manifests: BTreeMap<Digest, Holders>,
}

/// The repositories of the store, each with a number, which the entries use.
#[derive(Default)]
struct Repositories {
    numbers: HashMap<RepositoryName, u32>,
    names: Vec<RepositoryName>,
}

/// Most content is in one repository.
enum Holders {
    One(Holder),
    Several(Box<[Holder]>),
}

#[derive(Clone, Copy)]
struct Holder {
    repository: u32,
    came: Came,
}

impl Repositories {
    fn number(&mut self, name: &RepositoryName) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // A store has millions of repositories at most.
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name.clone(), number);
        self.names.push(name.clone());
        number
    }

    fn name(&self, number: u32) -> Option<&RepositoryName> {
        self.names.get(usize::try_from(number).ok()?)
    }
}

impl Holdings {
    pub(super) fn has(&self, kind: Kind, repository: &RepositoryName, digest: &Digest) -> bool {
        let Some(number) = self.repositories.numbers.get(repository) else { return false };
        let holders = self.of(kind).get(digest).map_or(&[][..], Holders::as_slice);
        holders.iter().any(|holder| holder.repository == *number)
    }

    /// The repositories that have the content.
    pub(super) fn holders(&self, kind: Kind, digest: &Digest) -> impl Iterator<Item = &RepositoryName> {
        let holders = self.of(kind).get(digest).map_or(&[][..], Holders::as_slice);
        holders.iter().filter_map(|holder| self.repositories.name(holder.repository))
    }

    /// The repositories to which the content was sent.
    pub(super) fn sent_to(&self, kind: Kind, digest: &Digest) -> impl Iterator<Item = &RepositoryName> {
        let holders = self.of(kind).get(digest).map_or(&[][..], Holders::as_slice);
        let sent = holders.iter().filter(|holder| holder.came == Came::Sent);
        sent.filter_map(|holder| self.repositories.name(holder.repository))
    }

    /// Notes that a repository has the content. `Sent` replaces what was noted before.
    pub(super) fn note(&mut self, kind: Kind, repository: &RepositoryName, digest: &Digest, came: Came) {
        let new = Holder { repository: self.repositories.number(repository), came };
        let holders = match self.of_mut(kind).entry(digest.clone()) {
            Entry::Vacant(free) => {
                free.insert(Holders::One(new));
                return;
            }
            Entry::Occupied(holders) => holders.into_mut(),
        };
        match holders.as_mut_slice().iter_mut().find(|holder| holder.repository == new.repository) {
            Some(before) if came == Came::Sent => before.came = came,
            Some(_) => {}
            None => holders.add(new),
        }
    }

    /// Notes that a repository does not have the content. Returns how it was thought to have got there.
    pub(super) fn forget(
        &mut self,
        kind: Kind,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Option<Came> {
        let number = *self.repositories.numbers.get(repository)?;
        let Entry::Occupied(mut holders) = self.of_mut(kind).entry(digest.clone()) else { return None };
        let mut left = holders.get().as_slice().to_vec();
        let at = left.iter().position(|holder| holder.repository == number)?;
        let forgotten = left.remove(at);
        if left.is_empty() {
            holders.remove();
        } else {
            *holders.get_mut() = Holders::Several(left.into());
        }
        Some(forgotten.came)
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
        *self = Self::Several(self.as_slice().iter().copied().chain([new]).collect());
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

    /// The nodes of the tree are about two thirds full.
    #[test]
    fn law_what_is_kept_of_a_blob_is_small() {
        let size = size_of::<Digest>() + size_of::<Holders>();
        assert!(size <= 56, "{size} bytes");
    }
}
