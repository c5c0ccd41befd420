//! A DNS server with configured answers, over UDP and TCP.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};

const HEADER: usize = 12;
/// The longest answer over UDP.
const LONGEST_DATAGRAM: usize = 512;
const KIND_A: u16 = 1;
const KIND_AAAA: u16 = 28;
const TRUNCATED: u8 = 0x02;
/// The name does not exist.
const NXDOMAIN: u8 = 3;

/// The answer for a name.
#[derive(Clone, Debug)]
pub enum DnsAnswer {
    /// These addresses, of both families.
    Addresses(Vec<IpAddr>),
    /// An IPv4 address; questions for IPv6 get no answer.
    OnlyV4(IpAddr),
    /// This error code.
    Code(u8),
    /// No answer.
    Nothing,
}

/// A received question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsQuestion {
    /// In lower case, without the last dot.
    pub name: String,
    /// 1 for IPv4, 28 for IPv6.
    pub kind: u16,
    /// Over TCP rather than UDP.
    pub by_tcp: bool,
}

/// A running server; ends on drop.
pub struct DnsServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, DnsAnswer>>,
    asked: Mutex<Vec<DnsQuestion>>,
    is_over: AtomicBool,
}

impl DnsServer {
    /// Listens at `address` (`127.0.0.1:0` for a free port), on UDP and TCP with the same port.
    pub fn start(address: &str) -> Result<Self> {
        let (datagrams, connections) = listen(address)?;
        let (address, shared) = (datagrams.local_addr()?, Arc::<Shared>::default());
        let (by_udp, by_tcp) = (shared.clone(), shared.clone());
        let threads = vec![
            std::thread::spawn(move || serve_udp(&datagrams, &by_udp)),
            std::thread::spawn(move || serve_tcp(&connections, &by_tcp)),
        ];
        Ok(Self { address, shared, threads })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets the answer for a name. Names without an answer do not exist.
    pub fn answer(&self, name: &str, answer: DnsAnswer) {
        lock(&self.shared.answers).insert(name.to_owned(), answer);
    }

    /// All questions so far.
    pub fn asked(&self) -> Vec<DnsQuestion> {
        lock(&self.shared.asked).clone()
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes both threads. An error means that they have ended already.
        let _ = UdpSocket::bind((self.address.ip(), 0)).and_then(|socket| socket.send_to(&[], self.address));
        let _ = TcpStream::connect(self.address);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Retries, because a port that is free for UDP may be in use for TCP.
fn listen(address: &str) -> Result<(UdpSocket, TcpListener)> {
    let mut tries = 20;
    loop {
        let connections =
            TcpListener::bind(address).with_context(|| format!("cannot listen at {address}"))?;
        match UdpSocket::bind(connections.local_addr()?) {
            Ok(datagrams) => return Ok((datagrams, connections)),
            Err(error) if tries == 0 => return Err(error).context("no port is free for both UDP and TCP"),
            Err(_) => tries -= 1,
        }
    }
}

fn serve_udp(socket: &UdpSocket, shared: &Shared) {
    let mut datagram = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut datagram) {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let Some(mut answer) = answer(&datagram[..length], shared, false) else { continue };
        if answer.len() > LONGEST_DATAGRAM {
            answer.truncate(length);
            answer[2] |= TRUNCATED;
            answer[7] = 0;
        }
        let _ = socket.send_to(&answer, from);
    }
}

fn serve_tcp(listener: &TcpListener, shared: &Shared) {
    for stream in listener.incoming().flatten() {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let _ = serve_connection(stream, shared);
    }
}

fn serve_connection(mut stream: TcpStream, shared: &Shared) -> Result<()> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut question)?;
    if let Some(answer) = answer(&question, shared, true) {
        stream.write_all(&u16::try_from(answer.len())?.to_be_bytes())?;
        stream.write_all(&answer)?;
    }
    Ok(())
}

/// The answer, if there is one.
fn answer(question: &[u8], shared: &Shared, by_tcp: bool) -> Option<Vec<u8>> {
    let (name, end) = name(question)?;
    let kind = u16::from_be_bytes([*question.get(end)?, *question.get(end + 1)?]);
    lock(&shared.asked).push(DnsQuestion { name: name.clone(), kind, by_tcp });
    let known = lock(&shared.answers).get(&name).cloned();
    let (code, addresses) = match known {
        None => (NXDOMAIN, Vec::new()),
        Some(DnsAnswer::Nothing) => return None,
        Some(DnsAnswer::OnlyV4(_)) if kind == KIND_AAAA => return None,
        Some(DnsAnswer::OnlyV4(address)) => (0, vec![address]),
        Some(DnsAnswer::Code(code)) => (code, Vec::new()),
        Some(DnsAnswer::Addresses(addresses)) => (0, addresses),
    };
    let wanted =
        addresses.into_iter().filter(|address| kind == if address.is_ipv4() { KIND_A } else { KIND_AAAA });
    let mut bytes = question.get(..end + 4)?.to_vec();
    // The flags of an answer from a recursive server.
    (bytes[2], bytes[3]) = (0x81, 0x80 | code);
    bytes[8..HEADER].fill(0);
    for address in wanted {
        bytes[7] += 1;
        // A pointer to the question's name, class IN, with a TTL of a minute.
        bytes.extend([0xc0, 12, 0, kind.to_be_bytes()[1], 0, 1, 0, 0, 0, 60]);
        match address {
            IpAddr::V4(address) => bytes.extend([&[0, 4][..], &address.octets()].concat()),
            IpAddr::V6(address) => bytes.extend([&[0, 16][..], &address.octets()].concat()),
        }
    }
    Some(bytes)
}

/// The name in the question, and where it ends.
fn name(question: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), HEADER);
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join(".").to_ascii_lowercase(), at));
        }
        labels.push(String::from_utf8_lossy(question.get(at..at + length)?).into_owned());
        at += length;
    }
}
