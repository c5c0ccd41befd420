//! A Harbor without Harbor: a real docker-registry and token server behind a front that answers as Harbor's
//! core does, on one port.
//!
//! What the API lists is what the registry holds, so whatever is pushed appears. Facts:
//! goharbor/harbor, `src/server` (middlewares and `v2.0/handler`). It runs on a thread of its own, so a test that
//! blocks while the command line runs does not stop it. For TLS, put a [`TlsFront`](crate::TlsFront) before it.

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
    /// Name and password of somebody who may do everything.
    pub const ADMINISTRATOR: (&'static str, &'static str) = ("admin", "Harbor12345");
    /// Name and secret of a robot that may read and write in the project `library`.
    pub const ROBOT: (&'static str, &'static str) = ("robot$library+mirror", "robot-secret");

    /// Harbor 2 with the administrator, the robot and one project: `library`, which is private here.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// All choices.
    pub fn builder() -> HarborBenchBuilder {
        HarborBenchBuilder::default()
    }

    /// `127.0.0.1:port` of the front: protocol, API and token service.
    pub fn host(&self) -> String {
        self.thread.host()
    }

    /// The registry behind the front, whose own request log has what came through.
    pub fn registry(&self) -> &DockerRegistry {
        &self.registry
    }

    /// Pushes straight into the registry, past everything that the front would refuse.
    pub fn pusher(&self) -> Pusher {
        Pusher::new(self.registry.host()).token(&self.token_server)
    }

    /// Adds a private project.
    pub fn add_project(&self, name: &str) {
        self.state.add_project(name, 0);
    }

    /// Adds a private project that keeps what comes from another registry: pushes to it are refused.
    pub fn add_proxy_project(&self, name: &str) {
        self.state.add_project(name, 1);
    }

    /// Lets everybody read a project.
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

    /// Takes writes again.
    pub fn make_writable(&self) {
        self.state.rules().read_only = false;
    }

    /// Refuses further blobs and manifests in a project with 403 `DENIED`.
    pub fn exhaust_quota(&self, project: &str) {
        self.state.rules().full_projects.push(project.to_owned());
    }

    /// Refuses to move a tag with 412 `PRECONDITION`, once it is there.
    pub fn make_immutable(&self, repository: &str, tag: &str) {
        self.state.rules().immutable_tags.push((repository.to_owned(), tag.to_owned()));
    }

    /// Refuses the manifests of a repository with 412 `PROJECTPOLICYVIOLATION`, as for vulnerable images.
    pub fn forbid_pulls(&self, repository: &str) {
        self.state.rules().vulnerable_repositories.push(repository.to_owned());
    }

    /// Lets nobody look at a project: robots can have the right to list its repositories alone.
    pub fn hide_project(&self, project: &str) {
        self.state.rules().unseen_projects.push(project.to_owned());
    }

    /// Lets nobody list the repositories of a project.
    pub fn hide_repositories(&self, project: &str) {
        self.state.rules().unlisted_projects.push(project.to_owned());
    }

    /// Lets whoever may look at a project list its repositories again.
    pub fn show_repositories(&self, project: &str) {
        self.state.rules().unlisted_projects.retain(|unlisted| unlisted != project);
    }

    /// A repository that is listed until somebody asks for a second page, as if it were deleted before that.
    pub fn let_vanish(&self, repository: &str) {
        self.state.rules().vanishing.push(repository.to_owned());
    }

    /// Says that a tag was pushed at another moment than the others, such as `2020-01-31T12:00:00Z`.
    pub fn set_push_time(&self, repository: &str, tag: &str, time: &str) {
        self.state.rules().push_times.push((repository.to_owned(), tag.to_owned(), time.to_owned()));
    }

    /// Gives the next `count` requests to the API an answer of the test's choice.
    pub fn answer_next(&self, count: usize, answer: &CannedAnswer) {
        self.state.canned().extend(std::iter::repeat_n(answer.clone(), count));
    }

    /// `METHOD path status` of each request since the last [`HarborBench::forget_requests`], without those
    /// of [`crate::seed`] and skopeo.
    pub fn requests(&self) -> Vec<String> {
        self.state.log.lines("")
    }

    /// As [`HarborBench::requests`], of those whose path begins with `prefix`, such as `/api/`.
    pub fn requests_under(&self, prefix: &str) -> Vec<String> {
        self.state.log.lines(prefix)
    }

    /// Counts from here on.
    pub fn forget_requests(&self) {
        self.state.log.forget();
    }

    /// How many requests brought back a cookie that the front had set.
    pub fn returned_cookies(&self) -> usize {
        self.state.log.cookies()
    }

    /// `user-agent` and the like of the last request to the API, by the header's name in lower case.
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
