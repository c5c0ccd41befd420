//! The running registry: its port, its connections and their shared state.

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

/// The shared state of all connections of a registry.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) tokens: Tokens,
    pub(crate) desk: Desk,
    pub(crate) annex: Option<SocketAddr>,
    pub(crate) quotas: Quotas,
}

impl EmbeddedRegistry {
    /// The settings of a registry: by default it is open and supports everything in the specification.
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

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of its second port, if uploads are redirected to one.
    pub fn annex(&self) -> Option<SocketAddr> {
        self.shared.annex
    }

    /// The remaining pulls of the quota, if there is one.
    pub fn pulls_left(&self) -> Option<usize> {
        self.shared.quotas.pulls_left()
    }

    /// `127.0.0.1:port`
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Its content.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The requests so far, in the order in which their heads came.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.desk.log.requests()
    }

    /// The requests to its token server, and the grants.
    pub fn token_requests(&self) -> Vec<TokenRequest> {
        self.shared.tokens.requests()
    }

    /// All tokens that were issued and not revoked: for tests that search them in places where they must not be.
    pub fn issued_tokens(&self) -> Vec<String> {
        self.shared.tokens.issued()
    }

    /// Issues a refresh token to a user, as a login by `OAuth2` would.
    pub fn add_refresh_token(&self, token: &str, user: &str) {
        self.shared.tokens.add_refresh_token(token, user);
    }

    /// Revokes all tokens, as Harbor does when a project is created again.
    pub fn revoke_tokens(&self) {
        self.shared.tokens.revoke();
    }

    /// Clears the request log.
    pub fn clear_requests(&self) {
        self.shared.desk.log.clear();
    }

    /// Adds a fault.
    pub fn misbehave(&self, fault: Fault) {
        self.shared.desk.faults.add(fault);
    }

    /// Removes all faults.
    pub fn behave(&self) {
        self.shared.desk.faults.clear();
    }

    /// Stops, and returns when the port is closed.
    pub async fn shut_down(mut self) {
        self.abort();
        // It ends by the cancellation.
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
    /// A new number.
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
        // A web page is none of a registry's answers: something in front of it would send it.
        if !answer.is_page() {
            answer = answer.replace_header("docker-distribution-api-version", "registry/2.0");
        }
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
