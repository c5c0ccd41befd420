//! A budget of bytes in memory, which [`FairBytes`] distributes among bodies.

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::fair::{Rank, Ticket};
use super::fair_bytes::FairBytes;
use super::pair::Pair;
use crate::lock::lock;

/// The budget. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ByteBudget {
    budget: u64,
    queue: Arc<Mutex<FairBytes<Pair, oneshot::Sender<HeldBytes>>>>,
}

/// A reservation of bytes, which ends when it is dropped.
pub(crate) struct HeldBytes {
    budget: ByteBudget,
    pair: Pair,
    bytes: u64,
}

impl ByteBudget {
    /// A budget for all pairs together. It can be exceeded by a pair's share, if the pair comes when others hold
    /// everything.
    pub(crate) fn new(budget: u64) -> Self {
        Self { budget, queue: Arc::new(Mutex::new(FairBytes::new(budget))) }
    }

    /// Waits until it can reserve the bytes. Older images, which have a lower rank, are served first.
    pub(crate) async fn take(&self, pair: &Pair, rank: Rank, bytes: u64) -> HeldBytes {
        loop {
            let mut queued = self.stand(pair, rank, bytes);
            if let Ok(held) = (&mut queued.receiver).await {
                return held;
            }
        }
    }

    /// Reserves the bytes, if that is possible without waiting.
    pub(crate) fn take_now(&self, pair: &Pair, rank: Rank, bytes: u64) -> Option<HeldBytes> {
        self.stand(pair, rank, bytes).receiver.try_recv().ok()
    }

    fn stand(&self, pair: &Pair, rank: Rank, bytes: u64) -> Queued<'_> {
        let (sender, receiver) = oneshot::channel();
        // At least one byte, because a pair that holds something must hold more than zero.
        let ticket = lock(&self.queue).wait(pair, rank, bytes.clamp(1, self.budget), sender);
        self.serve();
        Queued { budget: self, pair: pair.clone(), ticket, receiver }
    }

    fn serve(&self) {
        loop {
            let next = lock(&self.queue).next();
            let Some((pair, bytes, who)) = next else { return };
            // If the receiver is gone, the reservation is dropped, which serves the next in the queue.
            let _ = who.send(HeldBytes { budget: self.clone(), pair, bytes });
        }
    }
}

impl HeldBytes {
    /// Changes the reservation to the real size, once that is known.
    pub(crate) fn settle(&mut self, bytes: u64) {
        let bytes = bytes.clamp(1, self.budget.budget);
        lock(&self.budget.queue).settle(&self.pair, self.bytes, bytes);
        self.bytes = bytes;
        self.budget.serve();
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        lock(&self.budget.queue).give_back(&self.pair, self.bytes);
        self.budget.serve();
    }
}

/// Leaves the queue when it is dropped.
struct Queued<'a> {
    budget: &'a ByteBudget,
    pair: Pair,
    ticket: Ticket,
    receiver: oneshot::Receiver<HeldBytes>,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        if lock(&self.budget.queue).leave(&self.pair, self.ticket) {
            // The next in the queue may need fewer bytes.
            self.budget.serve();
        }
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
    async fn e16_who_waits_for_bytes_is_served_when_some_are_given_back_the_oldest_image_first() {
        let (budget, one) = (ByteBudget::new(100), pair("one"));
        let held = budget.take(&one, 0, u64::MAX).await;
        let served = Arc::new(Mutex::new(Vec::new()));
        let waiting = [7, 3, 5].map(|rank| {
            let (budget, one, served) = (budget.clone(), one.clone(), served.clone());
            tokio::spawn(async move {
                let _held = budget.take(&one, rank, 60).await;
                lock(&served).push(rank);
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            })
        });
        tokio::task::yield_now().await;
        assert!(budget.take_now(&one, 0, 1).is_none() && lock(&served).is_empty());
        drop(held);
        for waiting in waiting {
            waiting.await.unwrap();
        }
        assert_eq!(*lock(&served), [3, 5, 7]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_lets_those_behind_it_go_on() {
        let (budget, one) = (ByteBudget::new(100), pair("one"));
        let _held = budget.take(&one, 0, 90).await;
        let large = budget.take(&one, 1, 50);
        let small = budget.take(&one, 2, 10);
        let both =
            async { tokio::join!(tokio::time::timeout(std::time::Duration::from_secs(1), large), small) };
        let (large, _small) = tokio::time::timeout(std::time::Duration::from_secs(9), both).await.unwrap();
        assert!(large.is_err(), "so much is not free");
    }
}
