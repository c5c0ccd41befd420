//! A simulation of Alibaba Cloud: ACR's API, the token service for roles and the metadata server of ECS, on one port.
//!
//! It checks signatures by the documentation only, and shares no code with the client. Like the token server, it runs
//! on its own thread. A registry's challenge is at `/v2/`.

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

/// A running simulation of Alibaba Cloud's services; ends on drop.
pub struct AcrApi {
    thread: ServerThread,
    office: Arc<Office>,
}

impl AcrApi {
    /// Starts one without keys and instances.
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

    /// The URL of every service: ACR's API, STS, metadata, the registry's challenge.
    pub fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// The URL for `ALIBABA_CLOUD_CREDENTIALS_URI`.
    pub fn credentials_uri(&self) -> String {
        format!("http://{}{}", self.host(), metadata::CREDENTIALS_PATH)
    }

    /// Adds an access key.
    pub fn add_key(&self, id: &str, secret: &str) {
        self.office.state().keys.add(id, secret, None);
    }

    /// Adds a temporary key, which expires in an hour.
    pub fn add_temporary_key(&self, id: &str, secret: &str, token: &str) {
        let end = self.office.now() + jiff::SignedDuration::from_hours(1);
        self.office.state().keys.add(id, secret, Some((token.to_owned(), end)));
    }

    /// Adds an instance.
    pub fn add_instance(&self, instance: AcrInstance) {
        self.office.state().instances.push(instance);
    }

    /// From now on the instance's repositories and tags are those of `registry`, except those without a tag.
    pub fn show_content_of(&self, instance: &str, registry: &DockerRegistry) {
        self.office.state().contents.insert(instance.to_owned(), Content::new(registry.data_dir()));
    }

    /// Adds a role that every key may assume.
    pub fn add_role(&self, arn: &str) {
        self.office.state().roles.push(arn.to_owned());
    }

    /// Accepts this OIDC token for every role.
    pub fn accept_oidc_token(&self, token: &str) {
        self.office.state().oidc_token = Some(token.to_owned());
    }

    /// Acts as the metadata server of an ECS instance with this role.
    pub fn set_ecs_role(&self, role: &str, version: MetadataVersion) {
        self.office.state().ecs_role = Some((role.to_owned(), version));
    }

    /// Makes `/v2/` name this service, such as `registry.aliyuncs.com:cn-shanghai:china:cri-test`.
    pub fn set_service(&self, service: &str) {
        self.office.state().service = Some(service.to_owned());
    }

    /// Adds the temporary users to `server`, where they may do `actions` in all repositories.
    pub fn hand_out_logins_for(&self, server: &TokenServer, actions: &[&'static str]) {
        self.office.state().users = Some((server.users(), actions.to_vec()));
    }

    /// The lifetime of temporary users; the default is an hour.
    pub fn set_login_lifetime(&self, lifetime: Duration) {
        self.office.state().login_lifetime = lifetime;
    }

    /// The lifetime of temporary keys, whatever the client asks for; the default is an hour.
    pub fn set_key_lifetime(&self, lifetime: Duration) {
        self.office.state().key_lifetime = lifetime;
    }

    /// Sets the clock ahead of the system's by this many seconds.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.office.state().clock_ahead = seconds;
    }

    /// Accepts only the older signatures, as some gateways do.
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

    /// All requests so far, including failed ones. They contain no secrets.
    pub fn requests(&self) -> Vec<ApiRequest> {
        self.office.state().log.clone()
    }

    /// How often `action` was called, including failed calls.
    pub fn calls(&self, action: &str) -> usize {
        self.office.state().log.iter().filter(|request| request.action == action).count()
    }

    /// All secrets that were issued so far, to check that they do not appear where they must not.
    pub fn secrets(&self) -> Vec<String> {
        self.office.state().secrets.clone()
    }

    /// The present state of an instance.
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
        // A client may break off: that is no error here.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
