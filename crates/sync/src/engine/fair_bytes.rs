//! Decides which work may hold how many bytes. Does no I/O.
//!
//! As with slots, a pair has its share whatever others hold, and can always hold one body. Bytes beyond that go to
//! the oldest image; within a pair no work overtakes the oldest, which may need more bytes than the others.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use super::fair::{Rank, Ticket};

/// The bytes of one budget. `P` is a pair, `W` is waiting work.
pub(super) struct FairBytes<P, W> {
    budget: u64,
    held: u64,
    pairs: HashMap<P, Pair<W>>,
    /// Orders work of equal rank by arrival.
    arrivals: u64,
}

struct Pair<W> {
    held: u64,
    waiting: BTreeMap<Ticket, (u64, W)>,
}

impl<P: Clone + Eq + Hash, W> FairBytes<P, W> {
    pub(super) fn new(budget: u64) -> Self {
        Self { budget, held: 0, pairs: HashMap::new(), arrivals: 0 }
    }

    /// Enters the queue. [`next`](Self::next) returns the work when it may hold its bytes.
    pub(super) fn wait(&mut self, pair: &P, rank: Rank, bytes: u64, who: W) -> Ticket {
        self.arrivals += 1;
        let ticket = (rank, self.arrivals);
        let new = || Pair { held: 0, waiting: BTreeMap::new() };
        self.pairs.entry(pair.clone()).or_insert_with(new).waiting.insert(ticket, (bytes, who));
        ticket
    }

    /// Leaves the queue. Returns whether the work was still queued.
    pub(super) fn leave(&mut self, pair: &P, ticket: Ticket) -> bool {
        let left = self.pairs.get_mut(pair).is_some_and(|pair| pair.waiting.remove(&ticket).is_some());
        self.forget_idle(pair);
        left
    }

    /// The next work that may hold its bytes: they count as held from now on.
    pub(super) fn next(&mut self) -> Option<(P, u64, W)> {
        let share = self.budget / (self.pairs.len().max(1) as u64);
        let oldest = self.pairs.iter().filter_map(|(name, pair)| {
            let (ticket, (bytes, _)) = pair.waiting.first_key_value()?;
            Some((*ticket, name, pair.held, *bytes))
        });
        let mut oldest: Vec<_> = oldest.collect();
        oldest.sort_unstable_by_key(|(ticket, ..)| *ticket);
        let is_free = |bytes: u64| self.held + bytes <= self.budget;
        let name = oldest.iter().enumerate().find_map(|(place, (_, name, held, bytes))| {
            let may = *held == 0 || held + bytes <= share || place == 0 && is_free(*bytes);
            may.then(|| (*name).clone())
        })?;
        let pair = self.pairs.get_mut(&name)?;
        let (_, (bytes, who)) = pair.waiting.pop_first()?;
        pair.held += bytes;
        self.held += bytes;
        Some((name, bytes, who))
    }

    pub(super) fn give_back(&mut self, pair: &P, bytes: u64) {
        self.held -= bytes;
        if let Some(pair) = self.pairs.get_mut(pair) {
            pair.held -= bytes;
        }
        self.forget_idle(pair);
    }

    /// Changes the size of a reservation, even beyond the budget: the bytes are in memory already.
    pub(super) fn settle(&mut self, pair: &P, before: u64, after: u64) {
        self.held = self.held - before + after;
        if let Some(pair) = self.pairs.get_mut(pair) {
            pair.held = pair.held - before + after;
        }
    }

    fn forget_idle(&mut self, pair: &P) {
        if self.pairs.get(pair).is_some_and(|pair| pair.held == 0 && pair.waiting.is_empty()) {
            self.pairs.remove(pair);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(fair: &mut FairBytes<&'static str, u32>) -> Vec<u32> {
        std::iter::from_fn(|| fair.next()).map(|(_, _, who)| who).collect()
    }

    #[test]
    fn e16_bodies_in_flight_obey_a_budget_of_bytes() {
        let mut fair = FairBytes::new(16);
        for who in 0..5 {
            fair.wait(&"a", 0, 4, who);
        }
        assert_eq!(served(&mut fair), [0, 1, 2, 3]);
        fair.give_back(&"a", 4);
        assert_eq!(served(&mut fair), [4]);
        (0..4).for_each(|_| fair.give_back(&"a", 4));
        assert!(fair.pairs.is_empty() && fair.held == 0);
        fair.wait(&"a", 0, 100, 5);
        fair.wait(&"a", 0, 1, 6);
        assert_eq!(served(&mut fair), [5], "what never fits goes alone");
    }

    #[test]
    fn e16_a_pair_that_holds_all_bytes_keeps_nobody_from_its_share() {
        let mut fair = FairBytes::new(16);
        for who in 0..10 {
            fair.wait(&"hangs", 0, 4, who);
        }
        assert_eq!(served(&mut fair), [0, 1, 2, 3]);
        for who in 100..110 {
            fair.wait(&"well", 9, 4, who);
        }
        assert_eq!(served(&mut fair), [100, 101]);
        fair.give_back(&"well", 4);
        assert_eq!(served(&mut fair), [102]);
    }

    #[test]
    fn who_holds_more_than_was_expected_keeps_the_next_waiting() {
        let mut fair = FairBytes::new(16);
        for who in 0..5 {
            fair.wait(&"a", 0, 4, who);
        }
        assert_eq!(fair.next().map(|(.., who)| who), Some(0));
        fair.settle(&"a", 4, 40);
        assert_eq!(served(&mut fair), [0; 0]);
        fair.settle(&"a", 40, 5);
        assert_eq!(served(&mut fair), [1, 2]);
    }

    #[test]
    fn what_is_free_goes_to_the_oldest_image_and_nobody_overtakes_it() {
        let mut fair = FairBytes::new(16);
        fair.wait(&"a", 1, 10, 1);
        fair.wait(&"b", 2, 6, 2);
        assert_eq!(served(&mut fair), [1, 2]);
        for (pair, rank, bytes) in [("a", 5, 1), ("a", 3, 8), ("b", 4, 3)] {
            fair.wait(&pair, rank, bytes, u32::try_from(rank).unwrap());
        }
        assert!(served(&mut fair).is_empty(), "nothing is free, and each has its share");
        fair.give_back(&"b", 6);
        assert_eq!(served(&mut fair), [4], "its share");
        fair.give_back(&"a", 10);
        assert_eq!(served(&mut fair), [3, 5], "in the order of their images");
    }
}
