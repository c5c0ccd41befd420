//! Finds the lines of a list of failures that stand for a whole rule about many repositories.
//!
//! Such a line has only the texts of the rule's source and target. For a rule of `images` that is all there is to it; a rule of `sync` has
//! a selection and a policy besides, and may have a source that no key of `images` can express. So such a line is replaced by its rule.

use std::collections::HashSet;

use crate::config::{Resolved, ResolvedPattern, Section, WrittenRule, WrittenSync};

/// What is left of a list of failures, and the rules of `sync` about many repositories that it names.
pub(super) struct Split {
    pub(super) lines: Vec<WrittenRule>,
    /// Each with the targets that the list names.
    pub(super) sync: Option<WrittenSync>,
}

/// Replaces lines by their rules of `sync`. The first of those, in the resolved config, has the order `first`.
pub(super) fn split(
    mut lines: Vec<WrittenRule>,
    whole: &Resolved,
    sync: Option<WrittenSync>,
    first: usize,
) -> Split {
    let Some(mut sync) = sync else { return Split { lines, sync: None } };
    let failed: HashSet<(&str, &str)> = lines.iter().flat_map(pairs).collect();
    let of_sync = whole.patterns.iter().filter(|pattern| pattern.written.section == Section::Sync);
    let patterns: HashSet<usize> = of_sync.map(|pattern| pattern.written.order).collect();
    let mut order = first..;
    sync.rules.retain_mut(|rule| {
        let is_pattern = order.next().is_some_and(|order| patterns.contains(&order));
        rule.to.retain(|to| failed.contains(&(&*rule.from.text, &*to.text)));
        is_pattern && !rule.to.is_empty()
    });
    // A rule of `images` with the same texts may be what failed.
    let of_images = whole.patterns.iter().filter(|pattern| pattern.written.section == Section::Images);
    let stay: HashSet<(&str, &str)> = of_images.flat_map(|pattern| pairs(&pattern.written)).collect();
    let replaced: HashSet<(&str, &str)> = sync
        .rules
        .iter()
        .flat_map(|rule| rule.to.iter().map(|to| (&*rule.from.text, &*to.text)))
        .filter(|pair| !stay.contains(pair))
        .collect();
    lines.retain_mut(|line| {
        let WrittenRule { source, targets, .. } = line;
        targets.retain(|target| !replaced.contains(&(&**source, &**target)));
        !targets.is_empty()
    });
    // The rules of `sync` come after them.
    for (order, line) in lines.iter_mut().enumerate() {
        line.order = order;
    }
    let sync = (!sync.rules.is_empty()).then_some(sync);
    Split { lines, sync }
}

/// The pairs of source and target, among the patterns of a list of failures, that no rule of the config has.
pub(super) fn foreign<'a>(
    patterns: &'a [ResolvedPattern],
    whole: &'a Resolved,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let known: HashSet<_> = whole.patterns.iter().flat_map(|pattern| pairs(&pattern.written)).collect();
    patterns.iter().flat_map(|pattern| pairs(&pattern.written)).filter(move |pair| !known.contains(pair))
}

/// The pairs of source and target, as written.
pub(super) fn pairs(rule: &WrittenRule) -> impl Iterator<Item = (&str, &str)> {
    rule.targets.iter().map(|target| (&*rule.source, &**target))
}
