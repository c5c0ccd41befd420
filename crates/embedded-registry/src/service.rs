//! What answers requests: the registry, its second port, and the storage service beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::request::Parts;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::body::RequestBody;
use crate::connection::serve;
use crate::fault::Faults;
use crate::log::Log;
use crate::rounds::Rounds;

/// Something that answers requests.
pub(crate) trait Service: Send + Sync + 'static {
    fn desk(&self) -> &Desk;

    /// The right answer to a request.
    fn answer(&self, head: &Parts, body: &mut RequestBody) -> impl Future<Output = Answer> + Send;

    /// The answer to this request if it carried no login, or a refused one.
    fn unauthorized(&self, head: &Parts) -> Answer;

    /// Adds what every answer has.
    fn complete(&self, answer: Answer) -> Answer;
}

/// What every service has: faults, a log, and the limits of what stands in front of it.
pub(crate) struct Desk {
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) latency: Duration,
    pub(crate) rounds: Option<Rounds>,
    pub(crate) body_limit: Option<BodyLimit>,
    numbers: AtomicU64,
}

/// The most bytes that the body of a request may have.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit {
    pub(crate) largest: usize,
    pub(crate) refusal: LargeBodies,
}

/// How a proxy treats a body that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LargeBodies {
    /// With 413 and an HTML page, as nginx; then it reads on for a while, so that the client sees the answer.
    Answered,
    /// It resets the connection: what many clients see of an early 413.
    Reset,
}

impl Desk {
    pub(crate) fn new(latency: Duration, body_limit: Option<BodyLimit>) -> Self {
        Self {
            faults: Faults::default(),
            log: Log::default(),
            latency,
            rounds: None,
            body_limit,
            numbers: AtomicU64::new(1),
        }
    }

    /// Answers in rounds.
    pub(crate) fn in_rounds(mut self, rounds: Option<Rounds>) -> Self {
        self.rounds = rounds;
        self
    }

    /// A number that was not given before.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

/// Takes connections. They live in the set, so that they end with this.
pub(crate) async fn accept<S: Service>(listener: TcpListener, service: Arc<S>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, service.clone()));
                }
                // Such as too many open files: that passes when connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
