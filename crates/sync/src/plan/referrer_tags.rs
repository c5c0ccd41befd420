//! Referrer tags that sources have listed, such as cosign's. Counts those that rules leave out, and saves requests
//! for tags that a complete listing does not have.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use oci::{Digest, Tag};

use crate::lock::lock;
use crate::rule::referrer_tag::subject;
use crate::rule::{Naming, Rule};

/// By source repository.
#[derive(Default)]
pub(crate) struct ReferrerTags(Mutex<HashMap<Arc<str>, Repository>>);

/// What a run knows of one source repository.
#[derive(Default)]
struct Repository {
    /// Its tag list was read to the end.
    is_listed: bool,
    /// The source itself reports the number of its referrers.
    is_counted: bool,
    /// Referrer tags that some rule did not take.
    left: HashSet<Tag>,
    /// Referrer tags that some rule took.
    taken: HashSet<Tag>,
    /// Images that were copied without their referrers.
    alone: HashSet<Digest>,
    /// Images that were copied with their referrers.
    followed: HashSet<Digest>,
}

impl ReferrerTags {
    /// Records the referrer tags of a page of a source's tag list.
    pub(crate) fn listed(&self, source: &Arc<str>, rule: &Rule, page: &[Tag]) {
        let (taken, left): (Vec<_>, Vec<_>) =
            page.iter().filter(|tag| subject(tag).is_some()).cloned().partition(|tag| takes(rule, tag));
        if taken.is_empty() && left.is_empty() {
            return;
        }
        let mut repositories = lock(&self.0);
        let repository = repositories.entry(source.clone()).or_default();
        repository.left.extend(left);
        repository.taken.extend(taken);
    }

    /// The source's tag list was read to its end.
    pub(crate) fn listed_all(&self, source: &Arc<str>) {
        lock(&self.0).entry(source.clone()).or_default().is_listed = true;
    }

    /// Whether a source's complete tag list does not have this tag.
    pub(crate) fn lacks(&self, source: &str, tag: &Tag) -> bool {
        lock(&self.0).get(source).is_some_and(|repository| repository.lacks(tag))
    }

    /// The source reported the number of its referrers.
    pub(crate) fn counted(&self, source: &Arc<str>) {
        lock(&self.0).entry(source.clone()).or_default().is_counted = true;
    }

    /// An image is at a target; `digest` is the one at the source.
    pub(crate) fn stands(&self, source: &Arc<str>, digest: &Digest, is_followed: bool) {
        let mut repositories = lock(&self.0);
        let repository = repositories.entry(source.clone()).or_default();
        let images = if is_followed { &mut repository.followed } else { &mut repository.alone };
        images.insert(digest.clone());
    }

    /// How many referrers of copied images were left out.
    pub(crate) fn left(&self) -> u64 {
        lock(&self.0).values().map(Repository::left).sum()
    }
}

impl Repository {
    fn lacks(&self, tag: &Tag) -> bool {
        // Only referrer tags are recorded.
        let is_noted = subject(tag).is_some();
        self.is_listed && is_noted && !self.left.contains(tag) && !self.taken.contains(tag)
    }

    fn left(&self) -> u64 {
        if self.is_counted {
            return 0;
        }
        let is_left = |tag: &&Tag| {
            subject(tag)
                .is_some_and(|subject| self.alone.contains(&subject) && !self.followed.contains(&subject))
        };
        self.left.difference(&self.taken).filter(is_left).count() as u64
    }
}

/// Whether a rule copies a listed tag to any of its targets, or counts what it leaves out of the tag's list.
fn takes(rule: &Rule, tag: &Tag) -> bool {
    let referrers = &rule.policy.referrers;
    if referrers.opens(tag) || !referrers.takes_tag(tag) {
        return referrers.opens(tag);
    }
    let goes =
        |naming: &Naming| !matches!(naming, Naming::Matching(pattern) if !pattern.is_match(tag.as_str()));
    !rule.selection.by_name(vec![tag.clone()]).is_empty()
        && rule.targets.iter().any(|target| goes(&target.naming))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c10_what_refers_to_an_image_that_was_taken_is_left_unless_it_was_taken_too() {
        let image = |text: &str| Digest::sha256(text.as_bytes());
        let tag =
            |text: &str, what: &str| format!("sha256-{}.{what}", image(text).hex()).parse::<Tag>().unwrap();
        let mut repository = Repository {
            left: HashSet::from([tag("a", "sig"), tag("a", "att"), tag("b", "sig"), tag("c", "sig")]),
            taken: HashSet::from([tag("a", "att")]),
            alone: HashSet::from([image("a"), image("b")]),
            followed: HashSet::from([image("b")]),
            is_counted: false,
            is_listed: false,
        };
        assert_eq!(repository.left(), 1, "the signature of `a`: `c` itself was not taken");
        repository.is_counted = true;
        assert_eq!(repository.left(), 0, "the source has told");
    }
    #[test]
    fn only_a_source_that_has_listed_all_its_tags_is_known_to_lack_one() {
        let image = Digest::sha256(b"a");
        let [signature, attestation] =
            ["sig", "att"].map(|what| format!("sha256-{}.{what}", image.hex()).parse::<Tag>().unwrap());
        let mut repository = Repository { left: HashSet::from([signature.clone()]), ..Repository::default() };
        assert!(!repository.lacks(&attestation), "more pages may come");
        repository.is_listed = true;
        assert_eq!([&signature, &attestation].map(|tag| repository.lacks(tag)), [false, true]);
        let list = oci::referrers_tag(&oci::Algorithm::Sha512.digest(b"a"));
        assert!(!repository.lacks(&list), "what is not noted says nothing");
    }
}
