//! A job's message that a worker holds.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};

/// How long an acknowledgement may take.
const MOMENT: Duration = Duration::from_secs(2);

/// A message that this worker holds until it is acknowledged, given back or dropped.
pub(crate) struct Holding {
    message: Arc<Message>,
    ack_wait: Duration,
    beating: tokio::task::JoinHandle<()>,
}

impl Holding {
    /// Holds the message by regular progress signs. Without one for `ack_wait`, the queue gives it to another worker.
    pub(crate) fn new(message: Message, ack_wait: Duration) -> Self {
        let message = Arc::new(message);
        let beaten = message.clone();
        let every = (ack_wait / 4).max(Duration::from_millis(100));
        let beating = tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                // Fails while the server is away. The server then forgets which worker holds the message.
                let _ = beaten.ack_with(AckKind::Progress).await;
            }
        });
        Self { message, ack_wait, beating }
    }

    /// Acknowledges the message of a job that is done, or makes no sense. If the acknowledgement is lost, the message is delivered again,
    /// and a worker finds the result in the book.
    pub(crate) async fn done(self) {
        self.beating.abort();
        let _ = tokio::time::timeout(MOMENT, self.message.double_ack()).await;
    }

    /// The queue delivers the message again after half of the ack wait.
    pub(crate) async fn put_off(self) {
        let wait = self.ack_wait / 2;
        self.refuse(Some(wait)).await;
    }

    /// The queue may deliver the message to another worker.
    pub(crate) async fn give_back(self) {
        self.refuse(None).await;
    }

    /// If it fails, the queue delivers the message again after the ack wait.
    async fn refuse(self, wait: Option<Duration>) {
        self.beating.abort();
        // While NATS is away, the client stops taking messages once its buffer is full.
        let _ = tokio::time::timeout(MOMENT, self.message.ack_with(AckKind::Nak(wait))).await;
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.beating.abort();
    }
}
