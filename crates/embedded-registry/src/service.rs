//! The services that answer requests: the registry, its second port, and the storage service beside it.

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

/// A service that answers requests.
pub(crate) trait Service: Send + Sync + 'static {
    fn desk(&self) -> &Desk;

    /// The correct answer to a request.
    fn answer(&self, head: &Parts, body: &mut RequestBody) -> impl Future<Output = Answer> + Send;

    /// The answer to this request as if it carried no login, or a refused one.
    fn unauthorized(&self, head: &Parts) -> Answer;

    /// Adds the headers of every answer.
    fn complete(&self, answer: Answer) -> Answer;
}

/// The parts of every service: faults, a log, and the limits of a proxy in front of it.
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
    /// It answers with 413 and an HTML page, as nginx; then it reads on for a while, so that the client sees the answer.
    Answered,
    /// It resets the connection: many clients see an early 413 as a reset.
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

    /// A new number.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

/// Accepts connections. They are in the set, so that they end with this task.
pub(crate) async fn accept<S: Service>(listener: TcpListener, service: Arc<S>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, service.clone()));
                }
                // Such as too many open files, which passes when connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
