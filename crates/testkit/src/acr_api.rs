//! Alibaba Cloud in a box: ACR's API, the token service for roles and the metadata server of ECS, on one port.
//!
//! It checks signatures by the documentation alone and shares no code with the client. Like the token server, it runs
//! on a thread of its own. A registry's challenge is at `/v2/`.

mod call;
mod container_registry;
mod instance;
mod metadata;
mod office;
mod security_token;
mod signature;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use http_body_util::BodyExt as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::content::Content;
use crate::server_thread::ServerThread;
use crate::{DockerRegistry, TokenServer};

pub use call::ApiRequest;
pub use instance::{AcrInstance, AcrRepository};
pub use metadata::MetadataVersion;
use office::{Office, Order};

/// A running copy of Alibaba Cloud's services; ends on drop.
pub struct AcrApi {
    thread: ServerThread,
    office: Arc<Office>,
}

impl AcrApi {
    /// Starts one that knows no key and no instance.
    pub async fn start() -> Result<Self> {
        let office = Arc::new(Office::default());
        let served = Arc::clone(&office);
        let thread = ServerThread::start("acr-api", |listener| serve(listener, served)).await?;
        Ok(Self { thread, office })
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> String {
        self.thread.host()
    }

    /// The address of every service: ACR's API, STS, metadata, the registry's challenge.
    pub fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// The address for `ALIBABA_CLOUD_CREDENTIALS_URI`.
    pub fn credentials_uri(&self) -> String {
        format!("http://{}{}", self.host(), metadata::CREDENTIALS_PATH)
    }

    /// Knows an access key from now on.
    pub fn add_key(&self, id: &str, secret: &str) {
        self.office.state().keys.add(id, secret, None);
    }

    /// Knows a temporary key, which ends in an hour.
    pub fn add_temporary_key(&self, id: &str, secret: &str, token: &str) {
        let end = self.office.now() + jiff::SignedDuration::from_hours(1);
        self.office.state().keys.add(id, secret, Some((token.to_owned(), end)));
    }

    /// Has one more instance.
    pub fn add_instance(&self, instance: AcrInstance) {
        self.office.state().instances.push(instance);
    }

    /// From now on the instance's repositories and tags are those that `registry` holds, beside those without a tag.
    pub fn show_content_of(&self, instance: &str, registry: &DockerRegistry) {
        self.office.state().contents.insert(instance.to_owned(), Content::new(registry.data_dir()));
    }

    /// Has one more role that every key may take on.
    pub fn add_role(&self, arn: &str) {
        self.office.state().roles.push(arn.to_owned());
    }

    /// Takes this OIDC token for every role.
    pub fn accept_oidc_token(&self, token: &str) {
        self.office.state().oidc_token = Some(token.to_owned());
    }

    /// Is the metadata server of an instance that has this role.
    pub fn set_ecs_role(&self, role: &str, version: MetadataVersion) {
        self.office.state().ecs_role = Some((role.to_owned(), version));
    }

    /// Makes `/v2/` name this service, such as `registry.aliyuncs.com:cn-shanghai:china:cri-test`.
    pub fn set_service(&self, service: &str) {
        self.office.state().service = Some(service.to_owned());
    }

    /// Makes the temporary users known to `server`, where they may do `actions` in all repositories.
    pub fn hand_out_logins_for(&self, server: &TokenServer, actions: &[&'static str]) {
        self.office.state().users = Some((server.users(), actions.to_vec()));
    }

    /// How long temporary users live; the default is an hour.
    pub fn set_login_lifetime(&self, lifetime: Duration) {
        self.office.state().login_lifetime = lifetime;
    }

    /// How long temporary keys live, whatever is asked for; the default is an hour.
    pub fn set_key_lifetime(&self, lifetime: Duration) {
        self.office.state().key_lifetime = lifetime;
    }

    /// Has a clock that is ahead of the system's by so many seconds.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.office.state().clock_ahead = seconds;
    }

    /// Knows only the older signatures, as some gateways do.
    pub fn refuse_acs3(&self) {
        self.office.state().refuses_acs3 = true;
    }

    /// Answers the next `count` calls of `action` (`*` for all) with an error.
    pub fn fail_next(&self, action: &str, count: usize, status: u16, code: &str) {
        let order = Order { action: action.to_owned(), left: count, status, code: code.to_owned() };
        self.office.state().orders.push(order);
    }

    /// Answers all calls of `action` with `NoPermission`.
    pub fn deny(&self, action: &str) {
        self.fail_next(action, usize::MAX, 403, "NoPermission");
    }

    /// All requests so far, good and bad. They have no secrets in them.
    pub fn requests(&self) -> Vec<ApiRequest> {
        self.office.state().log.clone()
    }

    /// How often `action` was called, with success or not.
    pub fn calls(&self, action: &str) -> usize {
        self.office.state().log.iter().filter(|request| request.action == action).count()
    }

    /// All secrets that were handed out so far, to look for them where they must not be.
    pub fn secrets(&self) -> Vec<String> {
        self.office.state().secrets.clone()
    }

    /// An instance as it is now.
    pub fn instance(&self, id: &str) -> Option<AcrInstance> {
        self.office.state().instances.iter().find(|instance| instance.id == id).cloned()
    }
}

async fn serve(listener: TcpListener, office: Arc<Office>) {
    while let Ok((stream, _)) = listener.accept().await {
        let office = Arc::clone(&office);
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let office = Arc::clone(&office);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                Ok::<_, Infallible>(office.answer(&head, &body))
            }
        });
        // A client that breaks off is its own business.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
