//! How a rule's images are copied: what is copied with them, what is left out, and what happens if the target has
//! other content.

use std::fmt;

use oci::{Tag, is_referrers_tag};
use serde::{Deserialize, Serialize};

use crate::rule::referrer_tag::{cosign_type, subject};
use crate::{ArtifactTypes, PlatformFilter};

/// How the images of a rule are copied. If two rules want the same copy, their policies are [merged](Self::merged).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Policy {
    /// Which referrers are copied with the images.
    pub referrers: ReferrerPolicy,
    /// Which platforms are copied.
    pub platforms: PlatformFilter,
    /// How an index names platforms that are left out.
    pub index: IndexPolicy,
    /// What happens to attestations inside an index that the target refuses.
    pub attestations: AttestationPolicy,
    /// Which manifests are stored.
    pub rewrite: Rewrite,
    /// What happens if the target has the reference with another digest.
    pub on_conflict: OnConflict,
    /// What happens if another rule gives the reference to another image.
    pub on_collision: OnCollision,
}

/// Which signatures, SBOMs and attestations are copied with their subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReferrerPolicy {
    /// Only those with a tag that the rule selects.
    #[default]
    Leave,
    /// All of them.
    Copy,
    /// Those of some kinds. The referrers of a referrer that is left out are left out, too.
    ByType(ArtifactTypes),
}

impl ReferrerPolicy {
    /// Whether a listed tag may be copied as a tag. If the rule selects artifact types, this depends on the type for
    /// cosign's tags, and excludes referrers tags, whose entries are selected one by one.
    pub(crate) fn takes_tag(&self, tag: &Tag) -> bool {
        match self {
            Self::ByType(types) if subject(tag).is_some() => {
                cosign_type(tag).is_some_and(|artifact_type| types.accepts(artifact_type))
            }
            _ => true,
        }
    }

    /// Whether the entries of a tag's list are selected one by one.
    pub(crate) fn opens(&self, tag: &Tag) -> bool {
        matches!(self, Self::ByType(_)) && is_referrers_tag(tag)
    }

    /// What this rule or a later one wants.
    fn merged(&self, later: &Self) -> Self {
        match (self, later) {
            (Self::Leave, other) | (other, Self::Leave) => other.clone(),
            (Self::ByType(types), Self::ByType(others)) => Self::ByType(types.or(others)),
            (Self::Copy, _) | (_, Self::Copy) => Self::Copy,
        }
    }
}

impl fmt::Display for ReferrerPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leave => formatter.write_str("none"),
            Self::Copy => formatter.write_str("all"),
            Self::ByType(types) => types.fmt(formatter),
        }
    }
}

/// How an index names children for platforms that are left out.
///
/// If two rules are merged, the greater variant wins: `Auto` accepts either form, and rewriting works at every target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IndexPolicy {
    /// Unchanged if the target accepts that and there is a state to record it, otherwise without these children. If
    /// the target has either form, it stays.
    #[default]
    Auto,
    /// Unchanged: the index keeps its digest, and those children are missing.
    Sparse,
    /// Without them, and with the annotation [`SOURCE_DIGEST`] if the index format allows it.
    Rewrite,
    /// Without them, and otherwise unchanged.
    Cut,
}

/// The annotation of an index from which children were removed: its digest at the source.
pub const SOURCE_DIGEST: &str = "io.image-syncer.source.digest";

/// What happens to attestations inside an index that the target refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttestationPolicy {
    /// The image fails.
    #[default]
    Keep,
    /// The refused ones are left out, and the index is rewritten without them.
    Drop,
}

/// Which manifests are stored at the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rewrite {
    /// Those that differ.
    #[default]
    Changed,
    /// All of them, even if the target has them.
    Always,
}

/// What happens if the target has the reference with another digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnConflict {
    /// The reference gets the rule's image.
    #[default]
    Overwrite,
    /// The target's image stays, and the rule's image is skipped.
    Keep,
    /// The target's image stays, and the rule's image fails.
    Fail,
}

/// What happens if two rules give one reference to different images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnCollision {
    /// The later rule's image gets it, and that is reported.
    #[default]
    LaterWins,
    /// Neither image gets it, and both rules fail. Applies only if both rules have this setting.
    Refuse,
}

impl Policy {
    /// Whether an index may be stored without all its manifests.
    pub(crate) fn may_be_sparse(&self) -> bool {
        self.platforms.is_active() && matches!(self.index, IndexPolicy::Auto | IndexPolicy::Sparse)
    }

    /// The combination of this rule's policy and a later one's for the same copy: everything that either wants. For
    /// conflicts, the later one decides.
    #[must_use]
    pub fn merged(&self, later: &Self) -> Self {
        Self {
            referrers: self.referrers.merged(&later.referrers),
            platforms: self.platforms.or(&later.platforms),
            index: self.index.max(later.index),
            attestations: match (self.attestations, later.attestations) {
                (AttestationPolicy::Drop, AttestationPolicy::Drop) => AttestationPolicy::Drop,
                _ => AttestationPolicy::Keep,
            },
            rewrite: self.rewrite.max(later.rewrite),
            on_conflict: later.on_conflict,
            on_collision: later.on_collision,
        }
    }
}

#[cfg(test)]
mod tests {
    use oci::Platform;

    use super::*;

    #[test]
    fn e21_a_merged_policy_wants_all_that_either_wants() {
        let only = |architecture: &str| PlatformFilter::new(&[], &[architecture.to_owned()]);
        let first = Policy { platforms: only("amd64"), on_conflict: OnConflict::Fail, ..Policy::default() };
        let later = Policy {
            platforms: only("arm64"),
            referrers: ReferrerPolicy::Copy,
            rewrite: Rewrite::Always,
            on_conflict: OnConflict::Keep,
            on_collision: OnCollision::Refuse,
            ..Policy::default()
        };
        for (one, other, on_conflict) in
            [(&first, &later, OnConflict::Keep), (&later, &first, OnConflict::Fail)]
        {
            let merged = one.merged(other);
            assert_eq!((&merged.referrers, merged.rewrite), (&ReferrerPolicy::Copy, Rewrite::Always));
            assert_eq!(merged.on_conflict, on_conflict, "the later rule's");
            let accepts = |architecture: &str| {
                let (os, architecture) = ("linux".to_owned(), architecture.to_owned());
                merged.platforms.accepts(&Platform { os, architecture, ..Platform::default() })
            };
            assert!(accepts("amd64") && accepts("arm64") && !accepts("s390x"));
        }
        let merged = |index, other| {
            let [one, other] = [index, other].map(|index| Policy { index, ..Policy::default() });
            assert_eq!(one.merged(&other).index, other.merged(&one).index);
            one.merged(&other).index
        };
        assert_eq!(merged(IndexPolicy::Auto, IndexPolicy::Sparse), IndexPolicy::Sparse);
        assert_eq!(merged(IndexPolicy::Rewrite, IndexPolicy::Auto), IndexPolicy::Rewrite);
        assert_eq!(merged(IndexPolicy::Rewrite, IndexPolicy::Sparse), IndexPolicy::Rewrite);
        let drop = Policy { attestations: AttestationPolicy::Drop, ..Policy::default() };
        assert_eq!(drop.merged(&drop).attestations, AttestationPolicy::Drop);
        assert_eq!(drop.merged(&first).attestations, AttestationPolicy::Keep, "one of the rules keeps them");
        let both = PlatformFilter::new(&[], &["amd64,arm64".to_owned()]).and(&only("arm64"));
        let accepts = |architecture: &str| {
            both.accepts(&Platform { architecture: architecture.to_owned(), ..Platform::default() })
        };
        assert!(accepts("arm64") && !accepts("amd64"));
        assert!(!first.merged(&Policy::default()).platforms.is_active(), "one of the rules wants all");
        assert_eq!(first.merged(&first), first);
    }

    #[test]
    fn rules_that_want_other_kinds_of_referrers_bring_both() {
        let only =
            |text: &str| ReferrerPolicy::ByType(ArtifactTypes::new(vec![text.parse().unwrap()], Vec::new()));
        let ReferrerPolicy::ByType(both) = only("a/b").merged(&only("c/d")) else { panic!("no kinds") };
        assert!(both.accepts("a/b") && both.accepts("c/d") && !both.accepts("e/f"));
        assert_eq!(only("a/b").merged(&ReferrerPolicy::Leave), only("a/b"));
        assert_eq!(ReferrerPolicy::Leave.merged(&only("a/b")), only("a/b"));
        assert_eq!(only("a/b").merged(&ReferrerPolicy::Copy), ReferrerPolicy::Copy);
    }

    #[test]
    fn cosigns_tags_come_by_their_kinds_and_lists_are_opened() {
        let types = vec!["application/vnd.dev.cosign.artifact.sig.v1+json".parse().unwrap()];
        let policy = ReferrerPolicy::ByType(ArtifactTypes::new(types, Vec::new()));
        let digest = oci::Digest::sha256(b"image");
        let hex = digest.hex();
        for (tag, takes, opens) in [
            ("v1".to_owned(), true, false),
            (format!("sha256-{hex}.sig"), true, false),
            (format!("sha256-{hex}.att"), false, false),
            (format!("sha256-{hex}"), false, true),
        ] {
            let tag: Tag = tag.parse().unwrap();
            assert_eq!((policy.takes_tag(&tag), policy.opens(&tag)), (takes, opens), "{tag}");
            assert!(ReferrerPolicy::Copy.takes_tag(&tag) && !ReferrerPolicy::Copy.opens(&tag));
        }
    }

    #[test]
    fn a_written_policy_with_a_key_that_nobody_knows_or_that_lacks_one_is_refused() {
        let written = serde_json::to_value(Policy::default()).unwrap();
        assert_eq!(serde_json::from_value::<Policy>(written.clone()).unwrap(), Policy::default());
        let mut unknown = written.clone();
        unknown["compression"] = "zstd".into();
        let error = serde_json::from_value::<Policy>(unknown).unwrap_err().to_string();
        assert!(error.contains("unknown field `compression`"), "{error}");
        for key in written.as_object().unwrap().keys() {
            let mut lacking = written.clone();
            lacking.as_object_mut().unwrap().remove(key);
            assert!(serde_json::from_value::<Policy>(lacking).is_err(), "{key}");
        }
    }
}
