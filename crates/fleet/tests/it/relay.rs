//! A relay before a nats-server that goes away when a client publishes a chosen job.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Relays connections until a client publishes the job. Then all of them break, and no new one gets through until [`Relay::open`].
pub(crate) struct Relay {
    port: u16,
    is_away: watch::Sender<bool>,
}

impl Relay {
    /// Relays to the server at this port; goes away, once, before the job of this number passes.
    pub(crate) async fn before_job(number: u32, server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (is_away, has_gone) = (watch::Sender::new(false), Arc::new(AtomicBool::new(false)));
        let shared = is_away.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !*shared.borrow() {
                    let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                    tokio::spawn(relay(client, server, number, (shared.clone(), has_gone.clone())));
                }
            }
        });
        Self { port, is_away }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn is_away(&self) -> bool {
        *self.is_away.borrow()
    }

    /// Lets new connections through, whatever they send.
    pub(crate) fn open(&self) {
        self.is_away.send_replace(false);
    }
}

async fn relay(
    mut client: TcpStream,
    mut server: TcpStream,
    job: u32,
    (is_away, has_gone): (watch::Sender<bool>, Arc<AtomicBool>),
) {
    let (mut up, mut down, mut away) = ([0; 1 << 14], [0; 1 << 14], is_away.subscribe());
    // What the client sent last: a subject may come in two pieces.
    let mut sent = String::new();
    loop {
        tokio::select! {
            () = async { drop(away.wait_for(|is_away| *is_away).await) } => return,
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                sent.push_str(&String::from_utf8_lossy(&up[..length]));
                if publishes(&sent, job) && !has_gone.swap(true, Ordering::SeqCst) {
                    is_away.send_replace(true);
                    return;
                }
                sent = sent.rsplit('\n').next().unwrap_or_default().to_owned();
                if server.write_all(&up[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&down[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn publishes(sent: &str, job: u32) -> bool {
    let subjects = sent.split("isync.jobs.").skip(1).filter_map(|rest| rest.split_once(' '));
    subjects.into_iter().any(|(subject, _)| subject.ends_with(&format!(".{job}")))
}
