//! Rules that meet wait for each other's listings and images, but for no other rules.
//!
//! Which rules meet is known before any request: those that write to one repository, and those of which one reads
//! what the other writes. A pattern meets another rule if either reads what the other writes, or if both copy between
//! the same two places. Patterns that only share a target do not wait for each other's images, because their
//! registries may be slow. `rivals.rs` decides which of them gets a reference that both want.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::endpoint::Source;
use crate::lock::lock;
use crate::plan::awaited::Awaited;
use crate::plan::collision::Collision;
use crate::plan::order::{Circle, Contest, Order, Settled, settle};
use crate::plan::reach::{Extent, Reach};
use crate::plan::wish::Wish;
use crate::{Cause, OnCollision};

/// For each rule the first rule of its group, which may be itself.
pub(crate) fn firsts(all: &[Reach]) -> Vec<usize> {
    let mut firsts: Vec<usize> = (0..all.len()).collect();
    let mut writers: HashMap<&str, usize> = HashMap::new();
    for (index, reach) in all.iter().enumerate() {
        for written in &reach.writes {
            if let Extent::One(name) = written {
                let first = *writers.entry(name).or_insert(index);
                join(&mut firsts, first, index);
            }
        }
    }
    for (index, reach) in all.iter().enumerate() {
        if let Extent::One(name) = &reach.reads
            && let Some(writer) = writers.get(name.as_str())
        {
            join(&mut firsts, *writer, index);
        }
        if reach.is_pattern() {
            for (other, _) in
                all.iter().enumerate().filter(|(other, them)| *other != index && reach.meets(them))
            {
                join(&mut firsts, index, other);
            }
        }
    }
    (0..all.len()).map(|index| first(&mut firsts, index)).collect()
}

fn first(firsts: &mut [usize], mut index: usize) -> usize {
    while firsts[index] != index {
        firsts[index] = firsts[firsts[index]];
        index = firsts[index];
    }
    index
}

fn join(firsts: &mut [usize], one: usize, other: usize) {
    let (one, other) = (first(firsts, one), first(firsts, other));
    firsts[one.max(other)] = one.min(other);
}

/// Seats for all rules that meet others, by their indexes in the run.
pub(crate) fn seats(firsts: &[usize], awaited: &Arc<Awaited>) -> Vec<Option<Arc<Seat>>> {
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    for first in firsts {
        *sizes.entry(*first).or_default() += 1;
    }
    let mut companies: HashMap<usize, Arc<Company>> = HashMap::new();
    let seat = |first: &usize| {
        let size = sizes[first];
        (size > 1).then(|| {
            let company =
                companies.entry(*first).or_insert_with(|| Arc::new(Company::of(size, awaited))).clone();
            Arc::new(Seat(company))
        })
    };
    firsts.iter().map(seat).collect()
}

/// Rules that meet.
pub(crate) struct Company {
    talk: Mutex<Talk>,
    is_settled: watch::Sender<bool>,
    awaited: Arc<Awaited>,
}

#[derive(Default)]
struct Talk {
    /// How many rules may still have wishes.
    seated: usize,
    wishes: Vec<Wish>,
    /// The sources of the wishes.
    sources: Vec<Arc<dyn Source>>,
    /// Wishes of rules whose source could not be listed, without images.
    unlisted: Vec<Wish>,
    /// Rules, or single sources of rules, whose wishes were withdrawn.
    withdrawn: HashSet<(usize, Option<Arc<str>>)>,
    images: HashMap<usize, Result<Vec<Settled>, Cause>>,
    order: Order,
    collisions: Vec<Arc<Collision>>,
}

/// The decision about a wish.
pub(crate) struct Decided {
    pub(crate) images: Result<Vec<Settled>, Cause>,
    /// Where the wish lost a reference, with the source of the winner.
    pub(crate) contests: Vec<(Contest, Arc<dyn Source>)>,
    /// References for which another rule has another image, where both must fail.
    pub(crate) collisions: Vec<Arc<Collision>>,
    pub(crate) circles: Vec<Circle>,
}

/// The right to add wishes. The wishes are settled when all seats are dropped.
pub(crate) struct Seat(Arc<Company>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.rise();
    }
}

impl Seat {
    pub(crate) fn company(&self) -> Arc<Company> {
        self.0.clone()
    }
}

impl Company {
    fn of(size: usize, awaited: &Arc<Awaited>) -> Self {
        let talk = Talk { seated: size, ..Talk::default() };
        Self { talk: Mutex::new(talk), is_settled: watch::Sender::new(false), awaited: awaited.clone() }
    }

    /// Adds a wish; returns its number.
    pub(crate) fn wish(&self, wish: Wish, source: Arc<dyn Source>) -> usize {
        let mut talk = lock(&self.talk);
        talk.wishes.push(wish);
        talk.sources.push(source);
        talk.wishes.len() - 1
    }

    /// Adds a wish whose source could not be listed.
    pub(crate) fn cannot_be_listed(&self, wish: Wish) {
        lock(&self.talk).unlisted.push(wish);
    }

    /// Withdraws the wishes of a rule, for one source or for all.
    pub(crate) fn withdraw(&self, rule: usize, source: Option<Arc<str>>) {
        lock(&self.talk).withdrawn.insert((rule, source));
    }

    fn rise(&self) {
        let mut talk = lock(&self.talk);
        talk.seated -= 1;
        if talk.seated == 0 {
            talk.settle();
            let settled = talk.images.values().flatten().flatten();
            settled.filter_map(|image| image.after.as_ref()).for_each(|place| self.awaited.expect(place));
            self.is_settled.send_replace(true);
        }
    }

    /// The decision about a wish, with what its rule has to report: each contest and circle is reported once, a
    /// collision to both rules.
    pub(crate) async fn decided(&self, number: usize) -> Decided {
        // The sender lives as long as `self`.
        let _ = self.is_settled.subscribe().wait_for(|settled| *settled).await;
        let talk = &mut *lock(&self.talk);
        let images = talk.images.remove(&number).unwrap_or_else(|| Ok(Vec::new()));
        let contests = talk.order.contests.extract_if(.., |contest| contest.loser.0 == number);
        let contests = contests.map(|contest| (contest.winner.0, contest));
        let contests = contests.map(|(winner, contest)| (contest, talk.sources[winner].clone())).collect();
        let circles = talk.order.circles.extract_if(.., |circle| circle.wish == number).collect();
        let collisions =
            talk.collisions.iter().filter(|collision| collision.concerns(number)).cloned().collect();
        Decided { images, contests, collisions, circles }
    }
}

impl Talk {
    fn settle(&mut self) {
        let is_wanted = |wish: &Wish| {
            let of_source = (wish.rule, Some(wish.source.clone()));
            !self.withdrawn.contains(&(wish.rule, None)) && !self.withdrawn.contains(&of_source)
        };
        let wishes = std::mem::take(&mut self.wishes).into_iter().enumerate();
        let (numbers, wishes): (Vec<usize>, Vec<Wish>) = wishes.filter(|(_, wish)| is_wanted(wish)).unzip();
        self.order = settle(wishes, &self.unlisted);
        self.images = numbers.iter().copied().zip(std::mem::take(&mut self.order.images)).collect();
        for contest in &mut self.order.contests {
            contest.loser.0 = numbers[contest.loser.0];
            contest.winner.0 = numbers[contest.winner.0];
        }
        for circle in &mut self.order.circles {
            circle.wish = numbers[circle.wish];
        }
        let refused =
            self.order.contests.extract_if(.., |contest| contest.on_collision == OnCollision::Refuse);
        let source = |number: usize| self.sources[number].clone();
        let collision = |contest: Contest| {
            let sources = (source(contest.loser.0), source(contest.winner.0));
            Arc::new(Collision::new(contest, sources))
        };
        self.collisions = refused.map(collision).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text that ends in `/` includes all repositories below it.
    fn extent(text: &str) -> Extent {
        if text.ends_with('/') { Extent::Below(text.to_owned()) } else { Extent::One(text.to_owned()) }
    }

    fn meetings(rules: &[(&str, &str)]) -> Vec<usize> {
        let reach = |(from, to): &(&str, &str)| Reach { reads: extent(from), writes: vec![extent(to)] };
        firsts(&rules.iter().map(reach).collect::<Vec<_>>())
    }

    #[test]
    fn e22_e24_rules_meet_at_one_target_and_where_one_reads_what_the_other_writes() {
        assert_eq!(meetings(&[("a/x", "t/x"), ("a/y", "t/y"), ("b/x", "t/x")]), [0, 1, 0]);
        assert_eq!(meetings(&[("b/os", "c/os"), ("x", "y"), ("a/os", "b/os")]), [0, 1, 0]);
        assert_eq!(meetings(&[("a", "b"), ("c", "d"), ("b", "c")]), [0, 0, 0], "through the third");
    }

    #[test]
    fn e6_e21_patterns_meet_what_they_read_and_do_not_wait_for_others_that_share_a_target() {
        assert_eq!(meetings(&[("a/lib/x", "t/m/x"), ("a/lib/", "t/m/")]), [0, 0], "the same image");
        assert_eq!(meetings(&[("a/lib/", "t/m/"), ("b/lib/", "t/m/"), ("b/x", "t/m/x")]), [0, 1, 2]);
        assert_eq!(meetings(&[("a/lib/", "b/m/"), ("b/m/x", "c/x"), ("b/", "c/y/")]), [0, 0, 0]);
        assert_eq!(meetings(&[("a/", "a/backup/"), ("b/", "c/")]), [0, 1], "not itself");
    }
}
