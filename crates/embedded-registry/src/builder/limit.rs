//! Knobs of what the registry does not let happen too often, or at all.

use std::time::Duration;

use super::Builder;

#[derive(Default)]
pub(crate) struct LimitSettings {
    pub(crate) requests: Option<(usize, Duration)>,
    pub(crate) pulls: Option<(usize, Duration)>,
    pub(crate) longest_login: Option<usize>,
    pub(crate) new_repositories: NewRepositories,
}

/// What becomes of the first push to a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewRepositories {
    /// It makes the repository.
    #[default]
    Created,
    /// 404 `NAME_UNKNOWN`, until `Store::create_repository` made it; as ECR and Google do.
    Refused,
}

impl Builder {
    /// Answers more than so many requests of the API in a window with 429 and `Retry-After` (the rest of the window,
    /// in seconds). The window begins with the first request after the last one ended.
    #[must_use]
    pub fn rate_limit(mut self, requests: usize, window: Duration) -> Self {
        self.settings.limits.requests = Some((requests, window));
        self
    }

    /// Counts each `GET` of a manifest, tells the count with it and with `HEAD` as Docker Hub does
    /// (`ratelimit-limit: 100;w=21600`), and answers with 429 when none is left. The window is only told: no
    /// pull ever comes back.
    #[must_use]
    pub fn pull_quota(mut self, pulls: usize, window: Duration) -> Self {
        self.settings.limits.pulls = Some((pulls, window));
        self
    }

    /// Refuses requests whose `Authorization` has more bytes with 400 and a page, as Quay's and Azure's proxies do:
    /// <https://github.com/regclient/regclient/issues/797>.
    #[must_use]
    pub fn longest_login(mut self, bytes: usize) -> Self {
        self.settings.limits.longest_login = Some(bytes);
        self
    }

    /// What becomes of the first push to a repository.
    #[must_use]
    pub fn new_repositories(mut self, repositories: NewRepositories) -> Self {
        self.settings.limits.new_repositories = repositories;
        self
    }
}
