//! Rules about many repositories, and all that can be carried out.

use std::sync::Arc;

use oci::RepositoryName;

use crate::endpoint::listing::Listing;
use crate::plan::assignment::BoundAssignment;
use crate::plan::task::BoundTask;
use crate::rule::Rule;
use crate::select::{RepositorySelection, TooFew};
use crate::{Cause, Error, Operation, Policy, RepositoryPattern, Side};

/// Makes the rule about one repository that a pattern matched.
pub type MakeRule = Arc<dyn Fn(&RepositoryName) -> Result<Rule, Cause> + Send + Sync>;

/// A rule about all repositories that match a pattern.
#[derive(Clone)]
pub struct PatternRule {
    /// Where they are listed.
    pub listing: Arc<dyn Listing>,
    /// Which are meant.
    pub pattern: RepositoryPattern,
    /// Which of those that match.
    pub repositories: RepositorySelection,
    /// What is done with each.
    pub make_rule: MakeRule,
    /// How the images of each are copied.
    pub policy: Arc<Policy>,
    /// Where they go.
    pub targets: Vec<PatternTarget>,
    /// With fewer tags in a repository the rule fails, and where no repository is selected.
    pub at_least: usize,
}

/// Finds the repository of the source that would be called so at a target. `None` where no name says which.
pub type TakeBack = Arc<dyn Fn(&RepositoryName) -> Option<RepositoryName> + Send + Sync>;

/// One target of a rule about many repositories.
#[derive(Clone)]
pub struct PatternTarget {
    /// What the names of its repositories begin with: registry and whole components.
    pub front: String,
    /// Where what is there is listed.
    pub listing: Arc<dyn Listing>,
    /// Which repository of the source would go to one that is there.
    pub take_back: TakeBack,
}

impl PatternRule {
    /// Whether the rule is about a repository.
    pub fn selects(&self, repository: &RepositoryName) -> bool {
        self.pattern.matches(repository) && self.repositories.reason_against(repository).is_none()
    }

    pub(crate) fn error(&self, cause: Cause) -> Error {
        let (side, place) = (Side::Source, self.listing.name().to_owned());
        Error { side, place, operation: Operation::ListRepositories, cause }
    }

    /// What fails where no repository is selected.
    pub(crate) fn shortfall(&self) -> Option<Error> {
        let too_few = TooFew { selected: 0, listed: 0, at_least: self.at_least };
        (self.at_least > 0).then(|| self.error(Cause::TooFew(too_few)))
    }
}

/// Something to carry out.
#[derive(Clone)]
pub enum Work {
    /// A rule about one repository.
    Repository(Rule),
    /// A rule about many.
    Pattern(PatternRule),
    /// What was decided before.
    Tasks(Vec<BoundTask>),
    /// What was selected before.
    Assignments(Vec<BoundAssignment>),
}

impl Work {
    /// What was decided before, where it is that.
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
