//! Checks whether an Enterprise Edition instance has room for the repositories that the copy creates.

use providers::alibaba::{InstanceUsage, Quota};

use super::finding::{Finding, Step};
use super::limit::within;
use crate::config::KnownRegistry;
use crate::diagnostic::with_sources;

/// The instance's usage, and whether `planned` target repositories fit in.
pub(super) async fn look(known: &KnownRegistry, planned: usize) -> Option<(Option<InstanceUsage>, Finding)> {
    let place = known.registry.host().as_str();
    let ask = async {
        let acr = known.registry_api.acr()?.acr().await.transpose()?;
        Some(match acr {
            Ok(acr) => acr.usage().await,
            Err(error) => Err(error),
        })
    };
    match within(ask).await?? {
        Ok(usage) => {
            let finding = judge(place, usage.repositories, planned);
            Some((Some(usage), finding))
        }
        Err(error) => {
            let finding = Finding::warning(place, Step::Quota, "the instance's quotas cannot be looked at")
                .why(with_sources(&error))
                .next("allow cr:GetInstanceUsage, or look into the console");
            Some((None, finding))
        }
    }
}

fn judge(place: &str, repositories: Quota, planned: usize) -> Finding {
    let Quota { limit, used } = repositories;
    let what = format!("{used} of {limit} repositories are used");
    if repositories.left() >= planned as u64 {
        return Finding::ok(place, Step::Quota, what);
    }
    let what = format!("{what}, and the rules name {planned}: not all may find room if they are new");
    Finding::warning(place, Step::Quota, what).next(MORE_ROOM)
}

/// The finding for a missing repository when the quota has no room for it.
pub(super) fn judge_missing(place: &str, repositories: Quota) -> Option<Finding> {
    (repositories.left() == 0).then(|| full(place, "repository", "repositories", repositories))
}

/// The finding for a missing namespace when the quota has no room for it.
pub(super) fn judge_missing_namespace(place: &str, namespaces: Quota) -> Option<Finding> {
    (namespaces.left() == 0).then(|| full(place, "namespace", "namespaces", namespaces))
}

fn full(place: &str, one: &str, many: &str, quota: Quota) -> Finding {
    let Quota { limit, used } = quota;
    Finding::problem(place, Step::Quota, format!("the {one} is not there, and the instance's quota is full"))
        .why(format!("GetInstanceUsage: {used} of {limit} {many} are used"))
        .next(MORE_ROOM)
}

pub(super) const MORE_ROOM: &str = "delete what is not needed, or have the quota raised";

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn room_is_compared_with_the_plan() {
        let quota = |used| Quota { limit: 10, used };
        assert_eq!(judge("r", quota(5), 5).level, Level::Ok);
        assert_eq!(judge("r", quota(6), 5).level, Level::Warning);
        assert_eq!(judge_missing("r", quota(9)), None);
        let full = judge_missing("r", quota(10)).unwrap();
        assert!(full.is_problem() && full.why.unwrap().contains("10 of 10 repositories"));
        assert!(judge_missing_namespace("r", quota(10)).unwrap().is_problem());
    }
}
