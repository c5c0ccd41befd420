//! The command line's defaults for rules.

use sync::select::{Narrowing, RepositorySelection};
use sync::{IndexPolicy, PlatformFilter, Policy, ReferrerPolicy, Rewrite};

/// The command line's defaults for rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults<'a> {
    /// The registry for rules with an empty target.
    pub(crate) registry: &'a str,
    pub(crate) namespace: &'a str,
    /// What to do with referrers, if given.
    pub(crate) referrers: Option<ReferrerPolicy>,
    /// The platforms to copy.
    pub(crate) platforms: PlatformFilter,
    /// Which manifests may be rewritten.
    pub(crate) rewrite: Rewrite,
    /// The narrowing of the tags that rules select.
    pub(crate) tags: Narrowing,
    /// The narrowing of the repositories of all rules.
    pub(crate) repositories: RepositorySelection,
}

impl Defaults<'_> {
    /// The policy of a rule of `images`. `referrers` applies unless the command line overrides it.
    pub(super) fn policy(&self, referrers: ReferrerPolicy) -> Policy {
        Policy {
            referrers: self.referrers.clone().unwrap_or(referrers),
            platforms: self.platforms.clone(),
            // As in the Go tool.
            index: IndexPolicy::Cut,
            rewrite: self.rewrite,
            ..Policy::default()
        }
    }

    /// With registry and namespace: the source's path without its first component. With a registry alone: the whole path.
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
