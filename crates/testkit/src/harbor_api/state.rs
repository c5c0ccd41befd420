//! The state of a Harbor, besides its registry's content.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use super::builder::{Api, HarborBenchBuilder, Names};
use super::request_log::RequestLog;
use crate::content::Content;
use crate::docker_registry::DockerRegistry;
use crate::token_server::{Signer, TokenServer, TokenUser};

/// An answer that a test sets instead of the real one.
#[derive(Clone, Debug)]
pub struct CannedAnswer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// Further headers; without a `content-type` it is JSON.
    pub headers: Vec<(String, String)>,
}

/// A project.
#[derive(Clone)]
pub(super) struct Project {
    pub(super) id: u64,
    pub(super) name: String,
    /// Above 0 for a proxy cache.
    pub(super) registry_id: u64,
    pub(super) public: bool,
}

/// Rules for refusing reads and writes.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) read_only: bool,
    pub(super) full_projects: Vec<String>,
    pub(super) immutable_tags: Vec<(String, String)>,
    pub(super) vulnerable_repositories: Vec<String>,
    pub(super) unseen_projects: Vec<String>,
    pub(super) unlisted_projects: Vec<String>,
    pub(super) vanishing: Vec<String>,
    pub(super) push_times: Vec<(String, String, String)>,
    pub(super) has_vanished: bool,
}

/// Shared by all connections.
pub(super) struct State {
    pub(super) users: Vec<TokenUser>,
    pub(super) external_scheme: &'static str,
    pub(super) api: Api,
    pub(super) names: Names,
    pub(super) content: Content,
    pub(super) signer: Arc<Signer>,
    pub(super) registry_host: String,
    pub(super) token_host: String,
    pub(super) client: reqwest::Client,
    pub(super) log: RequestLog,
    projects: Mutex<Vec<Project>>,
    rules: Mutex<Rules>,
    canned: Mutex<VecDeque<CannedAnswer>>,
}

impl State {
    pub(super) fn new(
        builder: HarborBenchBuilder,
        registry: &DockerRegistry,
        token_server: &TokenServer,
    ) -> Result<Self> {
        let HarborBenchBuilder { users, external_scheme, api, names } = builder;
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // Does not load the system's certificates, which a minimal machine does not have.
            .tls_danger_accept_invalid_certs(true)
            .build()?;
        let state = Self {
            users,
            external_scheme,
            api,
            names,
            content: Content::new(registry.data_dir()),
            signer: token_server.signer(),
            registry_host: registry.host(),
            token_host: token_server.host(),
            client,
            log: RequestLog::default(),
            projects: Mutex::default(),
            rules: Mutex::default(),
            canned: Mutex::default(),
        };
        state.add_project("library", 0);
        Ok(state)
    }

    /// Adds a project. Returns its id, or `None` if the name exists.
    pub(super) fn add_project(&self, name: &str, registry_id: u64) -> Option<u64> {
        let mut projects = lock(&self.projects);
        if projects.iter().any(|project| project.name == name) {
            return None;
        }
        let id = projects.len() as u64 + 1;
        projects.push(Project { id, name: name.to_owned(), registry_id, public: false });
        Some(id)
    }

    pub(super) fn publish_project(&self, name: &str) {
        let mut projects = lock(&self.projects);
        projects.iter_mut().filter(|project| project.name == name).for_each(|project| project.public = true);
    }

    pub(super) fn projects(&self) -> Vec<Project> {
        lock(&self.projects).clone()
    }

    pub(super) fn project(&self, name: &str) -> Option<Project> {
        lock(&self.projects).iter().find(|project| project.name == name).cloned()
    }

    pub(super) fn project_by_id(&self, id: u64) -> Option<Project> {
        lock(&self.projects).iter().find(|project| project.id == id).cloned()
    }

    /// The repositories that are no longer listed: after the first request for a second page, all vanishing ones.
    pub(super) fn vanished(&self, page: Option<&str>) -> Vec<String> {
        let mut rules = self.rules();
        if page.is_some_and(|page| page != "1") {
            rules.has_vanished = true;
        }
        if rules.has_vanished { rules.vanishing.clone() } else { Vec::new() }
    }

    pub(super) fn rules(&self) -> MutexGuard<'_, Rules> {
        lock(&self.rules)
    }

    pub(super) fn canned(&self) -> MutexGuard<'_, VecDeque<CannedAnswer>> {
        lock(&self.canned)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
