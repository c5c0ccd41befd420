//! Finds the endpoints of a job's images, if this config's rules copy these images.

use std::sync::Arc;

use ::fleet::Bind;
use ::sync::{Assignment, BoundAssignment, Image, Rule, Work};
use oci::foreign_text::clean;

use crate::config::{Binder, SharedRegistries};
use crate::output::PlannedRule;

/// Any client that may write to NATS can put other names into jobs, so a worker brings only what its own rules copy.
pub(in crate::command) fn bind(rules: Vec<PlannedRule>, registries: SharedRegistries) -> Bind {
    let works: Vec<_> = rules.into_iter().map(|rule| rule.work).collect();
    Arc::new(move |assignments: &[Assignment]| {
        let mut binder = Binder::new(&registries);
        assignments.iter().map(|assignment| bound(&works, assignment, &mut binder)).collect()
    })
}

fn bound(
    works: &[Work],
    assignment: &Assignment,
    binder: &mut Binder<'_>,
) -> Result<BoundAssignment, String> {
    let stranger = assignment.images.iter().find(|image| !works.iter().any(|work| brings(work, image)));
    if let Some(image) = stranger {
        let (source, target) = (image.source_name(), image.target_name());
        return Err(format!(
            "no rule of this worker's config copies {} to {}",
            clean(&source),
            clean(&target)
        ));
    }
    binder.bind_assignment(assignment.clone()).map_err(|error| error.to_string())
}

/// Whether a rule copies between these repositories. Tags are not checked: that would need the tag list.
fn brings(work: &Work, image: &Image) -> bool {
    match work {
        Work::Repository(rule) => is_between(rule, image),
        Work::Pattern(pattern) => {
            let below =
                image.source.strip_prefix(pattern.listing.name()).and_then(|rest| rest.strip_prefix('/'));
            let repository = below.and_then(|name| name.parse().ok()).filter(|name| pattern.selects(name));
            repository
                .is_some_and(|name| (pattern.make_rule)(&name).is_ok_and(|rule| is_between(&rule, image)))
        }
        Work::Tasks(_) | Work::Assignments(_) => false,
    }
}

fn is_between(rule: &Rule, image: &Image) -> bool {
    rule.source.name() == &*image.source
        && rule.targets.iter().any(|target| target.target.name() == &*image.target)
}
