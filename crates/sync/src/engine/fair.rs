//! Decides which work gets the next slot. Does no I/O.
//!
//! A slot is the right to work. Work belongs to a pair of stores, its source and its target. A free slot goes to the
//! pair that holds the fewest slots; within a pair to the oldest image, so that images are finished before new ones
//! begin. A pair that holds less than its share never waits for slots that others hold, even if that exceeds the
//! number of slots: a registry that hangs blocks only the slots of its own pairs.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// How many pieces of a pair's work may wait for others, for each slot: waiting work holds no slot, but uses memory.
const WAITING_FOR_EACH: usize = 4;

/// What paused work waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// A store that failed. Other work of the pair is likely to fail as well, so paused work still counts against the
    /// pair's slots: no other work of the pair takes its place.
    Store,
    /// Other work, which brings content that it needs.
    Others,
}

/// The position of work in its pair's queue: the order in which images began.
pub(super) type Rank = u64;

/// The slots of one kind of work. `P` is a pair, `W` is waiting work.
pub(super) struct Fair<P, W> {
    slots: usize,
    held: usize,
    pairs: HashMap<P, Pair<W>>,
    /// Orders work of equal rank by arrival.
    arrivals: u64,
}

struct Pair<W> {
    held: usize,
    /// Work that has given its slot back and waits for a store.
    paused: usize,
    /// Work that has given its slot back and waits for other work.
    waiting_for_others: usize,
    waiting: BTreeMap<(Rank, u64), W>,
    /// When it was given a slot last: pairs that hold the same number take turns.
    served: u64,
}

/// How much work of a pair holds a slot, is paused, and has not begun.
pub(super) struct Counts {
    pub(super) held: usize,
    pub(super) waiting: usize,
    pub(super) queued: usize,
}

/// A position in the queue.
pub(super) type Ticket = (Rank, u64);

impl<W> Pair<W> {
    fn is_idle(&self) -> bool {
        self.held == 0 && self.paused == 0 && self.waiting_for_others == 0 && self.waiting.is_empty()
    }

    fn paused(&mut self, pause: Pause) -> &mut usize {
        match pause {
            Pause::Store => &mut self.paused,
            Pause::Others => &mut self.waiting_for_others,
        }
    }
}

impl<W> Default for Pair<W> {
    fn default() -> Self {
        Self { held: 0, paused: 0, waiting_for_others: 0, waiting: BTreeMap::new(), served: 0 }
    }
}

impl<P: Clone + Eq + Hash + Ord, W> Fair<P, W> {
    pub(super) fn new(slots: usize) -> Self {
        Self { slots: slots.max(1), held: 0, pairs: HashMap::new(), arrivals: 0 }
    }

    /// Enters the queue. [`next`](Self::next) returns the work when it is its turn.
    pub(super) fn wait(&mut self, pair: &P, rank: Rank, who: W) -> Ticket {
        self.arrivals += 1;
        let ticket = (rank, self.arrivals);
        self.pairs.entry(pair.clone()).or_default().waiting.insert(ticket, who);
        ticket
    }

    /// Leaves the queue. Returns whether the work was still queued.
    pub(super) fn leave(&mut self, pair: &P, ticket: Ticket) -> bool {
        let left = self.pairs.get_mut(pair).is_some_and(|pair| pair.waiting.remove(&ticket).is_some());
        self.forget_idle(pair);
        left
    }

    /// Takes a slot at once, even if none is free: for work that had one before, and must not wait to go on.
    pub(super) fn take(&mut self, pair: &P) {
        self.held += 1;
        self.pairs.entry(pair.clone()).or_default().held += 1;
    }

    /// Gives a slot back while its work waits for something else.
    pub(super) fn pause(&mut self, pair: &P, pause: Pause) {
        self.held -= 1;
        if let Some(pair) = self.pairs.get_mut(pair) {
            pair.held -= 1;
            *pair.paused(pause) += 1;
        }
    }

    /// Takes the slot again at once, even if none is free: begun work should end before new work begins.
    pub(super) fn resume(&mut self, pair: &P, pause: Pause) {
        self.held += 1;
        if let Some(pair) = self.pairs.get_mut(pair) {
            pair.held += 1;
            *pair.paused(pause) -= 1;
        }
    }

    /// Ends work that is paused.
    pub(super) fn end_paused(&mut self, pair: &P, pause: Pause) {
        if let Some(pair) = self.pairs.get_mut(pair) {
            *pair.paused(pause) -= 1;
        }
        self.forget_idle(pair);
    }

    /// Removes all work from the queues that is `unwanted`; returns it in the order of its ranks.
    pub(super) fn withdraw(&mut self, unwanted: impl Fn(&W) -> bool) -> Vec<W> {
        let mut withdrawn = BTreeMap::new();
        for pair in self.pairs.values_mut() {
            let tickets: Vec<_> =
                pair.waiting.iter().filter(|(_, who)| unwanted(who)).map(|(ticket, _)| *ticket).collect();
            for ticket in tickets {
                withdrawn.extend(pair.waiting.remove(&ticket).map(|who| (ticket, who)));
            }
        }
        self.pairs.retain(|_, pair| !pair.is_idle());
        withdrawn.into_values().collect()
    }

    /// Gives a slot back.
    pub(super) fn release(&mut self, pair: &P) {
        self.held -= 1;
        if let Some(pair) = self.pairs.get_mut(pair) {
            pair.held -= 1;
        }
        self.forget_idle(pair);
    }

    /// The work whose turn it is; its slot counts as held from now on. A pair with too much paused work begins no more.
    pub(super) fn next(&mut self) -> Option<(P, W)> {
        let (share, most_waiting) = (self.share(), self.slots.saturating_mul(WAITING_FOR_EACH));
        let is_free = self.held < self.slots;
        let may = |pair: &Pair<W>| {
            !pair.waiting.is_empty()
                && pair.held + pair.paused < self.slots
                && pair.waiting_for_others < most_waiting
                && (is_free || pair.held < share)
        };
        let candidates = self.pairs.iter().filter(|(_, pair)| may(pair));
        let (pair, _) = candidates.min_by_key(|(name, pair)| (pair.held, pair.served, *name))?;
        let name = pair.clone();
        self.arrivals += 1;
        self.held += 1;
        let pair = self.pairs.get_mut(&name)?;
        pair.served = self.arrivals;
        pair.held += 1;
        let (_, who) = pair.waiting.pop_first()?;
        Some((name, who))
    }

    /// How many slots each pair can have whatever the others do. With one slot there are no shares, so that it is
    /// really one at a time.
    fn share(&self) -> usize {
        let active = self.pairs.len().max(1);
        if self.slots == 1 { 0 } else { self.slots.div_ceil(active) }
    }

    fn forget_idle(&mut self, pair: &P) {
        if self.pairs.get(pair).is_some_and(Pair::is_idle) {
            self.pairs.remove(pair);
        }
    }

    /// The counts of each pair.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&P, Counts)> {
        self.pairs.iter().map(|(name, pair)| {
            let (waiting, queued) = (pair.paused + pair.waiting_for_others, pair.waiting.len());
            (name, Counts { held: pair.held, waiting, queued })
        })
    }

    /// How much work is in the queue of `pair`.
    pub(super) fn waiting(&self, pair: &P) -> usize {
        self.pairs.get(pair).map_or(0, |pair| pair.waiting.len())
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(fair: &mut Fair<&'static str, u32>) -> Vec<u32> {
        std::iter::from_fn(|| fair.next()).map(|(_, who)| who).collect()
    }

    #[test]
    fn free_slots_go_round_among_the_pairs() {
        let mut fair = Fair::new(4);
        for who in 0..10 {
            fair.wait(&"sick", 0, who);
        }
        fair.wait(&"well", 0, 100);
        fair.wait(&"well", 0, 101);
        let first = served(&mut fair);
        assert_eq!(first, [0, 100, 1, 101]);
    }

    #[test]
    fn e2_a_pair_that_holds_all_slots_keeps_nobody_from_its_share() {
        let mut fair = Fair::new(4);
        for who in 0..10 {
            fair.wait(&"hangs", 0, who);
        }
        assert_eq!(served(&mut fair), [0, 1, 2, 3]);
        for who in 100..110 {
            fair.wait(&"well", 0, who);
        }
        assert_eq!(served(&mut fair), [100, 101], "half of them, though none is free");
        fair.release(&"well");
        assert_eq!(served(&mut fair), [102]);
        assert_eq!(fair.held(), 6);
    }

    #[test]
    fn the_oldest_image_goes_first() {
        let mut fair = Fair::new(1);
        fair.wait(&"a", 7, 7);
        fair.wait(&"a", 3, 3);
        fair.wait(&"a", 3, 4);
        assert_eq!(served(&mut fair), [3]);
        fair.release(&"a");
        assert_eq!(served(&mut fair), [4]);
        fair.release(&"a");
        assert_eq!(served(&mut fair), [7]);
    }

    #[test]
    fn one_at_a_time_is_one_at_a_time() {
        let mut fair = Fair::new(1);
        fair.wait(&"a", 0, 1);
        fair.wait(&"b", 0, 2);
        assert_eq!(served(&mut fair).len(), 1);
        fair.release(&"a");
        assert_eq!(served(&mut fair), [2]);
    }

    #[test]
    fn who_waits_for_others_gives_the_slot_to_the_next() {
        let mut fair = Fair::new(2);
        for who in 0..20 {
            fair.wait(&"a", who, u32::try_from(who).unwrap());
        }
        assert_eq!(served(&mut fair), [0, 1]);
        fair.pause(&"a", Pause::Others);
        assert_eq!(served(&mut fair), [2]);
        fair.resume(&"a", Pause::Others);
        assert!(served(&mut fair).is_empty(), "three of two are held");
        fair.release(&"a");
        assert!(served(&mut fair).is_empty(), "two of two are held");
        fair.release(&"a");
        assert_eq!(served(&mut fair), [3]);
    }

    #[test]
    fn e3_who_waits_for_a_store_gives_the_slot_to_other_pairs() {
        let mut fair = Fair::new(2);
        for who in 0..20 {
            fair.wait(&"sick", 0, who);
        }
        assert_eq!(served(&mut fair), [0, 1]);
        fair.pause(&"sick", Pause::Store);
        fair.pause(&"sick", Pause::Store);
        assert!(served(&mut fair).is_empty(), "two of its own are begun");
        fair.wait(&"well", 0, 100);
        fair.wait(&"well", 0, 101);
        fair.wait(&"well", 0, 102);
        assert_eq!(served(&mut fair), [100, 101]);
        fair.end_paused(&"sick", Pause::Store);
        assert_eq!(served(&mut fair), [2], "its share");
    }

    #[test]
    fn a_pair_of_which_too_much_waits_begins_nothing_more() {
        let mut fair = Fair::new(2);
        for who in 0..20 {
            fair.wait(&"a", 0, who);
        }
        let mut begun = 0;
        while fair.next().is_some() {
            fair.pause(&"a", Pause::Others);
            begun += 1;
        }
        assert_eq!(begun, 2 * WAITING_FOR_EACH);
        fair.end_paused(&"a", Pause::Others);
        assert!(fair.next().is_some());
    }

    #[test]
    fn who_is_withdrawn_comes_back_in_order() {
        let mut fair = Fair::new(1);
        for (pair, rank) in [("b", 2), ("a", 3), ("a", 1)] {
            fair.wait(&pair, rank, rank);
        }
        assert_eq!(fair.withdraw(|who| *who != 2), [1, 3]);
        assert_eq!(fair.next(), Some(("b", 2)));
        assert_eq!(fair.next(), None);
    }

    #[test]
    fn who_leaves_is_not_served() {
        let mut fair = Fair::new(1);
        fair.wait(&"a", 0, 1);
        assert_eq!(served(&mut fair), [1]);
        let ticket = fair.wait(&"a", 0, 2);
        assert!(fair.leave(&"a", ticket));
        assert!(!fair.leave(&"a", ticket));
        fair.release(&"a");
        assert!(served(&mut fair).is_empty() && fair.pairs.is_empty());
    }
}
