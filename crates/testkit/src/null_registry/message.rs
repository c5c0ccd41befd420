//! Requests and answers of HTTP/1.1, as far as registry clients use it.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read, Write};

/// The buffer size for reading a discarded body.
const DRAIN: usize = 256 << 10;
/// The longest head, in bytes.
const LONGEST_HEAD: u64 = 64 << 10;

/// The head of a request.
pub(super) struct Head {
    pub(super) method: String,
    pub(super) path: String,
    query: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// The next head; `None` if the client ends the connection.
    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut head = from.take(LONGEST_HEAD);
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(io::Error::other("no request"));
        };
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            head.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Some(Self { method, path: path.to_owned(), query: query.to_owned(), headers }))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the query. Of percent escapes, only those of colons and slashes are decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(known, _)| *known == name)?;
        Some(value.replace("%3A", ":").replace("%3a", ":").replace("%2F", "/").replace("%2f", "/"))
    }

    /// Reads the body: keeps it in `kept`, if that is given. Returns its length.
    pub(super) fn body(&self, from: &mut impl BufRead, kept: Option<&mut Vec<u8>>) -> io::Result<u64> {
        let is_chunked =
            self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let mut sink = Sink { kept, buffer: Vec::new() };
        if !is_chunked {
            let length = self.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
            return sink.take(from, length);
        }
        let mut whole = 0;
        loop {
            let mut line = String::new();
            from.read_line(&mut line)?;
            let length = line.trim_end().split(';').next().unwrap_or_default();
            let length = u64::from_str_radix(length, 16).map_err(io::Error::other)?;
            sink.take(from, length)?;
            from.read_line(&mut line)?;
            whole += length;
            if length == 0 {
                return Ok(whole);
            }
        }
    }
}

struct Sink<'a> {
    kept: Option<&'a mut Vec<u8>>,
    buffer: Vec<u8>,
}

impl Sink<'_> {
    fn take(&mut self, from: &mut impl BufRead, length: u64) -> io::Result<u64> {
        if let Some(kept) = &mut self.kept {
            return Ok(from.take(length).read_to_end(kept)? as u64);
        }
        self.buffer.resize(DRAIN, 0);
        let mut left = length;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(DRAIN).min(DRAIN);
            match from.read(&mut self.buffer[..most])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => left -= read as u64,
            }
        }
        Ok(length)
    }
}

/// Writes an answer's head. The body, if any, follows.
pub(super) fn write_head(
    to: &mut impl Write,
    status: u16,
    length: u64,
    headers: &[(&str, String)],
) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    to.write_all(head.as_bytes())
}
