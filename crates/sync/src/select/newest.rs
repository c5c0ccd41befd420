//! Leaves out tags that are older than the newest of their group.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use oci::TagVersion;

use super::latest::{Group, Latest, NewestBy};
use super::listed_tag::ListedTag;
use super::reason::{GroupName, NewestTags, Reason};

/// A tag within its group; a newer one is greater.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    date: Option<SystemTime>,
    version: Option<TagVersion<'a>>,
    /// Orders equal tags independently of the listing.
    text: Reverse<&'a str>,
    index: usize,
}

/// The newest tags of one group so far, the oldest of them on top.
type Kept<'a> = BinaryHeap<Reverse<Rank<'a>>>;

/// Gives a reason to each tag without one that is not among the newest of its group.
pub(super) fn leave_out_older(latest: &Latest, listed: &[ListedTag], reasons: &mut [Option<Reason>]) {
    let mut places: HashMap<GroupName, usize> = HashMap::new();
    let mut groups: Vec<Kept<'_>> = Vec::new();
    let mut candidates: Vec<(usize, usize)> = Vec::new();
    for (index, tag) in listed.iter().enumerate().filter(|(index, _)| reasons[*index].is_none()) {
        let version = TagVersion::parse(tag.tag.as_str());
        let place = *places.entry(group(latest, version.as_ref())).or_insert(groups.len());
        if place == groups.len() {
            groups.push(BinaryHeap::with_capacity(1));
        }
        let date = tag.date.filter(|_| latest.by == NewestBy::Pushed);
        keep(latest, &mut groups[place], Rank { date, version, text: Reverse(tag.tag.as_str()), index });
        candidates.push((index, place));
    }
    let mut newest: Vec<Option<Arc<NewestTags>>> = vec![None; groups.len()];
    let mut is_kept = vec![false; listed.len()];
    for (name, place) in places {
        let kept = &groups[place];
        for rank in kept {
            is_kept[rank.0.index] = true;
        }
        // `Reverse` inverts the order: its minimum is the newest.
        newest[place] = kept.iter().min().map(|rank| {
            let newest = listed[rank.0.index].tag.clone();
            Arc::new(NewestTags { group: name, kept: kept.len(), newest })
        });
    }
    for (index, place) in candidates.into_iter().filter(|(index, _)| !is_kept[*index]) {
        reasons[index] = newest[place].clone().map(Reason::Older);
    }
}

fn keep<'a>(latest: &Latest, group: &mut Kept<'a>, rank: Rank<'a>) {
    if group.len() < latest.count.get() {
        group.push(Reverse(rank));
    } else if let Some(mut oldest) = group.peek_mut()
        && oldest.0 < rank
    {
        *oldest = Reverse(rank);
    }
}

fn group(latest: &Latest, version: Option<&TagVersion<'_>>) -> GroupName {
    match (latest.per, version) {
        (Group::Repository, _) => GroupName::Repository,
        (Group::Variant, None) => GroupName::NoVersion,
        (Group::Variant, Some(version)) => {
            let (parts, variant) = (version.numbers.count(), version.variant_name().into());
            GroupName::Versions { parts, variant }
        }
    }
}
