//! Remembers which DNS servers did not answer lately.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a server that did not answer is used last. Otherwise each new connection would wait for it.
const LAST: Duration = Duration::from_secs(30);

/// Servers that did not answer, with the time.
#[derive(Debug, Default)]
pub(crate) struct Silent(Mutex<Vec<(SocketAddr, Instant)>>);

impl Silent {
    /// `servers` in order, but those that did not answer lately at the end.
    pub(crate) fn last(&self, servers: &[SocketAddr]) -> Vec<SocketAddr> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, at)| at.elapsed() < LAST);
        let mut sorted = servers.to_vec();
        sorted.sort_by_key(|server| known.iter().any(|(silent, _)| silent == server));
        sorted
    }

    /// Notes that `server` did not answer.
    pub(crate) fn note(&self, server: SocketAddr) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(silent, _)| *silent != server);
        known.push((server, Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_silent_comes_last() {
        let [first, second] = ["10.0.0.1:53", "10.0.0.2:53"].map(|server| server.parse().unwrap());
        let silent = Silent::default();
        assert_eq!(silent.last(&[first, second]), [first, second]);
        silent.note(first);
        assert_eq!(silent.last(&[first, second]), [second, first]);
        silent.note(second);
        assert_eq!(silent.last(&[first, second]), [first, second]);
    }
}
