//! Makes referrer tags wait for their subjects. Signatures, attestations, SBOMs and lists of referrers have tags made
//! from their subject's digest, and some registries accept them only after the subject
//! (<https://github.com/goharbor/harbor/issues/16375>, <https://github.com/sigstore/cosign/issues/2208>).
//!
//! The digest of each tag, and the children of each index, are known only after all are looked up. So a follower
//! waits until the other images of its repository that came before it have ended at its target, successfully or not.
//! Then it is tried, whether its subject was among them or not. It waits in this module, and holds no slot meanwhile.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use oci::TagOrDigest;

use crate::rule::referrer_tag::subject;

/// Whether an image depends on another one, by its tag.
pub(crate) fn is_follower(reference: &TagOrDigest) -> bool {
    matches!(reference, TagOrDigest::Tag(tag) if subject(tag).is_some())
}

/// A source repository and a target repository: a slow target does not delay the followers of another target.
pub(crate) type Between = (Arc<str>, Arc<str>);

/// The waiting followers, by source and target repository.
pub(crate) struct Followers<T> {
    repositories: HashMap<Between, Repository<T>>,
    ready: VecDeque<T>,
}

struct Repository<T> {
    /// How many running images may be the subject of a follower.
    leading: usize,
    waiting: Vec<T>,
}

impl<T> Default for Followers<T> {
    fn default() -> Self {
        Self { repositories: HashMap::new(), ready: VecDeque::new() }
    }
}

impl<T> Followers<T> {
    /// An image that may be a subject has begun.
    pub(crate) fn leads(&mut self, between: &Between) {
        let first = Repository { leading: 0, waiting: Vec::new() };
        self.repositories.entry(between.clone()).or_insert(first).leading += 1;
    }

    /// Keeps a follower while images before it are running; otherwise returns it.
    pub(crate) fn wait(&mut self, between: &Between, follower: T) -> Option<T> {
        match self.repositories.get_mut(between) {
            Some(repository) => {
                repository.waiting.push(follower);
                None
            }
            None => Some(follower),
        }
    }

    /// An image that may be a subject has ended.
    pub(crate) fn ended(&mut self, between: &Between) {
        let Some(repository) = self.repositories.get_mut(between) else { return };
        repository.leading -= 1;
        if repository.leading == 0 {
            self.ready.extend(self.repositories.remove(between).into_iter().flat_map(|ended| ended.waiting));
        }
    }

    /// The next follower that need not wait any more.
    pub(crate) fn next(&mut self) -> Option<T> {
        self.ready.pop_front()
    }

    /// All followers that have not begun.
    pub(crate) fn take(&mut self) -> Vec<T> {
        let waiting = self.repositories.drain().flat_map(|(_, repository)| repository.waiting);
        self.ready.drain(..).chain(waiting).collect()
    }
}

#[cfg(test)]
mod tests {
    use oci::Digest;

    use super::*;

    #[test]
    fn e23_a_tag_made_of_a_digest_follows_its_image() {
        let digest = Digest::sha256(b"image");
        let tag = |text: String| TagOrDigest::Tag(text.parse().unwrap());
        for what in ["", ".sig", ".att", ".sbom"] {
            assert!(is_follower(&tag(format!("sha256-{}{what}", digest.hex()))), "{what}");
        }
        for other in [tag("v1".to_owned()), tag("sha256-00.sig".to_owned()), TagOrDigest::Digest(digest)] {
            assert!(!is_follower(&other), "{other}");
        }
    }

    #[test]
    fn e23_followers_wait_for_their_own_repository_and_for_nobody_who_has_ended() {
        let between = |from: &str| (Arc::from(from), Arc::from("t.io/a"));
        let (a, b) = (between("r.io/a"), between("r.io/b"));
        let mut followers = Followers::default();
        assert_eq!(followers.wait(&a, 0), Some(0), "nobody is before it");
        followers.leads(&a);
        followers.leads(&a);
        followers.leads(&b);
        assert_eq!((followers.wait(&a, 1), followers.wait(&a, 2), followers.wait(&b, 3)), (None, None, None));
        followers.ended(&a);
        assert_eq!(followers.next(), None);
        followers.ended(&a);
        assert_eq!((followers.next(), followers.next(), followers.next()), (Some(1), Some(2), None));
        assert_eq!(followers.wait(&a, 4), Some(4));
        assert_eq!(followers.take(), [3]);
    }
}
