//! What is wrong with keys of one rule beside each other.

use super::rule::SyncRule;
use super::slips::Slips;
use super::tags::WrittenTags;

/// Tells what contradicts itself.
pub(crate) fn check(rule: &SyncRule, slips: &mut Slips<'_>) {
    if let Some(tags) = &rule.policies.tags {
        check_ages(&tags.value, slips);
    }
}

fn check_ages(tags: &WrittenTags, slips: &mut Slips<'_>) {
    let Some(max) = &tags.max_age else { return };
    if max.duration.is_zero() {
        slips.push("`maxAge` of nothing selects nothing".to_owned(), max.place, None);
        return;
    }
    let Some(min) = tags.min_age.as_ref().filter(|min| min.duration >= max.duration) else { return };
    let problem = format!(
        "no tag is at least {} (`minAge`, line {}) and at most {} old (`maxAge`)",
        min.text, min.place.line, max.text
    );
    slips.push(problem, max.place, Some("write a `maxAge` that is longer than `minAge`"));
}
