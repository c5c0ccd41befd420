//! What a target registry holds and what is on its way there, so that nothing is sent twice.
//!
//! It is asked three things: "may I send it?" ([`Ledger::claim`]), "it is there now" ([`Claimed::complete`]),
//! and "tell me when the other is done" ([`Waiting::done`]). What it believes is a hint that the registry
//! may prove wrong ([`Ledger::forget`]).
//!
//! No wait can go round in a circle: who waits for a claim on a manifest or blob holds claims only on
//! manifests above it, and a sender waits for nobody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use oci::{Descriptor, Digest, RepositoryName};
use tokio::sync::watch;

use crate::run::lock;
use crate::self_mount::{Question, SelfMounts};

/// After so many declined mounts without a single success a registry is taken not to mount at all.
const DECLINED_MOUNTS: u32 = 3;

/// What kind of content: blobs can be mounted from other repositories, manifests cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Blob,
    Manifest,
}

/// What one target registry holds and is receiving.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Books>);

#[derive(Default)]
struct Books {
    entries: HashMap<(Kind, Digest), Places>,
    mounted: u32,
    declined: u32,
    self_mounts: SelfMounts,
}

#[derive(Default)]
struct Places {
    holders: Vec<RepositoryName>,
    /// Dropping the sender wakes all who wait.
    receiving: Vec<(RepositoryName, watch::Sender<()>)>,
}

/// The answer to "may I send it?".
pub(crate) enum Claim {
    /// It is there.
    Present,
    /// Yes, and nobody else may until the claim is completed or dropped.
    Mine(Claimed),
    /// Somebody is sending it: wait, and ask again.
    Theirs(Waiting),
}

/// The right to bring content to a repository. Dropping it gives the right back.
pub(crate) struct Claimed {
    ledger: Arc<Ledger>,
    kind: Kind,
    repository: RepositoryName,
    digest: Digest,
    /// A repository of the same registry that has the blob.
    pub(crate) mount_from: Option<RepositoryName>,
}

/// Somebody else's transfer.
pub(crate) struct Waiting(watch::Receiver<()>);

impl Waiting {
    /// Returns when the transfer has ended, well or badly.
    pub(crate) async fn done(mut self) {
        // Nothing is ever sent: the sender's end is the message.
        while self.0.changed().await.is_ok() {}
    }
}

impl Ledger {
    /// Asks for the right to bring `digest` to `repository`.
    pub(crate) fn claim(self: &Arc<Self>, kind: Kind, repository: &RepositoryName, digest: &Digest) -> Claim {
        let mut books = self.books();
        let mounts = kind == Kind::Blob && books.mounts_are_useful();
        let places = books.entries.entry((kind, digest.clone())).or_default();
        if places.holders.contains(repository) {
            return Claim::Present;
        }
        let mount_from = places.holders.first().filter(|_| mounts).cloned();
        let sender = places
            .receiving
            .iter()
            // The bytes on their way to another repository can be mounted once they are there.
            .find(|(receiver, _)| receiver == repository || (mounts && mount_from.is_none()));
        if let Some((_, sender)) = sender {
            return Claim::Theirs(Waiting(sender.subscribe()));
        }
        places.receiving.push((repository.clone(), watch::Sender::new(())));
        Claim::Mine(Claimed {
            ledger: self.clone(),
            kind,
            repository: repository.clone(),
            digest: digest.clone(),
            mount_from,
        })
    }

    /// Notes what the target is known to have.
    pub(crate) fn note_present(&self, kind: Kind, repository: &RepositoryName, digest: &Digest) {
        self.books().entries.entry((kind, digest.clone())).or_default().hold(repository);
    }

    /// Drops a belief that the registry has disproved.
    pub(crate) fn forget(&self, kind: Kind, repository: &RepositoryName, digest: &Digest) {
        if let Some(places) = self.books().entries.get_mut(&(kind, digest.clone())) {
            places.holders.retain(|holder| holder != repository);
        }
    }

    /// Notes how the registry took a mount.
    pub(crate) fn note_mount(&self, accepted: bool) {
        let mut books = self.books();
        if accepted {
            books.mounted += 1;
        } else {
            books.declined += 1;
        }
    }

    /// How to find out whether a blob of `size` bytes, of which nothing is noted, is in a repository.
    pub(crate) fn question(&self, repository: &RepositoryName, size: Option<u64>) -> Question {
        self.books().self_mounts.question(repository, size)
    }

    /// Whether bringing `blobs` to a repository costs no question, because the opening of each upload is one.
    pub(crate) fn asks_by_uploads(&self, repository: &RepositoryName, blobs: &[Descriptor]) -> bool {
        let books = self.books();
        let is_held = |blob: &&Descriptor| {
            let places = books.entries.get(&(Kind::Blob, blob.digest.clone()));
            places.is_some_and(|places| places.holders.contains(repository))
        };
        books.self_mounts.would_tell(blobs.iter().filter(|blob| !is_held(blob)).map(|blob| blob.size))
    }

    /// Notes whether a mount of a blob into its own repository told that it is there.
    pub(crate) fn note_self_mount(&self, tells: bool) {
        self.books().self_mounts.note(tells);
    }

    /// Notes a blob that is in a repository for sure: it was just put there, or something that needs it is there.
    pub(crate) fn note_known_blob(&self, repository: &RepositoryName, digest: &Digest) {
        self.books().self_mounts.note_known(repository, digest);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.0)
    }
}

impl Books {
    fn mounts_are_useful(&self) -> bool {
        self.mounted > 0 || self.declined < DECLINED_MOUNTS
    }
}

impl Places {
    fn hold(&mut self, repository: &RepositoryName) {
        if !self.holders.contains(repository) {
            self.holders.push(repository.clone());
        }
    }
}

impl Claimed {
    /// The content is in the repository now.
    pub(crate) fn complete(self) {
        self.ledger.note_present(self.kind, &self.repository, &self.digest);
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        let key = (self.kind, self.digest.clone());
        if let Some(places) = self.ledger.books().entries.get_mut(&key) {
            places.receiving.retain(|(receiver, _)| *receiver != self.repository);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RepositoryName {
        text.parse().unwrap()
    }

    fn mine(claim: Claim) -> Claimed {
        match claim {
            Claim::Mine(claimed) => claimed,
            Claim::Present => panic!("present"),
            Claim::Theirs(_) => panic!("somebody else's"),
        }
    }

    #[tokio::test]
    async fn a_blob_is_sent_once_to_a_repository_and_then_mounted() {
        let (ledger, blob) = (Arc::new(Ledger::default()), Digest::sha256(b"blob"));
        let claim = |repository| ledger.claim(Kind::Blob, &name(repository), &blob);
        let first = mine(claim("a"));
        assert!(first.mount_from.is_none());
        let Claim::Theirs(same) = claim("a") else { panic!() };
        let Claim::Theirs(other) = claim("b") else { panic!() };
        first.complete();
        same.done().await;
        other.done().await;
        assert!(matches!(claim("a"), Claim::Present));
        let (second, third) = (mine(claim("b")), mine(claim("c")));
        assert_eq!(second.mount_from, Some(name("a")), "mounts go side by side");
        assert_eq!(third.mount_from, Some(name("a")));
    }

    #[tokio::test]
    async fn a_dropped_claim_goes_to_the_next() {
        let (ledger, blob) = (Arc::new(Ledger::default()), Digest::sha256(b"blob"));
        let first = mine(ledger.claim(Kind::Blob, &name("a"), &blob));
        let Claim::Theirs(waiting) = ledger.claim(Kind::Blob, &name("a"), &blob) else { panic!() };
        drop(first);
        waiting.done().await;
        mine(ledger.claim(Kind::Blob, &name("a"), &blob)).complete();
        ledger.forget(Kind::Blob, &name("a"), &blob);
        mine(ledger.claim(Kind::Blob, &name("a"), &blob));
    }

    #[test]
    fn manifests_are_not_mounted() {
        let (ledger, manifest) = (Arc::new(Ledger::default()), Digest::sha256(b"manifest"));
        let _held = mine(ledger.claim(Kind::Manifest, &name("a"), &manifest));
        assert!(mine(ledger.claim(Kind::Manifest, &name("b"), &manifest)).mount_from.is_none());
    }

    #[test]
    fn a_registry_that_declines_mounts_is_not_waited_for() {
        let (ledger, blob) = (Arc::new(Ledger::default()), Digest::sha256(b"blob"));
        for _ in 0..DECLINED_MOUNTS {
            ledger.note_mount(false);
        }
        let _first = mine(ledger.claim(Kind::Blob, &name("a"), &blob));
        let _second = mine(ledger.claim(Kind::Blob, &name("b"), &blob));
    }
}
