//! Parses access logs in the combined format, which docker-registry and nginx both write.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::process::read_log;
use crate::seed;

/// One answered request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The method, in capitals.
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub protocol: String,
    /// The status of the answer.
    pub status: u16,
    /// The bytes of the answer's body.
    pub body_bytes: u64,
    /// The id of the connection; `-` if the server does not log it.
    pub connection: String,
    /// The user agent.
    pub user_agent: String,
}

impl Access {
    fn parse(line: &str) -> Option<Self> {
        let mut quoted = line.split('"');
        let mut request = quoted.nth(1)?.split(' ');
        let mut numbers = quoted.next()?.split_ascii_whitespace();
        Some(Self {
            method: request.next()?.to_owned(),
            path: request.next()?.to_owned(),
            protocol: request.next()?.to_owned(),
            status: numbers.next()?.parse().ok()?,
            body_bytes: numbers.next()?.parse().ok()?,
            connection: quoted.next()?.to_owned(),
            user_agent: quoted.nth(1).unwrap_or_default().to_owned(),
        })
    }

    /// Requests of the test itself, for seeding and judging, which would falsify every count.
    fn is_by_the_test(&self) -> bool {
        self.user_agent == seed::USER_AGENT || self.user_agent.starts_with("skopeo/")
    }

    fn line(&self) -> String {
        format!("{} {} {}", self.method, self.path, self.status)
    }
}

/// The access log of one server, with a mark from which requests are counted.
pub(crate) struct AccessLog {
    path: PathBuf,
    forgotten: AtomicUsize,
}

impl AccessLog {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, forgotten: AtomicUsize::new(0) }
    }

    /// All requests since the last [`AccessLog::forget`], except those of [`seed`] and skopeo.
    pub(crate) fn accesses(&self) -> Vec<Access> {
        self.everybodys().into_iter().filter(|access| !access.is_by_the_test()).collect()
    }

    /// As [`AccessLog::accesses`], including those of [`seed`] and skopeo.
    pub(crate) fn everybodys(&self) -> Vec<Access> {
        let log = settled(&self.path);
        let entries = log.lines().skip(self.forgotten.load(Ordering::Relaxed));
        entries.filter_map(Access::parse).collect()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.accesses().iter().map(Access::line).collect()
    }

    pub(crate) fn forget(&self) {
        self.forgotten.store(settled(&self.path).lines().count(), Ordering::Relaxed);
    }
}

/// Reads the log when it no longer grows: servers log a request after its answer, so the last line may come late.
fn settled(path: &Path) -> String {
    const QUIET: Duration = Duration::from_millis(50);
    const ATTEMPTS: usize = 40;
    let mut log = read_log(path);
    for _ in 0..ATTEMPTS {
        std::thread::sleep(QUIET);
        let again = read_log(path);
        if again.len() == log.len() {
            break;
        }
        log = again;
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combined_line_is_read() {
        let line = r#"127.0.0.1 - - [24/Nov/2026:12:42:28 +0000] "HEAD /v2/a/manifests/b HTTP/1.1" 404 91 "" "curl/7.88.1""#;
        let access = Access::parse(line).unwrap();
        assert_eq!(access.line(), "HEAD /v2/a/manifests/b 404");
        assert_eq!((access.body_bytes, access.user_agent.as_str()), (91, "curl/7.88.1"));
    }

    #[test]
    fn other_lines_are_skipped() {
        assert_eq!(Access::parse("time=\"2026\" level=info msg=\"listening\""), None);
        assert_eq!(Access::parse(""), None);
    }
}
