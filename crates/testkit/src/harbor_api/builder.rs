//! Options for a Harbor before its start.

use anyhow::Result;

use super::HarborBench;
use crate::token_server::TokenUser;

/// A Harbor before its start.
pub struct HarborBenchBuilder {
    pub(super) users: Vec<TokenUser>,
    pub(super) external_scheme: &'static str,
    pub(super) api: Api,
    pub(super) names: Names,
}

/// The version of the API.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    One,
    Two,
}

/// Whether a proxy decodes names on their way to Harbor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Kept,
    Decoded,
}

impl Default for HarborBenchBuilder {
    fn default() -> Self {
        let (name, password) = HarborBench::ADMINISTRATOR;
        let administrator = TokenUser::new(name, password).grant("*", &["pull", "push", "delete"]);
        let (name, password) = HarborBench::ROBOT;
        let robot = TokenUser::new(name, password).grant("library/*", &["pull", "push"]);
        let users = vec![administrator, robot];
        Self { users, external_scheme: "http", api: Api::Two, names: Names::Kept }
    }
}

impl HarborBenchBuilder {
    /// Adds a user. Users see the projects in which they have rights; a user with `*` is an administrator.
    #[must_use]
    pub fn user(mut self, user: TokenUser) -> Self {
        self.users.push(user);
        self
    }

    /// Sets `https` as Harbor's external scheme: challenges name a realm with `https`, whatever the port speaks.
    #[must_use]
    pub fn external_https(mut self) -> Self {
        self.external_scheme = "https";
        self
    }

    /// Has the API of Harbor 1.x instead of v2.0.
    #[must_use]
    pub fn version_one(mut self) -> Self {
        self.api = Api::One;
        self
    }

    /// Decodes paths once before Harbor gets them, as a careless proxy does.
    #[must_use]
    pub fn decoding_proxy(mut self) -> Self {
        self.names = Names::Decoded;
        self
    }

    /// Starts registry, token server and front.
    pub async fn start(self) -> Result<HarborBench> {
        HarborBench::run(self).await
    }
}
