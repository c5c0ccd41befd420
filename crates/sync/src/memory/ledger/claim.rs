//! The right to bring content to a repository, and the wait for who has it.

use std::sync::Arc;

use oci::{Digest, RepositoryName};
use tokio::sync::watch;

use super::{Came, Doubt, Failure, Kind, Ledger, Stage, Way, Why};
use crate::endpoint::Source;

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
    pub(super) ledger: Arc<Ledger>,
    pub(super) claim: u64,
    pub(super) kind: Kind,
    pub(super) repository: RepositoryName,
    pub(super) digest: Digest,
    /// A repository of the same registry that has the blob.
    pub(crate) mount_from: Option<RepositoryName>,
    pub(crate) doubt: Option<Doubt>,
    /// Mounts that were declined.
    pub(crate) declined: usize,
}

/// What to do after a mount was declined.
pub(crate) enum Declined {
    /// Go on with the claim: it names another repository to mount from, or none, so that the blob is sent.
    GoOn,
    /// Give the claim back, and wait for another repository that gets the bytes.
    Wait(Waiting),
}

/// Somebody else's transfer.
pub(crate) struct Waiting {
    pub(super) ended: watch::Receiver<Option<Arc<Failure>>>,
    pub(super) is_same_repository: bool,
}

impl Waiting {
    /// Returns when the transfer has ended, well or badly: with its failure, where whoever reads from `source` would meet
    /// the same.
    pub(crate) async fn done(mut self, source: &dyn Source) -> Option<Why> {
        let failure = self.end().await;
        let failure = failure.filter(|failure| failure.concerns(source, self.is_same_repository));
        failure.map(|failure| failure.why.clone())
    }

    pub(super) async fn end(&mut self) -> Option<Arc<Failure>> {
        // The sender's end is the message.
        while self.ended.changed().await.is_ok() {}
        self.ended.borrow().clone()
    }
}

impl Claimed {
    /// The content is in the repository now.
    pub(crate) fn complete(self, came: Came) {
        let mut books = self.ledger.books();
        books.hold(self.kind, &self.repository, &self.digest, came);
        if let (Came::Mounted, Some(from)) = (came, &self.mount_from) {
            books.mounts.note(from, &self.repository, true);
        }
    }

    /// The content does not come, and who waits for it need not try whatever would meet the same failure.
    pub(crate) fn fail(self, failure: Failure) {
        if let Some(receiving) = self.ledger.books().receiving(&self) {
            receiving.ended.send_replace(Some(Arc::new(failure)));
        }
    }

    /// The registry declined the mount: looks for another way.
    pub(crate) fn decline(&mut self) -> Declined {
        self.note_declined();
        let mut books = self.ledger.books();
        match books.way(&self.repository, &self.digest, self.declined) {
            Way::Mount(from) => self.mount_from = Some(from),
            Way::Wait(waiting) => return Declined::Wait(waiting),
            Way::Send => {
                if let Some(receiving) = books.receiving(self) {
                    receiving.stage = Stage::Sending;
                }
            }
        }
        Declined::GoOn
    }

    /// The same, where nothing else is tried any more.
    pub(crate) fn send_after_decline(&mut self) {
        self.note_declined();
        if let Some(receiving) = self.ledger.books().receiving(self) {
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

impl Drop for Claimed {
    fn drop(&mut self) {
        let key = (self.kind, self.digest.clone());
        if let Some(entry) = self.ledger.books().entries.get_mut(&key) {
            entry.receiving.retain(|receiving| receiving.claim != self.claim);
        }
    }
}
