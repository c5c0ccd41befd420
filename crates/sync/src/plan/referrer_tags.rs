//! Tags under which clients keep what refers to an image, as cosign does: those that rules leave behind are counted.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use oci::{Digest, Tag};

use crate::lock::lock;
use crate::rule::referrer_tag::subject;
use crate::rule::{Naming, Rule};

/// By the source's repository.
#[derive(Default)]
pub(crate) struct ReferrerTags(Mutex<HashMap<Arc<str>, Repository>>);

/// What a run knows of one source repository.
#[derive(Default)]
struct Repository {
    /// The source itself tells how many referrers it has.
    is_counted: bool,
    /// Tags of referrers that some rule did not take.
    left: HashSet<Tag>,
    /// And those that some rule took.
    taken: HashSet<Tag>,
    /// Images that were taken without their referrers.
    alone: HashSet<Digest>,
    /// Images that were taken with them.
    followed: HashSet<Digest>,
}

impl ReferrerTags {
    /// Notes the tags of a page of a source's list that are such.
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

    /// The source told how many referrers there are.
    pub(crate) fn counted(&self, source: &Arc<str>) {
        lock(&self.0).entry(source.clone()).or_default().is_counted = true;
    }

    /// An image stands at a target; its digest at the source.
    pub(crate) fn stands(&self, source: &Arc<str>, digest: &Digest, is_followed: bool) {
        let mut repositories = lock(&self.0);
        let repository = repositories.entry(source.clone()).or_default();
        let images = if is_followed { &mut repository.followed } else { &mut repository.alone };
        images.insert(digest.clone());
    }

    /// How many referrers of images that were taken stayed behind.
    pub(crate) fn left(&self) -> u64 {
        lock(&self.0).values().map(Repository::left).sum()
    }
}

impl Repository {
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

/// Whether a rule takes a tag that its source lists to any of its targets, or counts what it leaves of it.
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
        };
        assert_eq!(repository.left(), 1, "the signature of `a`: `c` itself was not taken");
        repository.is_counted = true;
        assert_eq!(repository.left(), 0, "the source has told");
    }
}
