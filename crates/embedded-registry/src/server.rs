//! The running registry: its port, its connections and what they share.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http::request::Parts;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::annex::Annex;
use crate::answer::Answer;
use crate::body::RequestBody;
use crate::builder::upload::UploadAnnex;
use crate::builder::{Builder, Settings};
use crate::fault::Fault;
use crate::quota::Quotas;
use crate::request_log::LoggedRequest;
use crate::service::{Desk, Service, accept};
use crate::store::Store;
use crate::token::{TokenRequest, Tokens};

/// A running registry. Dropping it closes its port and all its connections.
pub struct EmbeddedRegistry {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
    annex: Option<JoinHandle<()>>,
}

/// What all connections of a registry share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) tokens: Tokens,
    pub(crate) desk: Desk,
    pub(crate) annex: Option<SocketAddr>,
    pub(crate) quotas: Quotas,
}

impl EmbeddedRegistry {
    /// Begins to say how the registry is to be: open, with everything the specification offers.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) async fn start(settings: Settings) -> io::Result<Self> {
        let (listener, address) = listen().await?;
        let second = match settings.uploads.annex {
            UploadAnnex::Absent => None,
            UploadAnnex::Present => Some(listen().await?),
        };
        let shared = Arc::new(Shared {
            desk: Desk::new(settings.latency, settings.body_limit).in_rounds(settings.rounds.clone()),
            quotas: Quotas::new(&settings.limits),
            annex: second.as_ref().map(|(_, address)| *address),
            settings,
            store: Store::default(),
            tokens: Tokens::default(),
        });
        let server = tokio::spawn(accept(listener, shared.clone()));
        let annex =
            second.map(|(listener, _)| tokio::spawn(accept(listener, Arc::new(Annex::new(shared.clone())))));
        Ok(Self { address, shared, server, annex })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its second port listens, if uploads are sent to one.
    pub fn annex(&self) -> Option<SocketAddr> {
        self.shared.annex
    }

    /// Manifests that may still be pulled, if pulls are counted.
    pub fn pulls_left(&self) -> Option<usize> {
        self.shared.quotas.pulls_left()
    }

    /// `127.0.0.1:port`
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// What it holds.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// What it was asked so far, in the order in which the heads of the requests came.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.desk.log.requests()
    }

    /// What its token server was asked, and what it granted.
    pub fn token_requests(&self) -> Vec<TokenRequest> {
        self.shared.tokens.requests()
    }

    /// All tokens that were given out and not revoked: for tests that look for them where they must not be.
    pub fn issued_tokens(&self) -> Vec<String> {
        self.shared.tokens.issued()
    }

    /// Gives a user a refresh token, as a login by `OAuth2` would have.
    pub fn add_refresh_token(&self, token: &str, user: &str) {
        self.shared.tokens.add_refresh_token(token, user);
    }

    /// Ends all tokens early, as a project that is made anew does.
    pub fn revoke_tokens(&self) {
        self.shared.tokens.revoke();
    }

    /// Forgets what it was asked.
    pub fn clear_requests(&self) {
        self.shared.desk.log.clear();
    }

    /// Misbehaves from now on.
    pub fn misbehave(&self, fault: Fault) {
        self.shared.desk.faults.add(fault);
    }

    /// Behaves again.
    pub fn behave(&self) {
        self.shared.desk.faults.clear();
    }

    /// Stops, and comes back when the port is closed.
    pub async fn shut_down(mut self) {
        self.abort();
        // It ends by being cancelled, which is what was wanted.
        let _ = (&mut self.server).await;
    }

    fn abort(&self) {
        self.server.abort();
        if let Some(annex) = &self.annex {
            annex.abort();
        }
    }
}

impl Drop for EmbeddedRegistry {
    fn drop(&mut self) {
        self.abort();
    }
}

impl Shared {
    /// A number that was not given before.
    pub(crate) fn number(&self) -> u64 {
        self.desk.number()
    }
}

impl Service for Shared {
    fn desk(&self) -> &Desk {
        &self.desk
    }

    async fn answer(&self, head: &Parts, body: &mut RequestBody) -> Answer {
        self.right_answer(head, body).await
    }

    fn unauthorized(&self, head: &Parts) -> Answer {
        self.challenge(head)
    }

    fn complete(&self, mut answer: Answer) -> Answer {
        answer = answer.replace_header("docker-distribution-api-version", "registry/2.0");
        if !answer.has_header("x-request-id") {
            answer = answer.header("x-request-id", format!("embedded-{}", self.number()));
        }
        answer.with_length()
    }
}

pub(crate) async fn listen() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
