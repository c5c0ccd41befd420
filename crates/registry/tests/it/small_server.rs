//! Tiny servers for behaviour that no registry has: wrong answers to the first bytes, proxies.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The requests to a server, line by line.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.lines().iter().any(|line| line.contains(text))
    }

    fn add(&self, line: &str) {
        self.0.lock().unwrap().push(line.trim_end().to_owned());
    }
}

/// Runs `serve` on every connection to a new port of this machine; returns `host:port`.
pub(crate) fn serve(
    host: &str,
    serve: impl Fn(TcpStream) -> std::io::Result<()> + Clone + Send + 'static,
) -> String {
    let listener = TcpListener::bind((host.trim_matches(['[', ']']), 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            std::thread::spawn(move || serve(client));
        }
    });
    format!("{host}:{port}")
}

/// Reads the head of a request, line by line.
fn head(reader: &mut impl std::io::BufRead, asked: &Asked) -> std::io::Result<Option<String>> {
    let (mut first, mut line) = (None, String::new());
    while reader.read_line(&mut line)? > 2 {
        asked.add(&line);
        first.get_or_insert(std::mem::take(&mut line));
        line.clear();
    }
    Ok(first)
}

/// How a server without TLS reacts to a TLS greeting.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Greeted {
    Answers(&'static [u8]),
    Closes,
    Resets,
}

/// A server without TLS; it answers a plain request with an open registry's 200.
pub(crate) fn no_tls(greeted: Greeted) -> (String, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let host = serve("127.0.0.1", move |mut client| {
        let mut first = [0];
        client.peek(&mut first)?;
        if first != [0x16] {
            return answer(client, "200 OK", "{}", &log);
        }
        match greeted {
            // With unread bytes, the end of the connection is a reset.
            Greeted::Resets => return Ok(()),
            Greeted::Closes | Greeted::Answers(_) => client.read(&mut [0; 4096])?,
        };
        if let Greeted::Answers(bytes) = greeted { client.write_all(bytes) } else { Ok(()) }
    });
    (host, asked)
}

/// A server that gives every request the same answer.
pub(crate) fn answering(host: &str, status: &'static str, body: &'static str) -> (String, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    (serve(host, move |client| answer(client, status, body, &log)), asked)
}

/// A registry that answers pings without a login. It answers all other requests with `stranger` if they have no login, with `known` if
/// they have `login`, and with 401 if they have another one.
pub(crate) fn hiding(stranger: &'static str, login: &'static str, known: &'static str) -> (String, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let host = serve("127.0.0.1", move |client| {
        let mut reader = BufReader::new(client);
        loop {
            let this = Asked::default();
            let Some(request) = head(&mut reader, &this)? else { return Ok(()) };
            let brought = this.lines().into_iter().find(|line| line.starts_with("authorization: "));
            log.add(&format!("{} {}", request.trim_end(), brought.as_deref().unwrap_or("nobody")));
            let status = match brought.as_deref() {
                _ if request.starts_with("GET /v2/ ") => "200 OK",
                None => stranger,
                Some(brought) if brought.ends_with(login) => known,
                Some(_) => "401 Unauthorized",
            };
            let digest = format!("sha256:{}", "0".repeat(64));
            let headers =
                format!("docker-content-digest: {digest}\r\ndocker-distribution-api-version: registry/2.0");
            write!(reader.get_mut(), "HTTP/1.1 {status}\r\n{headers}\r\ncontent-length: 2\r\n\r\n")?;
            if !request.starts_with("HEAD") {
                write!(reader.get_mut(), "{{}}")?;
            }
        }
    });
    (host, asked)
}

/// A server that announces this many bytes in its answer to every request, and sends none.
pub(crate) fn announcing(length: usize) -> (String, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let host = serve("127.0.0.1", move |client| {
        let mut reader = BufReader::new(client);
        while let Some(request) = head(&mut reader, &log)? {
            let length = if request.starts_with("GET /v2/ ") { 0 } else { length };
            write!(reader.get_mut(), "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")?;
        }
        Ok(())
    });
    (host, asked)
}

fn answer(client: TcpStream, status: &str, body: &str, asked: &Asked) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    while head(&mut reader, asked)?.is_some() {
        let length = body.len();
        write!(reader.get_mut(), "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")?;
    }
    Ok(())
}

/// A proxy that connects every tunnel to `upstream`, whatever the requested host.
pub(crate) fn connect_proxy(upstream: String) -> (String, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let host = serve("127.0.0.1", move |client| {
        let mut reader = BufReader::new(client.try_clone()?);
        head(&mut reader, &log)?;
        (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        tunnel(reader, client, &upstream)
    });
    (host, asked)
}

/// A SOCKS5 proxy (RFC 1928, 1929) that requires user and password, and connects everything to `upstream`.
pub(crate) fn socks_proxy(upstream: String) -> (String, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let host = serve("127.0.0.1", move |client| {
        let mut reader = BufReader::new(client.try_clone()?);
        let text = |reader: &mut BufReader<TcpStream>| -> std::io::Result<String> {
            let mut length = [0];
            reader.read_exact(&mut length)?;
            let mut text = vec![0; length[0].into()];
            reader.read_exact(&mut text)?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        };
        reader.read_exact(&mut [0])?;
        text(&mut reader)?;
        (&client).write_all(&[5, 2])?;
        reader.read_exact(&mut [0])?;
        let (user, password) = (text(&mut reader)?, text(&mut reader)?);
        log.add(&format!("login {user} {password}"));
        (&client).write_all(&[1, 0])?;
        let mut request = [0; 4];
        reader.read_exact(&mut request)?;
        let name = if request[3] == 3 { text(&mut reader)? } else { "an address".to_owned() };
        let mut port = [0; 2];
        reader.read_exact(&mut port)?;
        log.add(&format!("connect {name} {}", u16::from_be_bytes(port)));
        (&client).write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0])?;
        tunnel(reader, client, &upstream)
    });
    (host, asked)
}

fn tunnel(mut reader: BufReader<TcpStream>, mut client: TcpStream, upstream: &str) -> std::io::Result<()> {
    let server = TcpStream::connect(upstream)?;
    let (mut there, mut back) = (server.try_clone()?, server);
    std::thread::spawn(move || std::io::copy(&mut reader, &mut there));
    std::io::copy(&mut back, &mut client).map(drop)
}

/// A connection to `upstream` that breaks once after `there` bytes in one direction, and once after `back`
/// bytes in the other.
pub(crate) fn breaking_way(upstream: String, there: usize, back: usize) -> String {
    let (there, back) = (Arc::new(Mutex::new(Some(there))), Arc::new(Mutex::new(Some(back))));
    serve("127.0.0.1", move |client| {
        let server = TcpStream::connect(&upstream)?;
        let (reader, writer) = (client.try_clone()?, server.try_clone()?);
        let there = there.clone();
        std::thread::spawn(move || carry(reader, writer, &there));
        carry(server, client, &back)
    })
}

/// Forwards bytes until their number is `limit`; then both connections end, and the limit is removed.
fn carry(mut from: TcpStream, mut to: TcpStream, limit: &Mutex<Option<usize>>) -> std::io::Result<()> {
    let (mut buffer, mut carried) = (vec![0; 1 << 16], 0);
    loop {
        let length = from.read(&mut buffer)?;
        carried += length;
        let is_over = limit.lock().unwrap().take_if(|limit| carried > *limit).is_some();
        if length == 0 || is_over {
            let _ = from.shutdown(Shutdown::Both);
            return to.shutdown(Shutdown::Both);
        }
        to.write_all(&buffer[..length])?;
    }
}
