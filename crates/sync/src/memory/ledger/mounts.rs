//! Whether a store mounts blobs from one of its repositories to another.
//!
//! Some registries do everywhere, some not at all, some only within a project or where this login may read. A
//! declined mount says something about that source repository and the requesting project, not about the store.

use std::collections::HashSet;

use oci::RepositoryName;

/// After this many declined mounts, each with another repository or project, and no success, the store is taken not
/// to mount at all: until then each mount costs a wait for another copy's transfer.
const MOST_DECLINES: usize = 8;

/// What one store has shown so far.
#[derive(Default)]
pub(super) struct Mounts {
    belief: Belief,
    /// The repository to mount from, and the requesting project.
    declined: HashSet<(RepositoryName, String)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Belief {
    #[default]
    Unknown,
    Accepted,
    /// It reported a blob as mounted that it does not have.
    Disproved,
}

impl Mounts {
    pub(super) fn are_useful(&self) -> bool {
        match self.belief {
            Belief::Unknown => self.declined.len() < MOST_DECLINES,
            Belief::Accepted => true,
            Belief::Disproved => false,
        }
    }

    /// Whether a mount from `from` to `to` may be accepted.
    pub(super) fn may_be_accepted(&self, from: &RepositoryName, to: &RepositoryName) -> bool {
        self.are_useful()
            && (self.declined.is_empty() || !self.declined.contains(&(from.clone(), project(to).to_owned())))
    }

    pub(super) fn note(&mut self, from: &RepositoryName, to: &RepositoryName, is_accepted: bool) {
        if !is_accepted {
            self.declined.insert((from.clone(), project(to).to_owned()));
        } else if self.belief == Belief::Unknown {
            self.belief = Belief::Accepted;
        }
    }

    pub(super) fn are_believed(&self) -> bool {
        self.belief != Belief::Disproved
    }

    pub(super) fn disprove(&mut self) {
        self.belief = Belief::Disproved;
    }
}

/// The project of a repository: registries usually give rights by project.
pub(super) fn project(repository: &RepositoryName) -> &str {
    repository.as_str().split_once('/').map_or("", |(project, _)| project)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RepositoryName {
        text.parse().unwrap()
    }

    #[test]
    fn e13_a_decline_is_of_its_holder_and_of_the_project_that_asked() {
        let mut mounts = Mounts::default();
        for image in ["b/1", "b/2", "b/3", "b/4", "b/5", "b/6", "b/7", "b/8", "b/9"] {
            mounts.note(&name("a/app"), &name(image), false);
        }
        assert!(!mounts.may_be_accepted(&name("a/app"), &name("b/new")));
        assert!(mounts.may_be_accepted(&name("a/app"), &name("a/new")));
        assert!(mounts.may_be_accepted(&name("b/1"), &name("b/new")));
    }

    #[test]
    fn e13_who_declines_each_holder_is_taken_not_to_mount_until_a_mount_succeeds() {
        let mut mounts = Mounts::default();
        for number in 0..MOST_DECLINES {
            assert!(mounts.are_useful());
            mounts.note(&name(&format!("a/{number}")), &name("b/1"), false);
        }
        assert!(!mounts.are_useful());
        mounts.note(&name("a/0"), &name("a/1"), true);
        assert!(mounts.are_useful());
    }

    #[test]
    fn e14_who_lied_once_is_not_believed() {
        let mut mounts = Mounts::default();
        mounts.note(&name("a/0"), &name("a/1"), true);
        mounts.disprove();
        mounts.note(&name("a/0"), &name("a/2"), true);
        assert!(!mounts.are_useful() && !mounts.are_believed());
    }
}
