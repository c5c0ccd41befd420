//! Settings for rate limits, quotas and refusals.

use std::time::Duration;

use super::Builder;

#[derive(Default)]
pub(crate) struct LimitSettings {
    pub(crate) requests: Option<(usize, Duration)>,
    pub(crate) pulls: Option<(usize, Duration)>,
    pub(crate) longest_login: Option<usize>,
    pub(crate) new_repositories: NewRepositories,
}

/// How the first push to a repository is handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewRepositories {
    /// It creates the repository.
    #[default]
    Created,
    /// 404 `NAME_UNKNOWN`, until `Store::create_repository` created it; as with ECR and Google.
    Refused,
}

impl Builder {
    /// Answers API requests beyond this number in a window with 429 and `Retry-After` (the rest of the window,
    /// in seconds). A window begins with the first request after the previous one ended.
    #[must_use]
    pub fn rate_limit(mut self, requests: usize, window: Duration) -> Self {
        self.settings.limits.requests = Some((requests, window));
        self
    }

    /// Counts each `GET` of a manifest, states the count in answers to it and to `HEAD` as Docker Hub does
    /// (`ratelimit-limit: 100;w=21600`), and answers with 429 when none is left. The window is only stated: the
    /// quota is never refilled.
    #[must_use]
    pub fn pull_quota(mut self, pulls: usize, window: Duration) -> Self {
        self.settings.limits.pulls = Some((pulls, window));
        self
    }

    /// Refuses requests with a longer `Authorization` with 400 and a web page, as Quay's and Azure's proxies do:
    /// <https://github.com/regclient/regclient/issues/797>.
    #[must_use]
    pub fn longest_login(mut self, bytes: usize) -> Self {
        self.settings.limits.longest_login = Some(bytes);
        self
    }

    /// Sets how the first push to a repository is handled.
    #[must_use]
    pub fn new_repositories(mut self, repositories: NewRepositories) -> Self {
        self.settings.limits.new_repositories = repositories;
        self
    }
}
