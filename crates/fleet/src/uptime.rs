//! The time that the server was there. While it is away nobody is heard, so nobody's silence grows, and nobody's patience ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::Event;
use tokio::time::Instant;

/// A clock that stands still while the server is away. What it shows is compared with what it showed, and with no other clock. Clones
/// show the same.
#[derive(Clone, Default)]
pub(crate) struct Uptime(Arc<Mutex<Server>>);

#[derive(Clone, Copy)]
enum Server {
    /// The server is there, and was away for so long before, all absences together.
    There { away: Duration },
    /// The server is away since the clock showed this.
    Away { since: Instant },
}

impl Default for Server {
    fn default() -> Self {
        Self::There { away: Duration::ZERO }
    }
}

impl Uptime {
    /// Takes in what happens to the connection.
    pub(crate) fn event(&self, event: &Event) {
        let now = self.now();
        let mut server = self.lock();
        match (event, *server) {
            (Event::Disconnected, Server::There { .. }) => *server = Server::Away { since: now },
            (Event::Connected, Server::Away { since }) => *server = Server::There { away: since.elapsed() },
            _ => {}
        }
    }

    /// What the clock shows.
    pub(crate) fn now(&self) -> Instant {
        match *self.lock() {
            Server::There { away } => Instant::now() - away,
            Server::Away { since } => since,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Server> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_stands_still_while_the_server_is_away() {
        let (uptime, begun) = (Uptime::default(), Instant::now());
        let shown = || uptime.now().duration_since(begun).as_secs();
        let pass = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        for (event, seconds, shows) in [
            (Event::Connected, 5, 5),
            (Event::Disconnected, 3600, 5),
            (Event::Disconnected, 10, 5),
            (Event::Connected, 7, 12),
            (Event::Disconnected, 60, 12),
            (Event::Connected, 1, 13),
        ] {
            uptime.event(&event);
            pass(seconds).await;
            assert_eq!(shown(), shows, "{event:?}");
        }
    }
}
