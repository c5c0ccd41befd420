//! What a target registry has and what is being sent there, so that nothing is sent twice.
//!
//! Copies use it in three ways: "may I send it?" ([`Ledger::claim`]), "the target has it now"
//! ([`Claimed::complete`]), and "tell me when the other copy is done" ([`Waiting::done`]). Its knowledge is a hint
//! that the registry may prove wrong ([`Ledger::forget`]).
//!
//! Waits cannot form a cycle: a copy that waits for a claim on a manifest or blob holds claims only on manifests
//! above it, and a copy that sends waits for no other copy.

mod claim;
mod content;
mod failure;
mod holdings;
#[cfg(test)]
mod lost_lease;
mod mounts;
mod waiting;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use oci::{Descriptor, Digest, RepositoryName};
use tokio::sync::watch;

pub(crate) use self::claim::{Claim, Claimed, Declined};
pub(crate) use self::content::{Came, Kind};
pub(crate) use self::failure::{Failure, Why, is_of_manifest};
use self::holdings::Holdings;
use self::mounts::{Mounts, project};
pub(crate) use self::waiting::Waiting;
use crate::lock::lock;
use crate::memory::self_mount::{Question, SelfMounts};

/// How many repositories are tried for a mount of a blob before it is sent.
const MOST_HOLDERS: usize = 3;

/// What to do about a blob that a registry reported as mounted, and as missing afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Ask the registry whether it has the blob.
    Ask,
    /// The registry said so, and missed the blob again: send it.
    Send,
    /// A check found it missing or damaged, whatever the registry answers to a HEAD: send it. Mount it only from a
    /// repository to which it was sent just now, because a damaged blob is damaged in all repositories of a store.
    Broken,
}

/// What one target registry has and is receiving.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Books>);

#[derive(Default)]
struct Books {
    holdings: Holdings,
    /// Contains only transfers that are running.
    receiving: HashMap<(Kind, Digest), Vec<Receiving>>,
    claims: u64,
    mounts: Mounts,
    doubts: HashMap<(RepositoryName, Digest), Doubt>,
    self_mounts: SelfMounts,
}

/// Content that is being brought to a repository.
struct Receiving {
    claim: u64,
    repository: RepositoryName,
    stage: Stage,
    /// Dropping it wakes all waiting copies.
    ended: watch::Sender<Option<Arc<Failure>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The copy has requested a mount. It may yet have to wait for another repository that gets the bytes.
    Mounting,
    Sending,
}

/// How to bring a blob to a repository, if no other copy is bringing it there.
enum Way {
    Mount(RepositoryName),
    /// Wait for its transfer to another repository, and mount it then.
    Wait(Waiting),
    Send,
}

/// The right to find out whether mounts tell what a registry has. If it is dropped without a result, the next copy
/// may find out.
pub(crate) struct Proof(Arc<Ledger>);

impl Drop for Proof {
    fn drop(&mut self) {
        self.0.books().self_mounts.leave_unproved();
    }
}

impl Ledger {
    /// Notes content that the target is known to have.
    pub(crate) fn note_present(&self, kind: Kind, repository: &RepositoryName, digest: &Digest) {
        self.books().hold(kind, repository, digest, Came::Found);
    }

    /// Notes content whose bytes were stored just now.
    pub(crate) fn note_stored(&self, kind: Kind, repository: &RepositoryName, digest: &Digest) {
        self.books().hold(kind, repository, digest, Came::Sent);
    }

    /// Notes that the target's content is damaged, until it is stored anew.
    pub(crate) fn note_broken(&self, kind: Kind, repository: &RepositoryName, digest: &Digest) {
        let mut books = self.books();
        books.holdings.forget(kind, repository, digest);
        books.doubts.insert((repository.clone(), digest.clone()), Doubt::Broken);
    }

    /// Whether the target's content is known to be damaged.
    pub(crate) fn is_broken(&self, repository: &RepositoryName, digest: &Digest) -> bool {
        self.books().doubt(repository, digest) == Some(Doubt::Broken)
    }

    /// Whether a repository has the content, as far as known.
    pub(crate) fn holds(&self, kind: Kind, repository: &RepositoryName, digest: &Digest) -> bool {
        self.books().holdings.has(kind, repository, digest)
    }

    /// Drops knowledge that the registry has disproved.
    pub(crate) fn forget(&self, kind: Kind, repository: &RepositoryName, digest: &Digest) {
        let mut books = self.books();
        let Some(came) = books.holdings.forget(kind, repository, digest) else { return };
        let key = (repository.clone(), digest.clone());
        match (came, books.doubts.get(&key)) {
            (Came::Mounted, None) => books.doubts.insert(key, Doubt::Ask),
            (Came::Mounted | Came::Found, Some(Doubt::Ask | Doubt::Send)) => {
                books.doubts.insert(key, Doubt::Send)
            }
            (Came::Found, None) | (Came::Sent, _) | (_, Some(Doubt::Broken)) => None,
        };
    }

    /// Notes that the registry reported a blob as mounted that it does not have: mounts are not believed any more.
    pub(crate) fn disprove_mounts(&self) {
        self.books().mounts.disprove();
    }

    pub(crate) fn believes_mounts(&self) -> bool {
        self.books().mounts.are_believed()
    }

    /// How to find out whether a repository has a blob of `size` bytes of which the ledger knows nothing.
    pub(crate) fn question(&self, repository: &RepositoryName, size: Option<u64>) -> Question {
        self.books().self_mounts.question(repository, size)
    }

    /// Whether looking for `blobs` in a repository costs no request of its own, because opening each upload session tells.
    pub(crate) fn asks_by_uploads(&self, repository: &RepositoryName, blobs: &[Descriptor]) -> bool {
        let books = self.books();
        let is_held = |blob: &&Descriptor| books.holdings.has(Kind::Blob, repository, &blob.digest);
        books.self_mounts.would_tell(blobs.iter().filter(|blob| !is_held(blob)).map(|blob| blob.size))
    }

    /// Notes whether a mount of a blob from its own repository told that the blob is present.
    pub(crate) fn note_self_mount(&self, tells: bool) {
        self.books().self_mounts.note(tells);
    }

    /// Begins to find out whether mounts tell what the registry has, after [`Question::Prove`].
    pub(crate) fn proof(self: &Arc<Self>) -> Proof {
        Proof(self.clone())
    }

    /// Notes a blob that a repository has for sure: it was sent just now, or a manifest there needs it.
    pub(crate) fn note_known_blob(&self, repository: &RepositoryName, digest: &Digest) {
        self.books().self_mounts.note_known(repository, digest);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.0)
    }
}

impl Books {
    /// How to bring a blob to a repository, after `declined` mounts. Prefers a repository of the same project,
    /// because registries usually give rights by project.
    fn way(&self, to: &RepositoryName, digest: &Digest, doubt: Option<Doubt>, declined: usize) -> Way {
        let is_asked_for = matches!(doubt, None | Some(Doubt::Broken));
        if !is_asked_for || declined >= MOST_HOLDERS {
            return Way::Send;
        }
        let may_be_mounted = |from: &&RepositoryName| self.mounts.may_be_accepted(from, to);
        let is_good = |holder: &&RepositoryName| {
            doubt.is_none() || self.holdings.sent_to(Kind::Blob, digest).any(|sent| sent == *holder)
        };
        let holders = self.holdings.holders(Kind::Blob, digest).filter(may_be_mounted).filter(is_good);
        if let Some(holder) = holders.min_by_key(|holder| project(holder) != project(to)) {
            return Way::Mount(holder.clone());
        }
        let of_others = self.receiving(Kind::Blob, digest).iter().filter(|other| {
            // After a declined mount this copy waits only for sent bytes: copies that requested mounts may wait for
            // the same transfer.
            let may_wait = declined == 0 || other.stage == Stage::Sending;
            may_wait && other.repository != *to && may_be_mounted(&&other.repository)
        });
        let nearest = of_others
            .min_by_key(|other| (other.stage == Stage::Mounting, project(&other.repository) != project(to)));
        nearest.map_or(Way::Send, |other| Way::Wait(other.wait(to)))
    }

    fn doubt(&self, repository: &RepositoryName, digest: &Digest) -> Option<Doubt> {
        if self.doubts.is_empty() {
            return None;
        }
        self.doubts.get(&(repository.clone(), digest.clone())).copied()
    }

    fn receive(&mut self, kind: Kind, repository: &RepositoryName, digest: &Digest, stage: Stage) -> u64 {
        self.claims += 1;
        let (claim, repository, ended) = (self.claims, repository.clone(), watch::Sender::new(None));
        let receiving = self.receiving.entry((kind, digest.clone())).or_default();
        receiving.push(Receiving { claim, repository, stage, ended });
        claim
    }

    fn hold(&mut self, kind: Kind, repository: &RepositoryName, digest: &Digest, came: Came) {
        if came != Came::Sent && self.doubt(repository, digest) == Some(Doubt::Broken) {
            return;
        }
        self.holdings.note(kind, repository, digest, came);
        if came == Came::Sent && !self.doubts.is_empty() {
            self.doubts.remove(&(repository.clone(), digest.clone()));
        }
    }

    fn receiving(&self, kind: Kind, digest: &Digest) -> &[Receiving] {
        self.receiving.get(&(kind, digest.clone())).map_or(&[], Vec::as_slice)
    }
}

impl Receiving {
    fn wait(&self, to: &RepositoryName) -> Waiting {
        Waiting { ended: self.ended.subscribe(), is_same_repository: self.repository == *to }
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
        let claim = |repository| ledger.claim(Kind::Blob, &name(repository), &blob, 0);
        let first = mine(claim("a"));
        assert!(first.mount_from.is_none());
        let Claim::Theirs(mut same) = claim("a") else { panic!() };
        let Claim::Theirs(mut other) = claim("b") else { panic!() };
        first.complete(Came::Sent);
        assert!(same.end().await.is_none() && other.end().await.is_none());
        assert!(matches!(claim("a"), Claim::Present));
        let (second, third) = (mine(claim("b")), mine(claim("c")));
        assert_eq!(second.mount_from, Some(name("a")), "mounts go side by side");
        assert_eq!(third.mount_from, Some(name("a")));
    }

    #[tokio::test]
    async fn a_dropped_claim_goes_to_the_next() {
        let (ledger, blob) = (Arc::new(Ledger::default()), Digest::sha256(b"blob"));
        let first = mine(ledger.claim(Kind::Blob, &name("a"), &blob, 0));
        let Claim::Theirs(mut waiting) = ledger.claim(Kind::Blob, &name("a"), &blob, 0) else { panic!() };
        drop(first);
        assert!(waiting.end().await.is_none());
        mine(ledger.claim(Kind::Blob, &name("a"), &blob, 0)).complete(Came::Sent);
        ledger.forget(Kind::Blob, &name("a"), &blob);
        mine(ledger.claim(Kind::Blob, &name("a"), &blob, 0));
    }

    #[test]
    fn manifests_are_not_mounted() {
        let (ledger, manifest) = (Arc::new(Ledger::default()), Digest::sha256(b"manifest"));
        let _held = mine(ledger.claim(Kind::Manifest, &name("a"), &manifest, 0));
        assert!(mine(ledger.claim(Kind::Manifest, &name("b"), &manifest, 0)).mount_from.is_none());
    }

    #[test]
    fn e13_who_was_declined_by_one_holder_asks_another_or_waits_for_one_who_gets_the_bytes() {
        let (ledger, blob) = (Arc::new(Ledger::default()), Digest::sha256(b"blob"));
        let claim = |repository| ledger.claim(Kind::Blob, &name(repository), &blob, 0);
        mine(claim("a/1")).complete(Came::Sent);
        let [mut second, mut third, mut fourth] = ["b/2", "b/3", "b/4"].map(|to| mine(claim(to)));
        assert_eq!(third.mount_from, Some(name("a/1")));
        assert!(matches!(second.decline(), Declined::GoOn));
        assert_eq!(second.mount_from, None, "nobody else has it, and nobody sends it");
        assert!(matches!(third.decline(), Declined::Wait(_)));
        drop(third);
        second.complete(Came::Sent);
        assert!(matches!(fourth.decline(), Declined::GoOn));
        let third = mine(claim("b/3"));
        assert_eq!(
            [third.mount_from.clone(), fourth.mount_from.clone()],
            [(); 2].map(|()| Some(name("b/2")))
        );
        let tried = ledger.claim(Kind::Blob, &name("b/5"), &blob, MOST_HOLDERS);
        assert_eq!(mine(tried).mount_from, None, "not for ever");
    }

    #[test]
    fn what_is_broken_is_sent_and_mounted_from_nowhere() {
        let (ledger, blob) = (Arc::new(Ledger::default()), Digest::sha256(b"blob"));
        let claim = || ledger.claim(Kind::Blob, &name("a/1"), &blob, 0);
        for repository in ["a/1", "a/2"] {
            ledger.note_present(Kind::Blob, &name(repository), &blob);
        }
        ledger.note_broken(Kind::Blob, &name("a/1"), &blob);
        ledger.note_present(Kind::Blob, &name("a/1"), &blob);
        let claimed = mine(claim());
        assert_eq!(
            (claimed.doubt, &claimed.mount_from),
            (Some(Doubt::Broken), &None),
            "a hint mends nothing"
        );
        claimed.complete(Came::Sent);
        assert!(matches!(claim(), Claim::Present) && !ledger.is_broken(&name("a/1"), &blob));
        ledger.note_broken(Kind::Blob, &name("a/2"), &blob);
        let claimed = mine(ledger.claim(Kind::Blob, &name("a/2"), &blob, 0));
        assert_eq!(claimed.mount_from, Some(name("a/1")), "the bytes are right there now");
        claimed.complete(Came::Mounted);
        assert!(!ledger.is_broken(&name("a/2"), &blob));
        ledger.note_broken(Kind::Manifest, &name("a/1"), &blob);
        ledger.note_stored(Kind::Manifest, &name("a/1"), &blob);
        assert!(!ledger.is_broken(&name("a/1"), &blob));
    }

    #[test]
    fn a_proof_that_is_given_up_is_left_to_the_next() {
        let (ledger, blob) = (Arc::new(Ledger::default()), Digest::sha256(b"blob"));
        ledger.note_known_blob(&name("a/1"), &blob);
        let question = || ledger.question(&name("a/1"), None);
        for _ in 0..2 {
            assert_eq!(question(), Question::Prove(blob.clone()));
            let proof = ledger.proof();
            assert_eq!(question(), Question::Head, "one at a time");
            drop(proof);
        }
        let proof = ledger.proof();
        ledger.note_self_mount(true);
        drop(proof);
        assert_eq!(question(), Question::Mount);
    }

    #[test]
    fn e14_a_blob_whose_mount_was_a_lie_is_asked_for_and_then_sent() {
        let (ledger, blob) = (Arc::new(Ledger::default()), Digest::sha256(b"blob"));
        let claim = || mine(ledger.claim(Kind::Blob, &name("a/2"), &blob, 0));
        ledger.note_present(Kind::Blob, &name("a/1"), &blob);
        claim().complete(Came::Mounted);
        for doubt in [Doubt::Ask, Doubt::Send] {
            ledger.forget(Kind::Blob, &name("a/2"), &blob);
            let doubted = claim();
            assert_eq!((doubted.doubt, &doubted.mount_from), (Some(doubt), &None));
            doubted.complete(Came::Found);
        }
        ledger.forget(Kind::Blob, &name("a/2"), &blob);
        claim().complete(Came::Sent);
        ledger.forget(Kind::Blob, &name("a/2"), &blob);
        assert_eq!(claim().doubt, None, "what was sent is there");
    }
}
