//! A line to a registry that is as slow to answer as one far away.
//!
//! What the registry answers comes later by a fixed time; nothing else changes: connections stay open as long as
//! both sides want, any number of them run side by side, and bytes under way do not wait for each other. It runs
//! on a thread of its own and does not look into what it carries.

use std::time::Duration;

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::server_thread::ServerThread;

/// The most that is read at once.
const PIECE: usize = 64 * 1024;

/// Pieces under way in one connection: more than a fast line carries in the usual delay.
const UNDER_WAY: usize = 4096;

/// A running proxy; ends on drop.
pub struct DelayProxy {
    thread: ServerThread,
}

/// Bytes and when they may arrive.
struct Piece {
    arrives: Instant,
    bytes: Bytes,
}

impl DelayProxy {
    /// Listens on a free port of 127.0.0.1 and carries everything to `upstream` (`host:port`), whose answers
    /// come later by `delay`.
    pub async fn start(upstream: impl Into<String>, delay: Duration) -> Result<Self> {
        let upstream = upstream.into();
        let thread =
            ServerThread::start("delay-proxy", move |listener| accept(listener, upstream, delay)).await?;
        Ok(Self { thread })
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.thread.host()
    }
}

async fn accept(listener: TcpListener, upstream: String, delay: Duration) {
    while let Ok((client, _)) = listener.accept().await {
        let upstream = upstream.clone();
        tokio::spawn(async move { carry(client, &upstream, delay).await });
    }
}

/// One connection, until both sides have ended.
async fn carry(client: TcpStream, upstream: &str, delay: Duration) {
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    // Waiting for more to send would be a delay that nobody ordered.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let asking = async {
        // Whoever breaks off ends the connection, which is what the other side shall see.
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    };
    let (sender, receiver) = mpsc::channel(UNDER_WAY);
    tokio::join!(asking, take_in(from_server, sender, delay), hand_out(to_client, receiver));
}

async fn take_in(mut from: OwnedReadHalf, pieces: mpsc::Sender<Piece>, delay: Duration) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(PIECE);
        match from.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
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
        let proxy = DelayProxy::start(upstream.local_addr().unwrap().to_string(), delay).await.unwrap();
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
    }
}
