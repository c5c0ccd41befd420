//! Tags that only a target has, and that a rule would write.

use std::collections::HashSet;

use oci::Tag;

use crate::ReferrerPolicy;
use crate::rule::referrer_tag::belongs_to_another;
use crate::rule::{Naming, Selection};

/// Tags of a target that a rule would write, by what its source has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extra {
    /// The source does not have them.
    pub(crate) images: Vec<Tag>,
    /// Referrer tags that the source does not have. They follow their subjects.
    pub(crate) followers: Vec<Tag>,
    /// The source has them, but the selection may leave them out for another reason than their names: age, or newer tags.
    pub(crate) at_source: Vec<Tag>,
}

impl Extra {
    /// The tags of a target; `there` are the target's tags, `here` the source's. A rule that pairs names by position
    /// gives none.
    pub(crate) fn of<'a>(
        (selection, referrers): (&Selection, &ReferrerPolicy),
        naming: &Naming,
        here: &HashSet<Tag>,
        there: impl Iterator<Item = &'a Tag>,
    ) -> Self {
        let mut extra = Self::default();
        let may_leave_out = matches!(selection, Selection::Chosen(_));
        for name in there {
            let Some(tag) = naming.source_tag(name) else { continue };
            if belongs_to_another(name) {
                if takes_follower(selection, referrers, &tag) && !here.contains(&tag) {
                    extra.followers.push(name.clone());
                }
            } else if selection.selects_by_name(&tag) {
                match here.contains(&tag) {
                    false => extra.images.push(name.clone()),
                    true if may_leave_out => extra.at_source.push(name.clone()),
                    true => {}
                }
            }
        }
        extra
    }

    /// All of them.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Tag> {
        self.images.iter().chain(&self.followers).chain(&self.at_source)
    }
}

/// Whether the rule would copy a referrer tag: these follow their subject, and no other condition on names applies.
fn takes_follower(selection: &Selection, referrers: &ReferrerPolicy, tag: &Tag) -> bool {
    let fits = match selection {
        Selection::All | Selection::Chosen(_) => true,
        Selection::Matching(pattern) => pattern.is_match(tag.as_str()),
        Selection::These(_) | Selection::Pinned { .. } => false,
    };
    fits && *referrers != ReferrerPolicy::Leave && referrers.takes_tag(tag)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use oci::Digest;

    use super::*;
    use crate::select::{Latest, TagSelection};

    fn tags(names: &[&str]) -> Vec<Tag> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn extra(selection: &Selection, naming: &Naming, here: &[&str], there: &[&str]) -> Extra {
        let here = tags(here).into_iter().collect();
        Extra::of((selection, &ReferrerPolicy::Leave), naming, &here, tags(there).iter())
    }

    #[test]
    fn a_tag_that_the_source_lacks_is_extra_where_the_rule_would_name_it() {
        let all = Selection::All;
        assert_eq!(extra(&all, &Naming::Same, &["a"], &["a", "b"]).images, tags(&["b"]));
        let mirror = Naming::Templated("{tag}-mirror".parse().unwrap());
        let there = ["a", "a-mirror", "b-mirror", "-mirror"].map(|name| name.trim_start_matches('-'));
        assert_eq!(extra(&all, &mirror, &["a"], &there).images, tags(&["b-mirror"]));
        let position = Naming::These(vec![Some(oci::TagOrDigest::Tag("x".parse().unwrap()))]);
        assert_eq!(extra(&all, &position, &["a"], &["x", "y"]), Extra::default());
        let some = Naming::Matching(regex::Regex::new("^b").unwrap());
        assert_eq!(extra(&all, &some, &["a"], &["b", "c"]).images, tags(&["b"]));
        let versions = Selection::Matching(regex::Regex::new("^v").unwrap());
        assert_eq!(extra(&versions, &Naming::Same, &["v1"], &["v2", "latest"]).images, tags(&["v2"]));
    }

    #[test]
    fn what_fell_out_of_the_latest_is_still_at_the_source() {
        let latest = Some(Latest::new(1).unwrap());
        let selection = TagSelection { latest, ..TagSelection::default() };
        let found = extra(
            &Selection::Chosen(Arc::new(selection)),
            &Naming::Same,
            &["1.0", "1.1"],
            &["0.9", "1.0", "1.1", "main"],
        );
        assert_eq!((found.images, found.at_source), (tags(&["0.9"]), tags(&["1.0", "1.1"])));
    }

    #[test]
    fn signatures_are_followers_where_the_rule_brings_them() {
        let signature = format!("sha256-{}.sig", Digest::sha256(b"image").hex());
        let there = tags(&[&signature]);
        let found = |referrers: &ReferrerPolicy, here: &[Tag]| {
            let here = here.iter().cloned().collect();
            Extra::of((&Selection::All, referrers), &Naming::Same, &here, there.iter())
        };
        assert_eq!(found(&ReferrerPolicy::Copy, &[]).followers, there);
        assert!(found(&ReferrerPolicy::Copy, &[]).images.is_empty());
        assert_eq!(found(&ReferrerPolicy::Copy, &there), Extra::default());
        assert_eq!(found(&ReferrerPolicy::Leave, &[]), Extra::default());
    }

    #[test]
    fn lists_of_referrers_of_sha512_are_followers_though_their_tags_have_a_part_of_the_digest() {
        let there = [oci::referrers_tag(&oci::Algorithm::Sha512.digest(b"image"))];
        let none = HashSet::new();
        let wanted = (&Selection::All, &ReferrerPolicy::Copy);
        let found = Extra::of(wanted, &Naming::Same, &none, there.iter());
        assert_eq!((found.images, found.followers), (Vec::new(), there.to_vec()));
    }
}
