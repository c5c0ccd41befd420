//! A simulated Harbor: a real docker-registry and token server behind a front that answers as Harbor's core does, on
//! one port.
//!
//! The API lists the registry's content, so whatever is pushed appears. Facts: goharbor/harbor, `src/server`
//! (middlewares and `v2.0/handler`). It runs on its own thread, so that a test that blocks while the command line
//! runs does not stop it. For TLS, put a [`TlsFront`](crate::TlsFront) in front of it.

mod answer;
mod artifact;
mod builder;
mod caller;
mod distribution;
mod forward;
mod front;
mod page;
mod request_log;
mod seed;
mod state;
mod version_one;
mod version_two;

use std::sync::Arc;

use anyhow::Result;

pub use builder::HarborBenchBuilder;
pub use state::CannedAnswer;
use state::State;

use crate::docker_registry::DockerRegistry;
use crate::seed::Pusher;
use crate::server_thread::ServerThread;
use crate::token_server::TokenServer;

/// A running Harbor; ends on drop.
pub struct HarborBench {
    thread: ServerThread,
    state: Arc<State>,
    registry: DockerRegistry,
    token_server: TokenServer,
}

impl HarborBench {
    /// Name and password of the administrator.
    pub const ADMINISTRATOR: (&'static str, &'static str) = ("admin", "Harbor12345");
    /// Name and secret of a robot account that may read and write in the project `library`.
    pub const ROBOT: (&'static str, &'static str) = ("robot$library+mirror", "robot-secret");

    /// Harbor 2 with the administrator, the robot account and one private project: `library`.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// A builder with all options.
    pub fn builder() -> HarborBenchBuilder {
        HarborBenchBuilder::default()
    }

    /// `127.0.0.1:port` of the front: protocol, API and token service.
    pub fn host(&self) -> String {
        self.thread.host()
    }

    /// The registry behind the front, whose own request log has the requests that the front passed on.
    pub fn registry(&self) -> &DockerRegistry {
        &self.registry
    }

    /// Pushes directly into the registry, which skips all checks of the front.
    pub fn pusher(&self) -> Pusher {
        Pusher::new(self.registry.host()).token(&self.token_server)
    }

    /// Adds a private project.
    pub fn add_project(&self, name: &str) {
        self.state.add_project(name, 0);
    }

    /// Adds a private proxy-cache project: pushes to it are refused.
    pub fn add_proxy_project(&self, name: &str) {
        self.state.add_project(name, 1);
    }

    /// Makes a project public.
    pub fn publish_project(&self, name: &str) {
        self.state.publish_project(name);
    }

    /// The names of all projects.
    pub fn projects(&self) -> Vec<String> {
        self.state.projects().into_iter().map(|project| project.name).collect()
    }

    /// Refuses every write with 403 `DENIED`.
    pub fn make_read_only(&self) {
        self.state.rules().read_only = true;
    }

    /// Accepts writes again.
    pub fn make_writable(&self) {
        self.state.rules().read_only = false;
    }

    /// Refuses further blobs and manifests in a project with 403 `DENIED`.
    pub fn exhaust_quota(&self, project: &str) {
        self.state.rules().full_projects.push(project.to_owned());
    }

    /// Refuses with 412 `PRECONDITION` to move an existing tag.
    pub fn make_immutable(&self, repository: &str, tag: &str) {
        self.state.rules().immutable_tags.push((repository.to_owned(), tag.to_owned()));
    }

    /// Refuses the manifests of a repository with 412 `PROJECTPOLICYVIOLATION`, as for vulnerable images.
    pub fn forbid_pulls(&self, repository: &str) {
        self.state.rules().vulnerable_repositories.push(repository.to_owned());
    }

    /// Hides a project from all users: robot accounts can have just the right to list its repositories.
    pub fn hide_project(&self, project: &str) {
        self.state.rules().unseen_projects.push(project.to_owned());
    }

    /// Denies all users the right to list the repositories of a project.
    pub fn hide_repositories(&self, project: &str) {
        self.state.rules().unlisted_projects.push(project.to_owned());
    }

    /// Lets users who can see a project list its repositories again.
    pub fn show_repositories(&self, project: &str) {
        self.state.rules().unlisted_projects.retain(|unlisted| unlisted != project);
    }

    /// Lists a repository until a client requests a second page, as if it were deleted then.
    pub fn let_vanish(&self, repository: &str) {
        self.state.rules().vanishing.push(repository.to_owned());
    }

    /// Sets the push time of a tag to another one than the default, such as `2020-01-31T12:00:00Z`.
    pub fn set_push_time(&self, repository: &str, tag: &str, time: &str) {
        self.state.rules().push_times.push((repository.to_owned(), tag.to_owned(), time.to_owned()));
    }

    /// Answers the next `count` requests to the API with a fixed answer.
    pub fn answer_next(&self, count: usize, answer: &CannedAnswer) {
        self.state.canned().extend(std::iter::repeat_n(answer.clone(), count));
    }

    /// `METHOD path status` of each request since the last [`HarborBench::forget_requests`], except those of
    /// [`crate::seed`] and skopeo.
    pub fn requests(&self) -> Vec<String> {
        self.state.log.lines("")
    }

    /// As [`HarborBench::requests`], but only paths that begin with `prefix`, such as `/api/`.
    pub fn requests_under(&self, prefix: &str) -> Vec<String> {
        self.state.log.lines(prefix)
    }

    /// Restarts the count.
    pub fn forget_requests(&self) {
        self.state.log.forget();
    }

    /// How many requests had a cookie that the front had set.
    pub fn returned_cookies(&self) -> usize {
        self.state.log.cookies()
    }

    /// A header of the last request to the API, by its name in lower case.
    pub fn last_api_header(&self, name: &str) -> Option<String> {
        self.state.log.last_api_header(name)
    }

    async fn run(builder: HarborBenchBuilder) -> Result<Self> {
        let token_server = TokenServer::harbor(builder.users.clone()).await?;
        let registry = DockerRegistry::token(&token_server).await?;
        let state = Arc::new(State::new(builder, &registry, &token_server)?);
        let served = Arc::clone(&state);
        let thread = ServerThread::start("harbor", |listener| front::serve(listener, served)).await?;
        Ok(Self { thread, state, registry, token_server })
    }
}
