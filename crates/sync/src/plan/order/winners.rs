//! Decides which copy writes a reference that several rules want, and finds the copies that wait for each other in a cycle.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::way::Way;
use crate::OnCollision;
use crate::plan::place::Place;
use crate::plan::wanted::Wanted;
use crate::plan::wish::{Wish, on_collision};

/// The copies to one reference.
pub(super) struct Writers {
    /// The copy that is carried out.
    pub(super) winner: usize,
    /// The merged wants of all rules that want the same copy.
    pub(super) wanted: Wanted,
    /// The copies of other images, one for each image.
    pub(super) losers: Vec<usize>,
}

/// The winner of each reference. An unlisted rule might win if its images were known, and the target may already have
/// its image. In that case the winner writes the reference only if it does not exist yet.
pub(super) fn winners<'a>(
    wishes: &[Wish],
    unlisted: &[Wish],
    ways: &'a [Way],
) -> BTreeMap<&'a Place, Writers> {
    let unknown: Vec<_> = wishes.iter().filter(|wish| wish.too_few.is_some()).chain(unlisted).collect();
    let may_be_theirs = |name: &Place, winner: &Wish| {
        let wins = |wish: &&&Wish| {
            wish.rule > winner.rule
                || (wish.rule < winner.rule && on_collision(wish, winner) == OnCollision::Refuse)
        };
        unknown.iter().filter(wins).any(|wish| wish.source != winner.source && wish.may_write(name))
    };
    let mut by_name: BTreeMap<&Place, Vec<usize>> = BTreeMap::new();
    for (index, way) in ways.iter().enumerate() {
        by_name.entry(&way.writes).or_default().push(index);
    }
    let rule = |way: usize| wishes[ways[way].wish].rule;
    let decide = |name: &Place, all: Vec<usize>| {
        let last = all.iter().copied().max_by_key(|way| rule(*way))?;
        let is_same = |way: &usize| ways[*way].reads == ways[last].reads;
        let (same, others): (Vec<usize>, Vec<usize>) = all.into_iter().partition(is_same);
        let mut by_rule = same.clone();
        by_rule.sort_by_key(|way| rule(*way));
        let wanted = by_rule.iter().map(|way| wishes[ways[*way].wish].wanted.clone());
        let wanted = wanted.reduce(|wanted, later| wanted.merged(&later))?;
        let is_contested = may_be_theirs(name, &wishes[ways[last].wish]);
        let wanted = if is_contested { wanted.keeping_what_is_there() } else { wanted };
        let mut seen = HashSet::new();
        let losers = others.into_iter().filter(|way| seen.insert(&ways[*way].reads)).collect();
        Some(Writers { winner: *by_rule.first()?, wanted, losers })
    };
    by_name.into_iter().filter_map(|(name, all)| Some((name, decide(name, all)?))).collect()
}

/// The copies that wait for each other, each cycle in order. A copy reads one reference, which at most one copy writes.
pub(super) fn circles(ways: &[Way], winners: &BTreeMap<&Place, Writers>) -> Vec<Vec<usize>> {
    let mut seen_from: HashMap<usize, usize> = HashMap::new();
    let mut circles = Vec::new();
    for start in winners.values().map(|writers| writers.winner) {
        let (mut path, mut way) = (Vec::new(), start);
        while !seen_from.contains_key(&way) {
            seen_from.insert(way, start);
            path.push(way);
            match winners.get(&ways[way].reads) {
                Some(writers) => way = writers.winner,
                None => break,
            }
        }
        if seen_from.get(&way) == Some(&start)
            && winners.contains_key(&ways[way].reads)
            && let Some(first) = path.iter().position(|member| *member == way)
        {
            circles.push(path.split_off(first));
        }
    }
    circles
}
