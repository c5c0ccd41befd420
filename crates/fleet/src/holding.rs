//! A job in the hands of a worker.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};

/// A message that is this worker's until it is acknowledged, given back or forgotten.
pub(crate) struct Holding {
    message: Arc<Message>,
    beating: tokio::task::JoinHandle<()>,
}

impl Holding {
    /// Keeps the message, which the queue gives to somebody else after `ack_wait` without a sign.
    pub(crate) fn new(message: Message, ack_wait: Duration) -> Self {
        let message = Arc::new(message);
        let beaten = message.clone();
        let every = (ack_wait / 4).max(Duration::from_millis(100));
        let beating = tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                // While the server is away nothing can be said; it forgets who held what.
                let _ = beaten.ack_with(AckKind::Progress).await;
            }
        });
        Self { message, beating }
    }

    /// It is done, or makes no sense. Its result counts, not this: what is lost is delivered again, and answered from the book.
    pub(crate) async fn done(self) {
        self.beating.abort();
        let _ = tokio::time::timeout(Duration::from_secs(2), self.message.double_ack()).await;
    }

    /// It is to come again after a while.
    pub(crate) async fn put_off(self, wait: Duration) {
        self.beating.abort();
        let _ = self.message.ack_with(AckKind::Nak(Some(wait))).await;
    }

    /// Somebody else may have it.
    pub(crate) async fn give_back(self) {
        self.beating.abort();
        let _ = self.message.ack_with(AckKind::Nak(None)).await;
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.beating.abort();
    }
}
