//! A token server whose tokens a real docker-registry accepts.
//!
//! It runs on a thread of its own, so a test that blocks while the command line runs does not stop it.

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

/// Whose habits a token server has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Grants all that the user has in the repository, whatever was asked.
    Harbor,
    /// Grants what was asked, as far as the user has it.
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

    /// Changes how long tokens live; the default is 30 minutes.
    ///
    /// The registry refuses them when that time is over: its own leeway of 60 seconds is taken off inside.
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        self.office.set_lifetime(lifetime);
        self
    }

    /// Says that tokens were issued at this time (RFC 3339), as a server whose clock is wrong does.
    #[must_use]
    pub fn issued_at(self, time: &str) -> Self {
        self.office.set_issued_at(time);
        self
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.thread.host()
    }

    /// The address that challenges name.
    pub fn realm(&self) -> String {
        format!("http://{}{}", self.host(), self.office.path)
    }

    /// The service that challenges name.
    pub fn service(&self) -> &str {
        self.office.signer.service()
    }

    /// The issuer that tokens name.
    pub fn issuer(&self) -> &str {
        self.office.signer.issuer()
    }

    /// The certificate that tokens are checked against.
    pub fn certificate_pem(&self) -> &str {
        self.office.signer.certificate_pem()
    }

    /// How many requests came so far, good and bad.
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

    /// Forgets all users of this name, as when a temporary password ends.
    pub fn remove_user(&self, name: &str) {
        self.office.users.remove(name);
    }

    /// The users, for who hands out logins.
    pub(crate) fn users(&self) -> UserList {
        self.office.users.clone()
    }

    /// A token for one repository, whatever the users may do, without a request.
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
        // A client that breaks off is its own business.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
