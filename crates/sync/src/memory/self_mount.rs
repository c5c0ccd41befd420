//! Whether a mount of a blob from a repository into itself tells if the repository has the blob.
//!
//! Such a registry answers 201 if the blob is present, and else opens the upload session that is needed anyway, which
//! saves a request. A registry that ignores mounts opens a session for every blob and would get everything again, so
//! it has to prove itself.

use std::collections::HashMap;

use oci::{Digest, RepositoryName};

/// Sending a blob of up to this size unnecessarily costs no more than asking for it first.
const SMALL: u64 = 1 << 20;
/// How many small blobs are sent to a registry before it has to prove itself.
const MOST_UNTOLD: usize = 8;

/// How to find out whether a blob is in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// By a mount from the repository itself.
    Mount,
    /// By HEAD.
    Head,
    /// By a mount, if a mount of this known blob shows that mounts tell; else by HEAD. The caller must report the
    /// result, or that there is none.
    Prove(Digest),
}

/// What one registry has shown so far.
#[derive(Default)]
pub(crate) struct SelfMounts {
    trust: Trust,
    untold: usize,
    /// For each repository a blob that it has for sure.
    known: HashMap<RepositoryName, Digest>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Trust {
    #[default]
    Unknown,
    /// A copy is finding out.
    Proving,
    Tells,
    DoesNotTell,
}

impl SelfMounts {
    /// How to ask for a blob of `size` bytes.
    pub(crate) fn question(&mut self, repository: &RepositoryName, size: Option<u64>) -> Question {
        match self.trust {
            Trust::Tells => Question::Mount,
            Trust::DoesNotTell | Trust::Proving => Question::Head,
            Trust::Unknown if is_small(size) && self.untold < MOST_UNTOLD => {
                self.untold += 1;
                Question::Mount
            }
            Trust::Unknown => match self.known.get(repository) {
                Some(known) => {
                    self.trust = Trust::Proving;
                    Question::Prove(known.clone())
                }
                None => Question::Head,
            },
        }
    }

    /// Whether all blobs of these sizes would be looked for by mounts.
    pub(crate) fn would_tell(&self, sizes: impl IntoIterator<Item = Option<u64>>) -> bool {
        match self.trust {
            Trust::Tells => true,
            Trust::DoesNotTell | Trust::Proving => false,
            Trust::Unknown => {
                let mut left = MOST_UNTOLD.saturating_sub(self.untold);
                sizes.into_iter().all(|size| {
                    let is_asked = is_small(size) && left > 0;
                    left = left.saturating_sub(1);
                    is_asked
                })
            }
        }
    }

    /// Notes whether a mount of a known blob from its own repository told that the blob is present.
    pub(crate) fn note(&mut self, tells: bool) {
        self.trust =
            if tells && self.trust != Trust::DoesNotTell { Trust::Tells } else { Trust::DoesNotTell };
        self.known = HashMap::new();
    }

    /// The proof was given up, or had no result: the next copy may try it.
    pub(crate) fn leave_unproved(&mut self) {
        if self.trust == Trust::Proving {
            self.trust = Trust::Unknown;
        }
    }

    /// Notes a blob that a repository has for sure.
    pub(crate) fn note_known(&mut self, repository: &RepositoryName, digest: &Digest) {
        if self.trust == Trust::Unknown && !self.known.contains_key(repository) {
            self.known.insert(repository.clone(), digest.clone());
        }
    }
}

fn is_small(size: Option<u64>) -> bool {
    size.is_some_and(|size| size <= SMALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> RepositoryName {
        "a/app".parse().unwrap()
    }

    #[test]
    fn a_registry_proves_itself_before_large_blobs_depend_on_it() {
        let (mut mounts, known) = (SelfMounts::default(), Digest::sha256(b"known"));
        let large = Some(SMALL + 1);
        assert_eq!(
            mounts.question(&repository(), large),
            Question::Head,
            "there is nothing to prove it with"
        );
        assert!(!mounts.would_tell([Some(1), large]) && !mounts.would_tell([None]));
        mounts.note_known(&repository(), &known);
        assert_eq!(mounts.question(&"b/app".parse().unwrap(), large), Question::Head);
        assert_eq!(mounts.question(&repository(), large), Question::Prove(known));
        assert_eq!(mounts.question(&repository(), Some(1)), Question::Head, "the proof is under way");
        mounts.note(true);
        assert_eq!(mounts.question(&repository(), large), Question::Mount);
        assert!(mounts.would_tell([large, None]));
        mounts.note(false);
        mounts.note(true);
        assert_eq!(
            mounts.question(&repository(), Some(1)),
            Question::Head,
            "who was wrong once is not believed"
        );
    }

    #[test]
    fn few_small_blobs_are_sent_on_suspicion() {
        let mut mounts = SelfMounts::default();
        assert!(mounts.would_tell([Some(1); MOST_UNTOLD]) && !mounts.would_tell([Some(1); MOST_UNTOLD + 1]));
        for _ in 0..MOST_UNTOLD {
            assert_eq!(mounts.question(&repository(), Some(SMALL)), Question::Mount);
        }
        assert_eq!(mounts.question(&repository(), Some(1)), Question::Head);
        assert!(!mounts.would_tell([Some(1)]));
    }
}
