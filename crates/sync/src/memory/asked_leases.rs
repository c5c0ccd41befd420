//! The engine's access to leases. Waits only a short time for the lease service, and after a timeout does not ask it
//! for a while. Blobs are then sent without leases, as if no other process sent them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use oci::RepositoryName;
use tokio::time::{Instant, timeout};

use super::leases::{Lease, Leased, Leases, Wanted};
use crate::lock::lock;

/// How long an answer may take.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);
/// How long the service is not asked after a timeout.
const SILENCE: Duration = Duration::from_secs(30);
/// The shortest and the longest wait before a blob that another process sends is asked for again.
const AGAIN: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(60));

/// The lease service of all processes, and until when it is not asked.
pub(crate) struct AskedLeases {
    leases: Arc<dyn Leases>,
    silent_until: Mutex<Option<Instant>>,
}

/// The answer to a request to send a blob.
pub(crate) enum Answer {
    /// Send it. With a lease, unless none could be obtained.
    Send(Option<Box<dyn Lease>>),
    /// Another process has brought the blob to this repository.
    HeldBy(RepositoryName),
    /// Another process is sending the blob: ask again after this time.
    AskAgain(Duration),
}

impl AskedLeases {
    pub(crate) fn new(leases: Arc<dyn Leases>) -> Self {
        Self { leases, silent_until: Mutex::default() }
    }

    pub(crate) async fn ask(&self, wanted: Wanted<'_>) -> Answer {
        if self.is_silent() {
            return Answer::Send(None);
        }
        match self.answer(self.leases.ask(wanted)).await {
            Some(Leased::Yours(lease)) => Answer::Send(Some(lease)),
            Some(Leased::HeldBy(holder)) => Answer::HeldBy(holder),
            Some(Leased::Theirs(wait)) => Answer::AskAgain(wait.clamp(AGAIN.0, AGAIN.1)),
            None => Answer::Send(None),
        }
    }

    /// Reports that the target has the blob.
    pub(crate) async fn done(&self, lease: Box<dyn Lease>) {
        if !self.is_silent() {
            self.answer(lease.done()).await;
        }
    }

    async fn answer<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let answered = timeout(LONGEST_ANSWER, answer).await.ok();
        if answered.is_none() {
            *lock(&self.silent_until) = Some(Instant::now() + SILENCE);
        }
        answered
    }

    fn is_silent(&self) -> bool {
        lock(&self.silent_until).is_some_and(|until| Instant::now() < until)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;
    use oci::Digest;

    use super::*;
    use crate::endpoint::StoreId;

    /// Never answers.
    #[derive(Default)]
    struct Hanging(AtomicUsize);

    impl Leases for Hanging {
        fn ask<'a>(&'a self, _: Wanted<'a>) -> BoxFuture<'a, Leased> {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::future::pending().boxed()
        }
    }

    struct HangingLease;

    impl Lease for HangingLease {
        fn done(self: Box<Self>) -> BoxFuture<'static, ()> {
            std::future::pending().boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_is_not_asked_for_a_while_and_blobs_are_sent() {
        let hanging = Arc::new(Hanging::default());
        let leases = AskedLeases::new(hanging.clone());
        let (store, repository, digest) =
            (StoreId::new("r.io"), "a/b".parse().unwrap(), Digest::sha256(b"blob"));
        let wanted = Wanted { store: &store, repository: &repository, digest: &digest, size: 1 << 20 };
        let asked = async || {
            assert!(matches!(leases.ask(wanted).await, Answer::Send(None)));
            hanging.0.load(Ordering::Relaxed)
        };
        assert_eq!([asked().await, asked().await], [1, 1]);
        tokio::time::advance(SILENCE).await;
        assert_eq!([asked().await, asked().await], [2, 2]);
        tokio::time::advance(SILENCE).await;
        leases.done(Box::new(HangingLease)).await;
        assert_eq!(asked().await, 2, "whatever it did not answer to");
    }
}
