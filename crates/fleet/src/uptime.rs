//! The time during which the server was there. While it is away no worker can be heard, so neither silences nor waits grow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::Event;
use tokio::time::Instant;

/// A clock that stands still while the server is away. Its times are compared only with each other. Clones show the same.
#[derive(Clone, Default)]
pub(crate) struct Uptime(Arc<Mutex<Server>>);

#[derive(Clone, Copy)]
enum Server {
    /// The server is there. `away` is the sum of all its absences.
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
    /// Takes in an event of the NATS client.
    pub(crate) fn event(&self, event: &Event) {
        let now = self.now();
        let mut server = self.lock();
        match (event, *server) {
            (Event::Disconnected, Server::There { .. }) => *server = Server::Away { since: now },
            (Event::Connected, Server::Away { since }) => *server = Server::There { away: since.elapsed() },
            _ => {}
        }
    }

    /// The clock's time.
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
