//! Rules about many repositories, and the kinds of work of a run.

use std::sync::Arc;

use oci::RepositoryName;

use crate::endpoint::listing::Listing;
use crate::plan::assignment::BoundAssignment;
use crate::plan::task::BoundTask;
use crate::rule::Rule;
use crate::select::{RepositorySelection, TooFew};
use crate::{Cause, Error, Operation, Policy, RepositoryPattern, Side};

/// Makes the rule about one matching repository.
pub type MakeRule = Arc<dyn Fn(&RepositoryName) -> Result<Rule, Cause> + Send + Sync>;

/// A rule about all repositories that match a pattern.
#[derive(Clone)]
pub struct PatternRule {
    /// Lists the repositories.
    pub listing: Arc<dyn Listing>,
    /// The pattern.
    pub pattern: RepositoryPattern,
    /// Which of the matching repositories are selected.
    pub repositories: RepositorySelection,
    /// Makes the rule for each repository.
    pub make_rule: MakeRule,
    /// How their images are copied.
    pub policy: Arc<Policy>,
    /// The targets.
    pub targets: Vec<PatternTarget>,
    /// The rule fails if a repository has fewer selected tags, or if no repository is selected.
    pub at_least: usize,
}

/// Finds the source repository for a target repository. `None` if no name tells.
pub type TakeBack = Arc<dyn Fn(&RepositoryName) -> Option<RepositoryName> + Send + Sync>;

/// One target of a rule about many repositories.
#[derive(Clone)]
pub struct PatternTarget {
    /// The prefix of its repositories: registry and whole path components.
    pub front: String,
    /// Lists the target's repositories.
    pub listing: Arc<dyn Listing>,
    /// The source repository for a target repository.
    pub take_back: TakeBack,
}

impl PatternRule {
    /// Whether the rule selects a repository.
    pub fn selects(&self, repository: &RepositoryName) -> bool {
        self.pattern.matches(repository) && self.repositories.reason_against(repository).is_none()
    }

    /// The rule for the source repository that would be copied to a repository of this target; `name` is its whole name, with the registry.
    pub fn rule_to(&self, target: &PatternTarget, repository: &RepositoryName, name: &str) -> Option<Rule> {
        let source = (target.take_back)(repository)?;
        let made = self.selects(&source).then(|| (self.make_rule)(&source).ok())??;
        made.targets.iter().any(|target| target.target.name() == name).then_some(made)
    }

    pub(crate) fn error(&self, cause: Cause) -> Error {
        let (side, place) = (Side::Source, self.listing.name().to_owned());
        Error { side, place, operation: Operation::ListRepositories, cause }
    }

    /// The error if no repository is selected.
    pub(crate) fn shortfall(&self) -> Option<Error> {
        let too_few = TooFew { selected: 0, listed: 0, at_least: self.at_least };
        (self.at_least > 0).then(|| self.error(Cause::TooFew(too_few)))
    }
}

/// Work of a run.
#[derive(Clone)]
pub enum Work {
    /// A rule about one repository.
    Repository(Rule),
    /// A rule about many.
    Pattern(PatternRule),
    /// Tasks that a plan decided.
    Tasks(Vec<BoundTask>),
    /// Images that a survey selected.
    Assignments(Vec<BoundAssignment>),
}

impl Work {
    /// The tasks, if it has any.
    pub(crate) fn tasks(&self) -> Option<&[BoundTask]> {
        match self {
            Self::Tasks(tasks) => Some(tasks),
            Self::Repository(_) | Self::Pattern(_) | Self::Assignments(_) => None,
        }
    }
}

impl From<Rule> for Work {
    fn from(rule: Rule) -> Self {
        Self::Repository(rule)
    }
}

impl From<PatternRule> for Work {
    fn from(rule: PatternRule) -> Self {
        Self::Pattern(rule)
    }
}

impl From<Vec<BoundTask>> for Work {
    fn from(tasks: Vec<BoundTask>) -> Self {
        Self::Tasks(tasks)
    }
}
