//! Heads of requests and answers, as far as the proxy has to parse them.

use super::framing::Framing;

/// A head, verbatim, including the empty line.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    /// The three words of the first line.
    words: [String; 3],
}

impl Head {
    /// `None` if the bytes are no head.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let line = bytes.split(|byte| *byte == b'\r').next()?;
        let line = std::str::from_utf8(line).ok()?;
        let mut words = line.splitn(3, ' ').map(str::to_owned);
        let words = [words.next()?, words.next()?, words.next().unwrap_or_default()];
        Some(Self { bytes: bytes.to_vec(), words })
    }

    pub(super) fn method(&self) -> &str {
        &self.words[0]
    }

    /// Path and query, as sent.
    pub(super) fn path(&self) -> &str {
        &self.words[1]
    }

    pub(super) fn status(&self) -> u16 {
        self.words[1].parse().unwrap_or(0)
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut lines = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(value.trim().to_owned())
    }

    /// The same with another value of one header.
    pub(super) fn with_header(&self, name: &str, value: &str) -> Vec<u8> {
        let text = String::from_utf8_lossy(&self.bytes);
        let lines = text.split("\r\n").map(|line| match line.split_once(':') {
            Some((found, _)) if found.eq_ignore_ascii_case(name) => format!("{found}: {value}"),
            _ => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\r\n").into_bytes()
    }

    /// Whether the connection ends after this message.
    pub(super) fn closes(&self) -> bool {
        let is_old = self.words[0] == "HTTP/1.0" || self.words[2] == "HTTP/1.0";
        is_old || self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    pub(super) fn request_framing(&self) -> Framing {
        self.framing().unwrap_or(Framing::NONE)
    }

    pub(super) fn answer_framing(&self, method: &str) -> Framing {
        if method == "HEAD" || matches!(self.status(), 100..=199 | 204 | 304) {
            return Framing::NONE;
        }
        self.framing().unwrap_or(Framing::UntilClose)
    }

    fn framing(&self) -> Option<Framing> {
        if self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Some(Framing::chunked());
        }
        self.header("content-length")?.parse().ok().map(Framing::Length)
    }
}

/// The length of the head at the beginning of these bytes, if it is complete.
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|start| start + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_and_changed_without_touching_the_rest() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX: y\r\n\r\n";
        assert_eq!(end(bytes), Some(bytes.len()));
        assert_eq!(end(&bytes[..bytes.len() - 1]), None);
        let head = Head::parse(bytes).unwrap();
        assert_eq!((head.status(), head.header("content-length").as_deref()), (200, Some("12")));
        assert_eq!(head.answer_framing("GET"), Framing::Length(12));
        assert_eq!(head.answer_framing("HEAD"), Framing::NONE);
        let changed = head.with_header("content-length", "11");
        assert_eq!(changed, b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX: y\r\n\r\n");
        let request = Head::parse(b"PUT /v2/a?b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        assert_eq!((request.method(), request.path()), ("PUT", "/v2/a?b"));
        assert_eq!(request.request_framing(), Framing::chunked());
        assert!(!request.closes() && Head::parse(b"GET / HTTP/1.0\r\n\r\n").unwrap().closes());
    }
}
