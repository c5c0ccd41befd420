//! Sends DNS servers one question.

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::Unresolved;
use crate::message::{Answer, Family, Query, Unfit};
use crate::resolv_conf::{Carrier, ResolvConf};
use crate::silent::Silent;

/// The longest UDP answer for clients that do not announce to take more.
const LONGEST_DATAGRAM: usize = 512;

/// The addresses of `name` of one family. A server's answer that there are none is final; if a server fails or does not
/// answer, the next one is asked.
pub(crate) async fn ask(
    name: &str,
    family: Family,
    conf: &ResolvConf,
    silent: &Silent,
) -> Result<Vec<IpAddr>, Unresolved> {
    let mut last = Unresolved::NoName;
    for _ in 0..conf.attempts {
        for server in silent.last(&conf.servers) {
            // The id is unguessable, and different for each question: late answers to other questions do not match.
            let [first, second, ..] = RandomState::new().hash_one(name).to_be_bytes();
            let id = u16::from_be_bytes([first, second]);
            let query = Query::new(name, family, id).ok_or(Unresolved::NoName)?;
            let answered = timeout(conf.timeout, exchange(&query, server, conf.carrier)).await;
            last = match judge(answered, server.ip()) {
                Ok(addresses) => return Ok(addresses),
                Err(known @ (Unresolved::Unknown { .. } | Unresolved::NoAddress { .. })) => {
                    return Err(known);
                }
                Err(failed) => failed,
            };
            if matches!(last, Unresolved::Silent { .. }) {
                silent.note(server);
            }
        }
    }
    Err(last)
}

fn judge(answered: Result<io::Result<Answer>, Elapsed>, server: IpAddr) -> Result<Vec<IpAddr>, Unresolved> {
    Err(match answered {
        Ok(Ok(Answer::Addresses(addresses))) if addresses.is_empty() => Unresolved::NoAddress { server },
        Ok(Ok(Answer::Addresses(addresses))) => return Ok(addresses),
        Ok(Ok(Answer::Unknown)) => Unresolved::Unknown { server },
        Ok(Ok(Answer::Refused(code))) => Unresolved::Refused { server, code },
        // A TCP answer cannot be truncated.
        Ok(Ok(Answer::Truncated)) => Unresolved::Unreadable { server },
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Unresolved::Unreadable { server },
        Ok(Err(_)) | Err(_) => Unresolved::Silent { server },
    })
}

async fn exchange(query: &Query, server: SocketAddr, carrier: Carrier) -> io::Result<Answer> {
    match carrier {
        Carrier::Tcp => by_tcp(query, server).await,
        Carrier::UdpFirst => match by_udp(query, server).await? {
            Answer::Truncated => by_tcp(query, server).await,
            answer => Ok(answer),
        },
    }
}

/// Each question has a socket of its own: an attacker must guess its port, too.
async fn by_udp(query: &Query, server: SocketAddr) -> io::Result<Answer> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    // From now on only this server's packets are received.
    socket.connect(server).await?;
    socket.send(&query.bytes).await?;
    let mut datagram = [0; LONGEST_DATAGRAM];
    loop {
        let length = socket.recv(&mut datagram).await?;
        match query.read(&datagram[..length]) {
            Ok(answer) => return Ok(answer),
            Err(Unfit::Stranger) => {}
            Err(Unfit::Broken) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

async fn by_tcp(query: &Query, server: SocketAddr) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(query.bytes.len()).map_err(io::Error::other)?;
    let message = [&length.to_be_bytes(), query.bytes.as_slice()].concat();
    stream.write_all(&message).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    query.read(&answer).map_err(|_| io::ErrorKind::InvalidData.into())
}
