//! The selections of rules among the listed tags, for the report: the number that each stage kept, and the tags that were left out for
//! reasons that their names do not show, such as their age.

use std::ops::AddAssign as _;

use serde::{Deserialize, Serialize};
use sync::Event;
use sync::select::{Counts, Reason};

/// The most tags to record in total; a listing may have millions.
pub(super) const MOST_NAMED: usize = 10_000;

/// Collects the selections.
#[derive(Clone, Default)]
pub(super) struct Selected {
    /// By the index of the rule.
    counts: Vec<Counts>,
    pub(super) left_out: Vec<LeftOutTag>,
    /// The number of further such tags.
    pub(super) not_named: usize,
}

/// A tag that a rule left out although its name matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LeftOutTag {
    /// Registry and repository.
    pub(crate) source: String,
    pub(crate) tag: String,
    pub(crate) reason: String,
}

impl Selected {
    /// Takes one event.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Selected { rule, source, counts, left_out } => {
                self.counts_of(*rule).add_assign(*counts);
                for (tag, reason) in left_out.iter().filter(|(_, reason)| !is_told_by_name(reason)) {
                    if self.left_out.len() == MOST_NAMED {
                        self.not_named += 1;
                        continue;
                    }
                    let (tag, reason) = (tag.to_string(), reason.to_string());
                    self.left_out.push(LeftOutTag { source: source.to_string(), tag, reason });
                }
            }
            Event::TagsListed { rule, tags, selected: Some(selected), .. } => {
                let (listed, selected) = (*tags, *selected);
                let (included, versions) = (selected, selected);
                let counts = Counts { listed, included, versions, selected, ..Counts::default() };
                self.counts_of(*rule).add_assign(counts);
            }
            _ => {}
        }
    }

    fn counts_of(&mut self, rule: usize) -> &mut Counts {
        if self.counts.len() <= rule {
            self.counts.resize(rule + 1, Counts::default());
        }
        &mut self.counts[rule]
    }

    /// The selection of a rule over all lists; zeros if it listed none.
    pub(super) fn counts(&self, rule: usize) -> Counts {
        self.counts.get(rule).copied().unwrap_or_default()
    }
}

/// Whether the rule and the tag's name alone show the reason.
fn is_told_by_name(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Referrer
            | Reason::NotIncluded
            | Reason::NoVersion
            | Reason::OutOfRange(_)
            | Reason::OtherVariant
            | Reason::Prerelease
            | Reason::ExcludedBy(_)
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_names_do_not_tell_is_named_as_far_as_there_is_room() {
        let mut selected = Selected::default();
        let chosen = |rule, reason: &Reason, tags: usize| {
            let counts = Counts { listed: tags, ..Counts::default() };
            let tag = |number| (format!("v{number}").parse().unwrap(), reason.clone());
            let left_out: Vec<_> = (0..tags).map(tag).collect();
            Event::Selected { rule, source: "q.io/a".into(), counts, left_out: Arc::from(left_out) }
        };
        selected.event(&chosen(1, &Reason::Prerelease, 5));
        selected.event(&chosen(1, &Reason::TooYoung { age: Duration::from_secs(60) }, MOST_NAMED + 7));
        assert_eq!((selected.left_out.len(), selected.not_named), (MOST_NAMED, 7));
        assert!(selected.left_out[0].reason.contains("less than `minAge`"), "{:?}", selected.left_out[0]);
        assert_eq!((selected.counts(0).listed, selected.counts(1).listed), (0, MOST_NAMED + 12));
    }
}
