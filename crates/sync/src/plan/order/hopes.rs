//! Tags that rules may expect from other rules of the same run.

use std::collections::{BTreeMap, HashSet};

use oci::{Tag, TagOrDigest, as_place};

use super::way::{Way, Written};
use crate::plan::wish::Wish;

/// Tags that no registry lists yet, because rules of this run will write them.
#[derive(Default)]
pub(super) struct Hopes {
    hoped: HashSet<(usize, Tag)>,
    given_up: HashSet<(usize, Tag)>,
}

impl Hopes {
    /// Gives rules that list their source the tags that other rules write there; returns whether there were new ones.
    pub(super) fn add(&mut self, wishes: &mut [Wish], written: &Written<'_>) -> bool {
        let mut any = false;
        for (index, wish) in wishes.iter_mut().enumerate() {
            let Some(written) = written.get(&*as_place(&wish.source)) else { continue };
            let tags = written.iter().filter_map(|suffix| suffix.strip_prefix(':')?.parse().ok());
            let referrers = &wish.wanted.policy.referrers;
            let mut unseen = wish.unseen(tags.filter(|tag| referrers.takes_tag(tag)).collect());
            unseen.retain(|tag| !self.given_up.contains(&(index, tag.clone())));
            if !unseen.is_empty() {
                self.hoped.extend(unseen.iter().map(|tag| (index, tag.clone())));
                wish.add(unseen);
                any = true;
            }
        }
        any
    }

    /// Drops expected tags that no rule writes any more, because its selection has changed.
    pub(super) fn let_go_of_stale(&mut self, wishes: &mut [Wish], written: &Written<'_>) -> bool {
        let is_written = |(wish, tag): &(usize, Tag)| {
            let there = written.get(&*as_place(&wishes[*wish].source));
            there.is_some_and(|there| there.contains(&*format!(":{tag}")))
        };
        let stale: Vec<_> = self.hoped.iter().filter(|hope| !is_written(hope)).cloned().collect();
        self.begin_without(wishes, stale)
    }

    /// Drops expected tags that would close a cycle, and those that depended on them.
    pub(super) fn give_up(&mut self, wishes: &mut [Wish], ways: &[Way], circles: &[Vec<usize>]) -> bool {
        let in_circle = circles.iter().flatten().map(|way| &ways[*way]);
        let hope = |way: &Way| match &wishes[way.wish].images[way.image] {
            TagOrDigest::Tag(tag) => Some((way.wish, tag.clone())),
            TagOrDigest::Digest(_) => None,
        };
        let hopes = in_circle.filter_map(hope).filter(|hope| self.hoped.contains(hope)).collect();
        self.begin_without(wishes, hopes)
    }

    /// Drops all expected tags. The next round of `add` restores those that are still written, except `hopes`.
    fn begin_without(&mut self, wishes: &mut [Wish], hopes: Vec<(usize, Tag)>) -> bool {
        if hopes.is_empty() {
            return false;
        }
        self.given_up.extend(hopes);
        let mut by_wish: BTreeMap<usize, HashSet<Tag>> = BTreeMap::new();
        for (wish, tag) in self.hoped.drain() {
            by_wish.entry(wish).or_default().insert(tag);
        }
        for (wish, tags) in by_wish {
            wishes[wish].remove(&tags);
        }
        true
    }
}
