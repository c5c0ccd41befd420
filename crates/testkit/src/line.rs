//! A proxy that simulates a real network line: slow to answer, or with a low rate.
//!
//! Answers are delayed by a fixed time, with any amount of bytes in flight: latency without a window. Rates apply to
//! each direction, for each connection and for all of them together. Connections stay open as long as both sides
//! want, and any number of them can run in parallel. It runs on its own thread, and does not parse the bytes.

mod pace;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::pace::Pace;
use crate::server_thread::ServerThread;

/// The maximum size of a read.
const PIECE: usize = 64 * 1024;

/// Pieces in flight in one connection: more than a fast line transfers in the usual delay.
const UNDER_WAY: usize = 4096;

/// A running proxy; ends on drop.
pub struct Line {
    thread: ServerThread,
    connections: Arc<Connections>,
}

/// A line before its start.
pub struct LineBuilder {
    upstream: String,
    delay: Duration,
    each_connection: Option<u64>,
    all: Option<u64>,
}

#[derive(Default)]
struct Connections {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Bytes, and when they may arrive.
struct Piece {
    arrives: Instant,
    bytes: Bytes,
}

impl Line {
    /// A line to `upstream` (`host:port`), without delay and limits.
    pub fn to(upstream: impl Into<String>) -> LineBuilder {
        LineBuilder { upstream: upstream.into(), delay: Duration::ZERO, each_connection: None, all: None }
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.thread.host()
    }

    /// The maximum number of connections that were open at the same time.
    pub fn most_connections(&self) -> usize {
        self.connections.most.load(Ordering::Relaxed)
    }
}

impl LineBuilder {
    /// Delays answers by this time.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Limits each connection to this rate in each direction.
    #[must_use]
    pub fn each_connection(mut self, bytes_a_second: u64) -> Self {
        self.each_connection = Some(bytes_a_second);
        self
    }

    /// Limits all connections together to this rate in each direction.
    #[must_use]
    pub fn all(mut self, bytes_a_second: u64) -> Self {
        self.all = Some(bytes_a_second);
        self
    }

    /// Listens on a free port of 127.0.0.1.
    pub async fn start(self) -> Result<Line> {
        let connections = Arc::<Connections>::default();
        let counted = connections.clone();
        let thread = ServerThread::start("line", move |listener| accept(listener, self, counted)).await?;
        Ok(Line { thread, connections })
    }
}

async fn accept(listener: TcpListener, line: LineBuilder, connections: Arc<Connections>) {
    let of_all = line.all;
    let all = [(); 2].map(|()| of_all.map(|rate| Arc::new(Pace::new(rate))));
    let line = Arc::new(line);
    while let Ok((client, _)) = listener.accept().await {
        let (line, all, connections) = (line.clone(), all.clone(), connections.clone());
        tokio::spawn(async move {
            let now = connections.now.fetch_add(1, Ordering::Relaxed) + 1;
            connections.most.fetch_max(now, Ordering::Relaxed);
            carry(client, &line, all).await;
            connections.now.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Carries one connection, until both sides have ended.
async fn carry(client: TcpStream, line: &LineBuilder, all: [Option<Arc<Pace>>; 2]) {
    let Ok(server) = TcpStream::connect(&line.upstream).await else { return };
    // Nagle's algorithm would add delays that the test did not ask for.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let paces = all.map(|all| {
        let own = line.each_connection.map(|rate| Arc::new(Pace::new(rate)));
        [own, all].into_iter().flatten().collect::<Vec<_>>()
    });
    let [up, down] = &paces;
    // An end on one side closes the connection, so that the other side sees it.
    tokio::join!(
        one_way(from_client, to_server, up, Duration::ZERO),
        one_way(from_server, to_client, down, line.delay)
    );
}

async fn one_way(from: OwnedReadHalf, to: OwnedWriteHalf, paces: &[Arc<Pace>], delay: Duration) {
    let (sender, receiver) = mpsc::channel(if delay.is_zero() { 1 } else { UNDER_WAY });
    tokio::join!(take_in(from, sender, paces, delay), hand_out(to, receiver));
}

async fn take_in(mut from: OwnedReadHalf, pieces: mpsc::Sender<Piece>, paces: &[Arc<Pace>], delay: Duration) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(PIECE);
        match from.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        for pace in paces {
            pace.pass(buffer.len()).await;
        }
        let piece = Piece { arrives: Instant::now() + delay, bytes: buffer.split().freeze() };
        if pieces.send(piece).await.is_err() {
            return;
        }
    }
}

async fn hand_out(mut to: OwnedWriteHalf, mut pieces: mpsc::Receiver<Piece>) {
    while let Some(Piece { arrives, bytes }) = pieces.recv().await {
        tokio::time::sleep_until(arrives).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn bytes_come_through_unchanged_and_in_order_and_not_before_their_time() {
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let delay = Duration::from_millis(20);
        let proxy = Line::to(upstream.local_addr().unwrap().to_string()).delay(delay).start().await.unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = upstream.accept().unwrap();
            for _ in 0..3 {
                let mut question = [0; 4];
                stream.read_exact(&mut question).unwrap();
                stream.write_all(&[question.as_slice(), &vec![7; 300_000]].concat()).unwrap();
            }
        });
        let mut client = TcpStream::connect(proxy.host()).unwrap();
        let started = std::time::Instant::now();
        for question in [b"one.", b"two.", b"tri."] {
            client.write_all(question).unwrap();
            let mut answer = vec![0; 300_004];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(&answer[..4], question);
            assert!(answer[4..].iter().all(|byte| *byte == 7));
        }
        assert!(started.elapsed() >= delay * 3);
        server.join().unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "the end comes through, too");
        assert_eq!(proxy.most_connections(), 1);
    }

    #[tokio::test]
    async fn each_connection_has_a_rate_of_its_own() {
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let rate = 1_000_000;
        let line =
            Line::to(upstream.local_addr().unwrap().to_string()).each_connection(rate).start().await.unwrap();
        std::thread::spawn(move || {
            for stream in upstream.incoming() {
                std::thread::spawn(move || stream.unwrap().write_all(&vec![7; 100_000]).unwrap());
            }
        });
        let started = std::time::Instant::now();
        let mut clients: Vec<_> = (0..3).map(|_| TcpStream::connect(line.host()).unwrap()).collect();
        for client in &mut clients {
            let mut all = Vec::new();
            client.read_to_end(&mut all).unwrap();
            assert_eq!(all.len(), 100_000);
        }
        assert!(started.elapsed() >= Duration::from_millis(60), "{:?}", started.elapsed());
        assert_eq!(line.most_connections(), 3);
    }
}
