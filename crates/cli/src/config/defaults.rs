//! What the command line says about rules.

use sync::select::{Narrowing, RepositorySelection};
use sync::{IndexPolicy, PlatformFilter, Policy, ReferrerPolicy, Rewrite};

/// What the command line says about rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults<'a> {
    /// Where rules with an empty target go.
    pub(crate) registry: &'a str,
    pub(crate) namespace: &'a str,
    /// What becomes of referrers, if it is said.
    pub(crate) referrers: Option<ReferrerPolicy>,
    /// Which platforms are copied.
    pub(crate) platforms: PlatformFilter,
    /// Which manifests are stored.
    pub(crate) rewrite: Rewrite,
    /// What is taken from the tags that rules select.
    pub(crate) tags: Narrowing,
    /// Which repositories of all rules are meant.
    pub(crate) repositories: RepositorySelection,
}

impl Defaults<'_> {
    /// The policy of a rule of `images`, which does `referrers` unless the command line says otherwise.
    pub(super) fn policy(&self, referrers: ReferrerPolicy) -> Policy {
        Policy {
            referrers: self.referrers.clone().unwrap_or(referrers),
            platforms: self.platforms.clone(),
            // As the Go tool did.
            index: IndexPolicy::Cut,
            rewrite: self.rewrite,
            ..Policy::default()
        }
    }

    /// With registry and namespace: the source's path without its first part. With a registry alone: all of it.
    pub(super) fn target_for(&self, path: &str) -> Option<String> {
        let registry = self.registry.trim_end_matches('/');
        let namespace = self.namespace.trim_matches('/');
        match (registry, namespace) {
            ("", _) => None,
            (registry, "") => Some(format!("{registry}/{path}")),
            (registry, namespace) => {
                let below = path.split_once('/').map_or(path, |(_, below)| below);
                Some(format!("{registry}/{namespace}/{below}"))
            }
        }
    }
}
