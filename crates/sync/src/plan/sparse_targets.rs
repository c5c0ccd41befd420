//! The targets at which the rules of a run may store indexes without all their manifests. Determined before any
//! request, so that the order of the rules does not matter.

use crate::Work;
use crate::memory::sparse_indexes::SparseTargets;

/// The targets of all rules and tasks that leave platforms out and keep the index.
pub(crate) fn sparse_targets(rules: &[Work]) -> SparseTargets {
    let mut targets = SparseTargets::default();
    for work in rules {
        match work {
            Work::Repository(rule) if rule.policy.may_be_sparse() => {
                targets.names.extend(rule.targets.iter().map(|target| target.target.name().to_owned()));
            }
            Work::Pattern(rule) if rule.policy.may_be_sparse() => {
                targets.fronts.extend(rule.targets.iter().map(|target| target.front.clone()));
            }
            Work::Tasks(tasks) => {
                let sparse = tasks.iter().filter(|bound| bound.task.policy.may_be_sparse());
                targets.names.extend(sparse.map(|bound| bound.target.name().to_owned()));
            }
            Work::Assignments(bound) => {
                let sparse = bound.iter().filter(|bound| bound.assignment.wanted.policy.may_be_sparse());
                let names = sparse.flat_map(|bound| &bound.targets).map(|target| target.name().to_owned());
                targets.names.extend(names);
            }
            Work::Repository(_) | Work::Pattern(_) => {}
        }
    }
    targets
}
