//! The right to bring content to a repository.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use oci::{Digest, RepositoryName};

use super::failure::Failure;
use super::waiting::Waiting;
use super::{Books, Came, Doubt, Kind, Ledger, Receiving, Stage, Way};

/// The answer to "may I send it?".
pub(crate) enum Claim {
    /// The target has it.
    Present,
    /// Yes, and no other copy may until the claim is completed or dropped.
    Mine(Claimed),
    /// Another copy is bringing it: wait, and claim again.
    Theirs(Waiting),
}

/// The right to bring content to a repository. Dropping the claim gives the right back.
pub(crate) struct Claimed {
    ledger: Arc<Ledger>,
    claim: u64,
    kind: Kind,
    repository: RepositoryName,
    digest: Digest,
    /// A repository of the same registry that has the blob.
    pub(crate) mount_from: Option<RepositoryName>,
    pub(crate) doubt: Option<Doubt>,
    /// How many mounts were declined.
    pub(crate) declined: usize,
}

/// What to do after a mount was declined.
pub(crate) enum Declined {
    /// Go on with the claim: it has another repository to mount from, or none, so that the blob is sent.
    GoOn,
    /// Give the claim back, and wait for another repository that gets the bytes.
    Wait(Waiting),
}

impl Ledger {
    /// Claims the right to bring `digest` to `repository`, after `declined` declined mounts.
    pub(crate) fn claim(
        self: &Arc<Self>,
        kind: Kind,
        repository: &RepositoryName,
        digest: &Digest,
        declined: usize,
    ) -> Claim {
        let mut books = self.books();
        if books.holdings.has(kind, repository, digest) {
            return Claim::Present;
        }
        let mut receiving = books.receiving(kind, digest).iter();
        if let Some(same) = receiving.find(|receiving| receiving.repository == *repository) {
            return Claim::Theirs(same.wait(repository));
        }
        let doubt = books.doubt(repository, digest);
        let way = match kind {
            Kind::Manifest => Way::Send,
            Kind::Blob => books.way(repository, digest, doubt, declined),
        };
        let (mount_from, stage) = match way {
            Way::Wait(waiting) => return Claim::Theirs(waiting),
            Way::Mount(from) => (Some(from), Stage::Mounting),
            Way::Send => (None, Stage::Sending),
        };
        let claim = books.receive(kind, repository, digest, stage);
        Claim::Mine(Claimed {
            ledger: self.clone(),
            claim,
            kind,
            repository: repository.clone(),
            digest: digest.clone(),
            mount_from,
            doubt,
            declined,
        })
    }
}

impl Claimed {
    /// The repository has the content now.
    pub(crate) fn complete(self, came: Came) {
        let mut books = self.ledger.books();
        // Broken content is mounted only from repositories to which its bytes were sent just now.
        let is_mended = came == Came::Mounted && self.doubt == Some(Doubt::Broken);
        books.hold(self.kind, &self.repository, &self.digest, if is_mended { Came::Sent } else { came });
        if let (Came::Mounted, Some(from)) = (came, &self.mount_from) {
            books.mounts.note(from, &self.repository, true);
        }
    }

    /// The content cannot be brought. Waiting copies that would meet the same failure need not try.
    pub(crate) fn fail(self, failure: Failure) {
        if let Some(receiving) = self.ledger.books().of_claim(&self) {
            receiving.ended.send_replace(Some(Arc::new(failure)));
        }
    }

    /// The registry declined the mount: looks for another way.
    pub(crate) fn decline(&mut self) -> Declined {
        self.note_declined();
        let mut books = self.ledger.books();
        match books.way(&self.repository, &self.digest, self.doubt, self.declined) {
            Way::Mount(from) => self.mount_from = Some(from),
            Way::Wait(waiting) => return Declined::Wait(waiting),
            Way::Send => {
                if let Some(receiving) = books.of_claim(self) {
                    receiving.stage = Stage::Sending;
                }
            }
        }
        Declined::GoOn
    }

    /// The same, but the blob is sent in any case.
    pub(crate) fn send_after_decline(&mut self) {
        self.note_declined();
        if let Some(receiving) = self.ledger.books().of_claim(self) {
            receiving.stage = Stage::Sending;
        }
    }

    fn note_declined(&mut self) {
        if let Some(from) = self.mount_from.take() {
            self.declined += 1;
            self.ledger.books().mounts.note(&from, &self.repository, false);
        }
    }
}

impl Books {
    fn of_claim(&mut self, claimed: &Claimed) -> Option<&mut Receiving> {
        let receiving = self.receiving.get_mut(&(claimed.kind, claimed.digest.clone()))?;
        receiving.iter_mut().find(|receiving| receiving.claim == claimed.claim)
    }

    /// Ends a claim, which wakes the copies that wait for it.
    fn end(&mut self, claimed: &Claimed) {
        if let Entry::Occupied(mut receiving) = self.receiving.entry((claimed.kind, claimed.digest.clone())) {
            receiving.get_mut().retain(|receiving| receiving.claim != claimed.claim);
            if receiving.get().is_empty() {
                receiving.remove();
            }
        }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.ledger.books().end(self);
    }
}
