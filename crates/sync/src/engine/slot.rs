//! Slots: the right to work, which [`Fair`] distributes.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};

use super::fair::{Fair, Pause, Rank, Ticket};
use super::pair::{Pair, PairInWork};
use crate::lock::lock;

/// Work that waits for a slot.
pub(crate) trait Served: Sized {
    /// It got its slot. Dropping the slot gives it to the next.
    fn served(self, slot: Slot<Self>);
}

/// The slots of one kind of work. Cheap to clone.
pub(crate) struct Slots<W> {
    queue: Arc<Mutex<Fair<Pair, W>>>,
    served: Arc<Notify>,
}

/// The right to work, which ends when it is dropped.
pub(crate) struct Slot<W: Served> {
    slots: Slots<W>,
    pair: Pair,
    paused: Option<Pause>,
}

impl<W> Clone for Slots<W> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), served: self.served.clone() }
    }
}

impl<W: Served> Slots<W> {
    pub(crate) fn new(slots: usize) -> Self {
        Self { queue: Arc::new(Mutex::new(Fair::new(slots))), served: Arc::default() }
    }

    /// Enters the queue of `pair`; `who` is served when it is its turn.
    pub(crate) fn wait(&self, pair: &Pair, rank: Rank, who: W) -> Ticket {
        let ticket = lock(&self.queue).wait(pair, rank, who);
        self.serve();
        ticket
    }

    /// Takes a slot at once, even if none is free.
    pub(crate) fn take_now(&self, pair: &Pair) -> Slot<W> {
        lock(&self.queue).take(pair);
        Slot { slots: self.clone(), pair: pair.clone(), paused: None }
    }

    /// Removes all work from the queues that is `unwanted`.
    pub(crate) fn withdraw(&self, unwanted: impl Fn(&W) -> bool) -> Vec<W> {
        lock(&self.queue).withdraw(unwanted)
    }

    /// Returns when the queue of at least one of the pairs is shorter than `most`.
    pub(crate) async fn room(&self, pairs: &[Pair], most: usize) {
        loop {
            let served = self.served.notified();
            tokio::pin!(served);
            served.as_mut().enable();
            if self.has_room(pairs, most) {
                return;
            }
            served.await;
        }
    }

    /// Whether the queue of at least one of the pairs is shorter than `most`.
    pub(crate) fn has_room(&self, pairs: &[Pair], most: usize) -> bool {
        let queue = lock(&self.queue);
        pairs.is_empty() || pairs.iter().any(|pair| queue.waiting(pair) < most)
    }

    /// The counts of each pair.
    pub(crate) fn pairs(&self) -> Vec<PairInWork> {
        let queue = lock(&self.queue);
        let counted = queue.pairs().map(|(pair, counts)| PairInWork {
            source: pair.source().clone(),
            target: pair.target().clone(),
            working: counts.held,
            waiting: counts.waiting,
            queued: counts.queued,
        });
        counted.collect()
    }

    fn serve(&self) {
        loop {
            let next = lock(&self.queue).next();
            let Some((pair, who)) = next else { return };
            self.served.notify_waiters();
            who.served(Slot { slots: self.clone(), pair, paused: None });
        }
    }
}

impl<W: Served> Slot<W> {
    pub(crate) fn pair(&self) -> &Pair {
        &self.pair
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Gives the slot back while its work waits for something else.
    pub(crate) fn pause(&mut self, pause: Pause) {
        self.paused = Some(pause);
        lock(&self.slots.queue).pause(&self.pair, pause);
        self.slots.serve();
    }

    /// Takes the slot again at once.
    pub(crate) fn resume(&mut self) {
        if let Some(pause) = self.paused.take() {
            lock(&self.slots.queue).resume(&self.pair, pause);
        }
    }
}

impl<W: Served> Drop for Slot<W> {
    fn drop(&mut self) {
        match self.paused {
            Some(pause) => lock(&self.slots.queue).end_paused(&self.pair, pause),
            None => lock(&self.slots.queue).release(&self.pair),
        }
        self.slots.serve();
    }
}

/// A task that waits asynchronously for a slot.
pub(crate) struct Sleeper(oneshot::Sender<Slot<Sleeper>>);

impl Served for Sleeper {
    fn served(self, slot: Slot<Self>) {
        // If the receiver is gone, the slot is dropped, which serves the next in the queue.
        let _ = self.0.send(slot);
    }
}

impl Slots<Sleeper> {
    /// Waits for a slot.
    pub(crate) async fn acquire(&self, pair: &Pair, rank: Rank) -> Slot<Sleeper> {
        loop {
            let (sender, receiver) = oneshot::channel();
            let ticket = self.wait(pair, rank, Sleeper(sender));
            let _place = Queued { slots: self, pair, ticket };
            if let Ok(slot) = receiver.await {
                return slot;
            }
        }
    }
}

/// Leaves the queue when it is dropped.
struct Queued<'a> {
    slots: &'a Slots<Sleeper>,
    pair: &'a Pair,
    ticket: Ticket,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        lock(&self.slots.queue).leave(self.pair, self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::StoreId;

    fn pair(target: &str) -> Pair {
        Pair::new(&StoreId::new("from"), &StoreId::new(target))
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_goes_on_when_it_is_dropped_paused_or_never_fetched() {
        let (slots, one) = (Slots::new(1), pair("a"));
        let mut first = slots.acquire(&one, 0).await;
        let second = tokio::spawn({
            let (slots, one) = (slots.clone(), one.clone());
            async move { slots.acquire(&one, 0).await }
        });
        tokio::task::yield_now().await;
        first.pause(Pause::Others);
        let second = second.await.unwrap();
        first.resume();
        drop(second);
        // Cancelled while it waits, and after it was served.
        for _ in 0..2 {
            let waiting = slots.acquire(&one, 0);
            assert!(tokio::time::timeout(std::time::Duration::from_secs(1), waiting).await.is_err());
        }
        first.pause(Pause::Others);
        drop(first);
        drop(slots.acquire(&one, 0).await);
    }
}
