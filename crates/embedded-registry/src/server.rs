//! Takes connections, applies faults and access, asks the endpoints, and keeps the log.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::access::Access;
use crate::answer::{Answer, Body};
use crate::endpoint::{Asked, Place};
use crate::fault::{Armed, Effect, Fault};
use crate::request_log::{Authorization, LoggedRequest};
use crate::store::Store;
use crate::token::Tokens;

/// How the registry takes the wish to mount a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounts {
    /// It links the blob if the other repository has it.
    Accepted,
    /// It always opens an upload instead.
    Declined,
}

/// A running registry. Dropping it closes its port and all its connections.
pub struct EmbeddedRegistry {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// How a registry is to be.
pub struct Builder {
    access: Access,
    tag_page_size: Option<usize>,
    mounts: Mounts,
    relative_locations: bool,
}

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) access: Access,
    pub(crate) tag_page_size: Option<usize>,
    pub(crate) mounts: Mounts,
    pub(crate) relative_locations: bool,
    pub(crate) tokens: Tokens,
    pub(crate) numbers: AtomicU64,
    log: Mutex<Vec<LoggedRequest>>,
    faults: RwLock<Vec<Armed>>,
}

impl EmbeddedRegistry {
    /// Begins to say how the registry is to be: open, with everything the specification offers.
    pub fn builder() -> Builder {
        Builder {
            access: Access::Open,
            tag_page_size: None,
            mounts: Mounts::Accepted,
            relative_locations: false,
        }
    }

    /// `127.0.0.1:port`
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// What it holds.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.log().clone()
    }

    /// Forgets what it was asked.
    pub fn clear_requests(&self) {
        self.shared.log().clear();
    }

    /// Misbehaves from now on.
    pub fn misbehave(&self, fault: Fault) {
        self.shared.faults.write().unwrap_or_else(PoisonError::into_inner).push(Armed::new(fault));
    }

    /// Behaves again.
    pub fn behave(&self) {
        self.shared.faults.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for EmbeddedRegistry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Builder {
    /// Who may do what.
    #[must_use]
    pub fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// The most tags that a page has.
    #[must_use]
    pub fn tag_page_size(self, size: usize) -> Self {
        Self { tag_page_size: Some(size), ..self }
    }

    /// How mounts are taken.
    #[must_use]
    pub fn mounts(self, mounts: Mounts) -> Self {
        Self { mounts, ..self }
    }

    /// Answers uploads with a path instead of a whole URL in `Location`.
    #[must_use]
    pub fn relative_locations(self) -> Self {
        Self { relative_locations: true, ..self }
    }

    /// Listens on a free port of 127.0.0.1.
    pub async fn start(self) -> io::Result<EmbeddedRegistry> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            store: Store::default(),
            access: self.access,
            tag_page_size: self.tag_page_size,
            mounts: self.mounts,
            relative_locations: self.relative_locations,
            tokens: Tokens::default(),
            numbers: AtomicU64::new(1),
            log: Mutex::default(),
            faults: RwLock::default(),
        });
        let server = tokio::spawn(accept(listener, shared.clone()));
        Ok(EmbeddedRegistry { address, shared, server })
    }
}

/// Connections live in the set, so that they end with the server.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(stream, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request| {
        let shared = shared.clone();
        async move { shared.handle(request).await }
    });
    // A client that goes away is no event here.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Shared {
    fn log(&self) -> std::sync::MutexGuard<'_, Vec<LoggedRequest>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn handle(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (head, mut incoming) = request.into_parts();
        let effect = self.effect(&head.method, head.uri.path());
        let header =
            |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut logged = LoggedRequest {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            status: 0,
            authorization: Authorization::of(header("authorization").as_deref()),
            user_agent: header("user-agent"),
            received_bytes: 0,
            sent_bytes: 0,
        };
        if let Some(Effect::Status { code, body, headers }) = &effect {
            let mut answer = Answer::new(StatusCode::from_u16(*code).unwrap_or(StatusCode::IM_A_TEAPOT));
            answer = headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value.clone()));
            return Ok(self.finish(logged, answer.body(body.clone())));
        }
        match effect {
            Some(Effect::DropConnection) => return Err(self.hang_up(logged)),
            Some(Effect::Hang) => {
                self.log().push(logged);
                std::future::pending::<()>().await;
                return Err(gone());
            }
            Some(Effect::Delay(delay)) => tokio::time::sleep(delay).await,
            _ => {}
        }
        let (body, complete) = read(&mut incoming).await;
        logged.received_bytes = body.len() as u64;
        let asked = Asked { place: Place::of(&head), head, body, complete };
        let answer = self.answer(&asked);
        self.spoil(effect, logged, answer)
    }

    /// Sends the right answer, or what a fault makes of it.
    fn spoil(
        &self,
        effect: Option<Effect>,
        logged: LoggedRequest,
        mut answer: Answer,
    ) -> io::Result<Response<Body>> {
        match effect {
            Some(Effect::LoseAnswer) => return Err(self.hang_up(logged)),
            Some(Effect::OmitHeader(name)) => answer.headers.retain(|(header, _)| header != name),
            Some(Effect::SetHeader(name, value)) => {
                answer.headers.retain(|(header, _)| header != name);
                answer = answer.header(name, value);
            }
            Some(Effect::CorruptByteAt(place)) => {
                let mut body = BytesMut::from(&answer.body[..]);
                if let Some(byte) = body.get_mut(place) {
                    *byte ^= 0x55;
                }
                answer.body = body.freeze();
            }
            Some(Effect::CutBodyAfter(length)) => {
                let kept = answer.body.slice(..length.min(answer.body.len()));
                let mut response = self.finish(logged, answer);
                *response.body_mut() = cut_off(kept);
                return Ok(response);
            }
            _ => {}
        }
        Ok(self.finish(logged, answer))
    }

    fn effect(&self, method: &Method, path: &str) -> Option<Effect> {
        let faults = self.faults.read().unwrap_or_else(PoisonError::into_inner);
        faults.iter().find_map(|fault| fault.strike(method, path))
    }

    fn finish(&self, mut logged: LoggedRequest, answer: Answer) -> Response<Body> {
        let request_id = format!("embedded-{}", self.numbers.fetch_add(1, Ordering::Relaxed));
        let answer = answer
            .header("docker-distribution-api-version", "registry/2.0")
            .header("x-request-id", request_id);
        logged.status = answer.status.as_u16();
        logged.sent_bytes = answer.body.len() as u64;
        self.log().push(logged);
        answer.into_response()
    }

    fn hang_up(&self, logged: LoggedRequest) -> io::Error {
        self.log().push(logged);
        gone()
    }
}

fn gone() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

/// Reads a body; says whether it came to its end.
async fn read(incoming: &mut Incoming) -> (Bytes, bool) {
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        match frame {
            Ok(frame) => body.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new())),
            Err(_) => return (body.freeze(), false),
        }
    }
    (body.freeze(), true)
}

/// A body that ends in the middle: first what is kept, then, when that is on its way, the end of the connection.
fn cut_off(kept: Bytes) -> Body {
    enum Step {
        Send(Bytes),
        Break,
        End,
    }
    let pieces = futures_util::stream::unfold(Step::Send(kept), |step| async move {
        match step {
            Step::Send(kept) => Some((Ok(Frame::data(kept)), Step::Break)),
            Step::Break => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Err(gone()), Step::End))
            }
            Step::End => None,
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}
