//! The scopes that a token is requested for, and that it grants. Spec: distribution, "Token Scope Documentation".

use std::fmt;
use std::sync::Arc;

use oci::RepositoryName;

use super::actions::Actions;

/// Access to a repository. Pushing needs pulling, too: registries check before they write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Read only.
    Pull,
    /// Read and write.
    PullPush,
    /// Read, write, and cancel an upload: registries want the right to delete for that.
    PullPushDelete,
}

impl Access {
    fn actions(self) -> &'static [&'static str] {
        match self {
            Self::Pull => &["pull"],
            Self::PullPush => &["pull", "push"],
            Self::PullPushDelete => &["delete", "pull", "push"],
        }
    }
}

/// Resources (`repository:library/app`) with their actions. Sorted, so that equal sets are equal keys. A run has
/// several of them for each of its repositories, most with one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Scopes(Vec<Scope>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scope {
    resource: Arc<str>,
    actions: Actions,
}

impl Scopes {
    pub(crate) fn one(repository: &RepositoryName, access: Access) -> Self {
        Self::default().and(repository, access)
    }

    /// The list of all repositories.
    pub(crate) fn catalog() -> Self {
        Self::parse("registry:catalog:*")
    }

    pub(crate) fn is_catalog(&self) -> bool {
        self.names("registry:catalog")
    }

    /// Adds a repository, or widens its access.
    pub(crate) fn and(mut self, repository: &RepositoryName, access: Access) -> Self {
        self.add(format!("repository:{repository}"), access.actions().iter().copied());
        self
    }

    /// Parses a challenge's scopes, separated by spaces; skips malformed ones.
    pub(crate) fn parse(text: &str) -> Self {
        let mut scopes = Self::default();
        for scope in text.split_ascii_whitespace() {
            // The last colon counts: a name may begin with a host and its port.
            if let Some((resource, actions)) = scope.rsplit_once(':').filter(|(name, _)| name.contains(':')) {
                scopes.add(resource.to_owned(), actions.split(','));
            }
        }
        scopes
    }

    /// Adds actions on a resource; without actions, nothing is added.
    pub(crate) fn add<'a>(&mut self, resource: String, actions: impl IntoIterator<Item = &'a str>) {
        let actions = Actions::from_iter(actions);
        if !actions.is_empty() {
            self.insert(Scope { resource: resource.into(), actions });
        }
    }

    fn insert(&mut self, scope: Scope) {
        match self.place(&scope.resource) {
            Ok(place) => self.0[place].actions.extend(&scope.actions),
            // Most sets have one scope: no room is reserved for more.
            Err(_) if self.0.is_empty() => self.0 = vec![scope],
            Err(place) => self.0.insert(place, scope),
        }
    }

    /// The index of a resource, or the index at which to insert it.
    fn place(&self, resource: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|scope| (*scope.resource).cmp(resource))
    }

    /// The actions on a resource.
    fn actions(&self, resource: &str) -> Option<&Actions> {
        self.place(resource).ok().map(|place| &self.0[place].actions)
    }

    /// All scopes of both sets.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        union.extend(other);
        union
    }

    /// Adds all scopes of another set.
    pub(crate) fn extend(&mut self, other: &Self) {
        for scope in &other.0 {
            self.insert(scope.clone());
        }
    }

    /// Whether a resource is in the set, with whatever actions.
    pub(crate) fn names(&self, resource: &str) -> bool {
        self.place(resource).is_ok()
    }

    /// Whether the set has everything in `need`.
    pub(crate) fn covers(&self, need: &Self) -> bool {
        need.0.iter().all(|need| self.actions(&need.resource).is_some_and(|here| here.cover(&need.actions)))
    }

    /// The actions in here that `granted` lacks, each once.
    pub(crate) fn missing_in(&self, granted: &Self) -> Vec<String> {
        let mut missing = Actions::default();
        for Scope { resource, actions } in &self.0 {
            let given = granted.actions(resource);
            missing.extend(&given.map_or_else(|| actions.clone(), |given| actions.without(given)));
        }
        missing.texts().into_iter().map(str::to_owned).collect()
    }

    /// The names of the resources.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &Arc<str>> + '_ {
        self.0.iter().map(|scope| &scope.resource)
    }

    /// How many resources there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The bytes of all texts.
    pub(crate) fn text_length(&self) -> usize {
        self.0.iter().map(|scope| scope.resource.len() + 1 + scope.actions.text_length()).sum()
    }

    /// One text for each resource, in the form that the token server takes.
    pub(crate) fn texts(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|scope| format!("{}:{}", scope.resource, scope.actions.texts().join(",")))
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

    fn parts() -> impl Strategy<Value = Vec<(String, bool)>> {
        proptest::collection::vec(("[a-c]", any::<bool>()), 0..6)
    }

    proptest! {
        #[test]
        fn merging_is_idempotent_and_knows_no_order(parts in parts()) {
            let scopes = build(&parts);
            let twice: Vec<_> = parts.iter().chain(&parts).cloned().collect();
            let reversed: Vec<_> = parts.iter().rev().cloned().collect();
            prop_assert_eq!(build(&twice), scopes.clone());
            prop_assert_eq!(build(&reversed), scopes);
        }

        #[test]
        fn a_union_covers_both_and_no_more(one in parts(), other in parts()) {
            let (one, other) = (build(&one), build(&other));
            let union = one.union(&other);
            prop_assert!(union.covers(&one) && union.covers(&other));
            prop_assert_eq!(other.union(&one), union.clone());
            prop_assert_eq!(one.covers(&other), union == one);
        }

        #[test]
        fn texts_are_read_as_they_were_written(parts in parts()) {
            let scopes = build(&parts);
            prop_assert_eq!(Scopes::parse(&scopes.to_string()), scopes);
        }
    }

    #[test]
    fn c48_a_mount_asks_for_both_repositories() {
        let scopes = Scopes::one(&"b/target".parse().unwrap(), Access::PullPush)
            .and(&"a/source".parse().unwrap(), Access::Pull);
        assert_eq!(scopes.to_string(), "repository:a/source:pull repository:b/target:pull,push");
    }

    #[test]
    fn c75_what_a_grant_lacks() {
        let need = Scopes::parse("repository:a:pull,push");
        let lacks = |granted: &str| need.missing_in(&Scopes::parse(granted));
        assert_eq!(lacks(""), ["pull", "push"]);
        assert_eq!(lacks("repository:a:pull repository:b:push"), ["push"]);
        assert!(lacks("repository:a:*").is_empty() && lacks("repository:a:pull,push,delete").is_empty());
    }

    #[test]
    fn c75_texts_of_challenges() {
        let odd =
            Scopes::parse("repository:h:5000/a:push,pull  registry:catalog:* nonsense a:b repository:x:");
        assert_eq!(odd.to_string(), "registry:catalog:* repository:h:5000/a:pull,push");
        assert!(Scopes::parse("repository:a:*").covers(&Scopes::parse("repository:a:pull,push,delete")));
        assert!(!Scopes::parse("repository:a:pull").covers(&Scopes::parse("repository:a:pull,push")));
    }
}
