//! A real nats-server, and the connections to it.

use std::sync::Arc;

use fleet::{Access, Connection, ConnectionEvent, Login};
use testkit::NatsServer;

pub(crate) struct Nats(NatsServer);

impl Nats {
    pub(crate) async fn start() -> Self {
        Self(NatsServer::start().await.unwrap())
    }

    /// Starts a server with more lines in its config.
    pub(crate) async fn with(more: &str) -> Self {
        Self(NatsServer::with(more).await.unwrap())
    }

    /// Starts it again on its store.
    pub(crate) async fn start_again(&mut self) {
        self.0.start_again().await.unwrap();
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&mut self) {
        self.0.kill();
    }

    /// Deletes the store of a server that was killed.
    pub(crate) fn lose_store(&self) {
        self.0.lose_store().unwrap();
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port()
    }

    pub(crate) fn access(&self, login: Login) -> Access {
        Access::new(&self.url(), login, None, false).unwrap()
    }

    pub(crate) async fn connect(&self, name: &str) -> Connection {
        self.connect_as(Login::Nobody, name).await
    }

    /// The same, as a future for another runtime.
    pub(crate) fn connected_later(&self, name: &'static str) -> impl Future<Output = Connection> + 'static {
        let access = self.access(Login::Nobody);
        async move { connected(&access, name).await }
    }

    pub(crate) async fn connect_as(&self, login: Login, name: &str) -> Connection {
        connected(&self.access(login), name).await
    }
}

pub(crate) async fn connected(access: &Access, name: &str) -> Connection {
    Connection::open(access, name, Arc::new(|_| {})).await.unwrap()
}

/// The server's words, if it has refused something.
pub(crate) fn refusal(event: &ConnectionEvent) -> Option<String> {
    match event {
        ConnectionEvent::Refused(words) => Some(words.clone()),
        _ => None,
    }
}
