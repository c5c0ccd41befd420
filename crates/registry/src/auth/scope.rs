//! What a token is asked for. Spec: distribution, "Token Scope Documentation".

use std::collections::BTreeMap;
use std::fmt;

use crate::RepositoryName;

/// What may be done with a repository. Pushing needs pulling, too: registries look before they write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Read only.
    Pull,
    /// Read and write.
    PullPush,
}

/// The repositories that one request touches, and how. Sorted, so that equal sets are equal keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Scopes(BTreeMap<RepositoryName, Access>, Catalog);

/// Whether the list of all repositories is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Catalog {
    #[default]
    NotWanted,
    Wanted,
}

impl Scopes {
    pub(crate) fn one(repository: &RepositoryName, access: Access) -> Self {
        Self(BTreeMap::from([(repository.clone(), access)]), Catalog::NotWanted)
    }

    /// The list of all repositories.
    pub(crate) fn catalog() -> Self {
        Self(BTreeMap::new(), Catalog::Wanted)
    }

    pub(crate) fn is_catalog(&self) -> bool {
        self.1 == Catalog::Wanted
    }

    /// Adds a repository, or widens what may be done with it.
    pub(crate) fn and(mut self, repository: &RepositoryName, access: Access) -> Self {
        let entry = self.0.entry(repository.clone()).or_insert(access);
        *entry = (*entry).max(access);
        self
    }

    /// One text for each repository, as the token server takes them.
    pub(crate) fn texts(&self) -> impl Iterator<Item = String> + '_ {
        let catalog = self.is_catalog().then(|| "registry:catalog:*".to_owned());
        catalog.into_iter().chain(self.0.iter().map(|(repository, access)| {
            let actions = match access {
                Access::Pull => "pull",
                Access::PullPush => "pull,push",
            };
            format!("repository:{repository}:{actions}")
        }))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.texts().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn build(parts: &[(String, bool)]) -> Scopes {
        parts.iter().fold(Scopes::default(), |scopes, (name, push)| {
            scopes.and(&name.parse().unwrap(), if *push { Access::PullPush } else { Access::Pull })
        })
    }

    proptest! {
        #[test]
        fn merging_is_idempotent_and_knows_no_order(
            parts in proptest::collection::vec(("[a-c]", any::<bool>()), 0..6)
        ) {
            let scopes = build(&parts);
            let twice: Vec<_> = parts.iter().chain(&parts).cloned().collect();
            let reversed: Vec<_> = parts.iter().rev().cloned().collect();
            prop_assert_eq!(build(&twice), scopes.clone());
            prop_assert_eq!(build(&reversed), scopes);
        }
    }

    #[test]
    fn c48_a_mount_asks_for_both_repositories() {
        let scopes = Scopes::one(&"b/target".parse().unwrap(), Access::PullPush)
            .and(&"a/source".parse().unwrap(), Access::Pull);
        assert_eq!(scopes.to_string(), "repository:a/source:pull repository:b/target:pull,push");
    }
}
