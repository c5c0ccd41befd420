//! A token server whose tokens a real docker-registry accepts.
//!
//! It runs on its own thread, so that a test that blocks while the command line runs does not stop it.

mod access;
mod answer;
mod signer;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::server_thread::ServerThread;

pub use access::TokenUser;
pub(crate) use access::UserList;
use answer::Office;
pub(crate) use signer::Signer;

/// A running token server; ends on drop.
pub struct TokenServer {
    thread: ServerThread,
    office: Arc<Office>,
}

/// The product that a token server behaves like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Grants all rights of the user in the repository, whatever the client asks for.
    Harbor,
    /// Grants the requested rights, as far as the user has them.
    Acr,
}

impl TokenServer {
    pub(crate) const PATHS: [&'static str; 2] = [HARBOR_PATH, ACR_PATH];

    /// Harbor's: realm path `/service/token`, service `harbor-registry`.
    pub async fn harbor(users: Vec<TokenUser>) -> Result<Self> {
        let signer = Signer::generate("harbor-token-issuer", "harbor-registry")?;
        Self::start(Office::new(Habit::Harbor, HARBOR_PATH, users, signer)).await
    }

    /// Alibaba's: realm path `/auth`, and a service such as `registry.aliyuncs.com:cn-shanghai:china:cri-test`.
    pub async fn acr(users: Vec<TokenUser>, service: &str) -> Result<Self> {
        let signer = Signer::generate("dockerauth.aliyuncs.com", service)?;
        Self::start(Office::new(Habit::Acr, ACR_PATH, users, signer)).await
    }

    /// Sets the lifetime of tokens; the default is 30 minutes.
    ///
    /// The registry refuses them after that time: its own leeway of 60 seconds is subtracted internally.
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        self.office.set_lifetime(lifetime);
        self
    }

    /// Sets the issue time of tokens (RFC 3339), as for a server with a wrong clock.
    #[must_use]
    pub fn issued_at(self, time: &str) -> Self {
        self.office.set_issued_at(time);
        self
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.thread.host()
    }

    /// The URL in challenges.
    pub fn realm(&self) -> String {
        format!("http://{}{}", self.host(), self.office.path)
    }

    /// The service in challenges.
    pub fn service(&self) -> &str {
        self.office.signer.service()
    }

    /// The issuer in tokens.
    pub fn issuer(&self) -> &str {
        self.office.signer.issuer()
    }

    /// The certificate that tokens are checked with.
    pub fn certificate_pem(&self) -> &str {
        self.office.signer.certificate_pem()
    }

    /// How many requests it got so far, including failed ones.
    pub fn requests(&self) -> usize {
        self.office.log().len()
    }

    /// `user path-and-query status` of each request so far; the user is `-` for an anonymous one.
    pub fn request_lines(&self) -> Vec<String> {
        self.office.log().clone()
    }

    /// Answers the next `count` requests with `status`.
    pub fn fail_next(&self, count: usize, status: u16) {
        self.office.fail_next(count, status);
    }

    /// Removes all users with this name, as when a temporary password expires.
    pub fn remove_user(&self, name: &str) {
        self.office.users.remove(name);
    }

    /// The users, for services that create logins.
    pub(crate) fn users(&self) -> UserList {
        self.office.users.clone()
    }

    /// A token for one repository, without a request and whatever the users' rights.
    pub fn mint(&self, repository: &str, actions: &[&str]) -> String {
        self.office.signer.repository_token(&[(repository, actions)])
    }

    pub(crate) fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.office.signer)
    }

    async fn start(office: Office) -> Result<Self> {
        let office = Arc::new(office);
        let served = Arc::clone(&office);
        let thread = ServerThread::start("token-server", |listener| serve(listener, served)).await?;
        Ok(Self { thread, office })
    }
}

const HARBOR_PATH: &str = "/service/token";
const ACR_PATH: &str = "/auth";

async fn serve(listener: TcpListener, office: Arc<Office>) {
    while let Ok((stream, _)) = listener.accept().await {
        let office = Arc::clone(&office);
        let service = service_fn(move |request| {
            let answer = office.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        // A client may break off: that is no error here.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
