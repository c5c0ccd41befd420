//! One client's connection, with its connection to the registry.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::Shared;
use super::answer::{self, MadeUp};
use super::damage::{Damage, Damaged};
use super::fault::Fault;
use super::framing::Framing;
use super::head::{self, Head};

/// Larger heads are rejected.
const LARGEST_HEAD: usize = 64 << 10;
/// How long a client that got an early answer may go on sending, so that it reads the answer.
const LINGER: Duration = Duration::from_millis(300);

/// One end of the proxy.
struct Peer {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    /// Received and unused bytes.
    unread: BytesMut,
}

/// Whether the connection can carry another request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Close,
}

/// How much of the request was sent to the registry.
enum Sent {
    Whole,
    /// The registry answered before it had everything.
    Early,
}

pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut connection = Connection { client: Peer::new(stream), upstream: None, shared };
    // A closed connection is no error here: many faults look like that.
    while let Ok(Then::GoOn) = connection.exchange().await {}
}

struct Connection {
    client: Peer,
    upstream: Option<Peer>,
    shared: Arc<Shared>,
}

impl Connection {
    async fn exchange(&mut self) -> io::Result<Then> {
        let Some(request) = self.next_request().await? else { return Ok(Then::Close) };
        let fault = self.shared.plan().fault_for(request.method(), request.path());
        let number = self.shared.log.begin(request.method(), request.path(), fault.clone());
        let then = match &fault {
            Some(Fault::Reset) => {
                // Closing with zero linger sends a reset.
                self.client.write.as_ref().set_zero_linger()?;
                Ok(Then::Close)
            }
            Some(Fault::Unauthorized) => self.challenge(number, &request).await,
            Some(fault) => match MadeUp::of(fault, &self.shared.upstream, request.path()) {
                Some(made_up) => self.answer(number, &request, &made_up).await,
                None => self.pass(number, &request, Some(fault)).await,
            },
            None => self.pass(number, &request, None).await,
        }?;
        Ok(if request.closes() { Then::Close } else { then })
    }

    /// The next request's head; `None` if there is none, or if the registry has closed its connection.
    async fn next_request(&mut self) -> io::Result<Option<Head>> {
        let client = &mut self.client;
        if client.unread.is_empty() {
            tokio::select! {
                read = client.read.read_buf(&mut client.unread) => { read?; }
                () = ended(self.upstream.as_mut()) => return Ok(None),
            }
        }
        if client.unread.first() == Some(&0x16) {
            // The client tries TLS. The text is that of Go's HTTPS server for plain HTTP.
            client
                .write
                .write_all(
                    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
                )
                .await?;
            return Ok(None);
        }
        client.head().await
    }

    /// Sends an invented answer. Reads the request's body before, as servers do, except for 413, which nginx sends at once.
    async fn answer(&mut self, number: usize, request: &Head, made_up: &MadeUp) -> io::Result<Then> {
        let is_early = made_up.status == 413;
        let mut framing = request.request_framing();
        if !is_early {
            let bytes = self.client.discard(&mut framing).await?;
            self.shared.log.change(number, |exchange| exchange.request_bytes = bytes);
        }
        self.client.write.write_all(&made_up.bytes(request.method())).await?;
        self.shared.log.change(number, |exchange| exchange.status = Some(made_up.status));
        if is_early && !framing.is_over() {
            self.client.linger().await;
            return Ok(Then::Close);
        }
        Ok(Then::GoOn)
    }

    /// 401 with the registry's own challenge for an anonymous client.
    async fn challenge(&mut self, number: usize, request: &Head) -> io::Result<Then> {
        let mut peer = Peer::new(TcpStream::connect(&self.shared.upstream).await?);
        let (path, host) = (request.path(), request.header("host").unwrap_or_default());
        let question = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        peer.write.write_all(question.as_bytes()).await?;
        let challenge = peer.head().await?.and_then(|head| head.header("www-authenticate"));
        let challenge = challenge.unwrap_or_else(|| r#"Basic realm="fault proxy""#.to_owned());
        let made_up = MadeUp::new(401, "").header("WWW-Authenticate", challenge);
        self.answer(number, request, &made_up).await
    }

    async fn pass(&mut self, number: usize, request: &Head, fault: Option<&Fault>) -> io::Result<Then> {
        if self.upstream.is_none() {
            let stream = TcpStream::connect(&self.shared.upstream).await?;
            self.upstream = Some(Peer::new(stream));
        }
        let Some(upstream) = &mut self.upstream else { return Ok(Then::Close) };
        let mut bytes = 0;
        let sent =
            send(&mut self.client, upstream, request, answer::to_request(fault, request), &mut bytes).await;
        self.shared.log.change(number, |exchange| exchange.request_bytes = bytes);
        let sent = sent?;
        let Some(head) = upstream.head().await? else { return Ok(Then::Close) };
        let mut framing = head.answer_framing(request.method());
        if fault == Some(&Fault::LostAnswer) {
            upstream.discard(&mut framing).await?;
            return Ok(Then::Close);
        }
        self.shared.log.change(number, |exchange| exchange.status = Some(head.status()));
        let first = answer::changed_head(fault, &head, &framing);
        let damage = answer::to_answer(fault, &first, &framing);
        let closes =
            head.closes() || framing == Framing::UntilClose || matches!(fault, Some(Fault::WrongLength(_)));
        let Connection { client, .. } = self;
        let mut to = Damaged::new(&mut client.write, damage);
        tokio::select! {
            passed = give(upstream, &mut to, &first, &mut framing) => passed?,
            // The client is gone and needs no answer.
            () = gone(&client.read), if matches!(sent, Sent::Whole) => return Ok(Then::Close),
        }
        if matches!(sent, Sent::Early) {
            self.client.linger().await;
            return Ok(Then::Close);
        }
        Ok(if closes { Then::Close } else { Then::GoOn })
    }
}

/// Passes a request on; stops if the registry answers before its end.
async fn send(
    client: &mut Peer,
    upstream: &mut Peer,
    request: &Head,
    damage: Damage,
    bytes: &mut u64,
) -> io::Result<Sent> {
    let Peer { read, write, unread } = upstream;
    let mut to = Damaged::new(write, damage);
    to.write(&request.bytes).await?;
    let mut framing = request.request_framing();
    let whole = async {
        while !framing.is_over() {
            if client.unread.is_empty() && client.read.read_buf(&mut client.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let taken = framing.take(&client.unread);
            *bytes += taken as u64;
            to.write(&client.unread[..taken]).await?;
            client.unread.advance(taken);
        }
        Ok(Sent::Whole)
    };
    tokio::select! {
        biased;
        sent = whole => sent,
        early = read.read_buf(unread) => match early? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(Sent::Early),
        },
    }
}

/// Passes an answer on, beginning with `head`.
async fn give(
    upstream: &mut Peer,
    to: &mut Damaged<'_>,
    head: &[u8],
    framing: &mut Framing,
) -> io::Result<()> {
    to.write(head).await?;
    while !framing.is_over() {
        if upstream.unread.is_empty() && upstream.read.read_buf(&mut upstream.unread).await? == 0 {
            return if *framing == Framing::UntilClose {
                Ok(())
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        let taken = framing.take(&upstream.unread);
        to.write(&upstream.unread[..taken]).await?;
        upstream.unread.advance(taken);
    }
    Ok(())
}

/// Returns when the registry has closed an idle connection.
async fn ended(upstream: Option<&mut Peer>) {
    match upstream {
        // No request is running, so readable means closed.
        Some(upstream) => gone(&upstream.read).await,
        None => std::future::pending().await,
    }
}

/// Returns when the peer has closed the connection; never if it sends something instead.
async fn gone(read: &OwnedReadHalf) {
    if matches!(read.as_ref().peek(&mut [0]).await, Ok(1..)) {
        std::future::pending::<()>().await;
    }
}

impl Peer {
    fn new(stream: TcpStream) -> Self {
        // If this fails, small messages are only slower.
        let _ = stream.set_nodelay(true);
        let (read, write) = stream.into_split();
        Self { read, write, unread: BytesMut::with_capacity(64 << 10) }
    }

    /// The next head; `None` if the connection ends before.
    async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = head::end(&self.unread) {
                let bytes = self.unread.split_to(end);
                return Ok(Head::parse(&bytes));
            }
            if self.unread.len() > LARGEST_HEAD || self.read.read_buf(&mut self.unread).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Reads a body and discards it; returns its length.
    async fn discard(&mut self, framing: &mut Framing) -> io::Result<u64> {
        let mut bytes = 0;
        while !framing.is_over() {
            if self.unread.is_empty() && self.read.read_buf(&mut self.unread).await? == 0 {
                return Ok(bytes);
            }
            let taken = framing.take(&self.unread);
            self.unread.advance(taken);
            bytes += taken as u64;
        }
        Ok(bytes)
    }

    /// Closes for writing, and goes on reading for a while: closing a connection with unread bytes sends a reset,
    /// which may drop the answer on its way.
    async fn linger(&mut self) {
        let _ = self.write.shutdown().await;
        let drain = async {
            loop {
                self.unread.clear();
                if !matches!(self.read.read_buf(&mut self.unread).await, Ok(1..)) {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, drain).await;
    }
}
