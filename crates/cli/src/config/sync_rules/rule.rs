//! One rule of `sync`, and the `defaults` of all: as written.

use serde_json::{Map, Value as Json, json};

use sync::select::{RepositorySelection, TagSelection};
use sync::{ArtifactTypeError, ArtifactTypePattern, ArtifactTypes, ReferrerPolicy};

use super::amount::{Age, MaxDelete};
use super::compile;
use super::setting::{Placed, Setting, Settings, map_schema, settings};
use super::slips::Slips;
use super::tags::{WrittenRepositories, WrittenTags};
use super::text::{OneOrMany, Text};
use super::word::words;
use crate::args::platform;
use crate::config::document::{Node, Value};
use crate::config::syntax_error::Place;

settings! {
    /// What is a rule's own, and no default.
    RuleHead requires ["from", "to"] {
        /// How the rule is called in reports; no other rule has that name.
        name "name": Text,
        /// Where to read: HOST/REPOSITORY, as a key of `images`, with * and ** for many; or HOST/(regex)/ over the whole
        /// path.
        from "from": Text,
        /// Where to write, one place or several: as a target in `images`, with {path}, {repository} and {name}; `{tag}` in
        /// a tag, as in HOST/REPOSITORY:{tag}-mirror; $1 for a group of a HOST/(regex)/.
        to "to": OneOrMany,
    }
}

settings! {
    /// What a rule does with what it reads. All of it may be a default; the rule's own key replaces the default's.
    Policies requires [] {
        /// Which repositories of a pattern are meant.
        repositories "repositories": Placed<WrittenRepositories>,
        /// Which tags are meant. Default: all.
        tags "tags": Placed<WrittenTags>,
        /// Which platforms of an image are meant: OS/ARCH or OS/ARCH/VARIANT. Default: all.
        platforms "platforms": Placed<WrittenPlatforms>,
        /// Whether signatures, SBOMs and attestations go along: all, none, or by artifact type. Default: true.
        referrers "referrers": Placed<WrittenReferrers>,
        /// What becomes of attestations inside an image where the target refuses them. Default: keep.
        attestations "attestations": Placed<Attestations>,
        /// What happens where the target has the tag with another digest. Default: overwrite.
        on_conflict "onConflict": Placed<OnConflict>,
        /// Guards of the verb `prune`, which alone deletes: it does so only for rules that have this key.
        prune "prune": WrittenPrune,
    }
}

words! {
    /// What becomes of attestations that a target refuses.
    Attestations {
        /// The image fails.
        Keep = "keep",
        /// They are left out.
        Drop = "drop",
    }
}

words! {
    /// What happens where the target has the tag with another digest.
    OnConflict {
        /// The source's image takes its place.
        Overwrite = "overwrite",
        /// The target's image stays.
        Keep = "keep",
        /// The image fails.
        Fail = "fail",
    }
}

words! {
    /// How an index names platforms that are left out.
    IndexForm {
        /// As at the source: same digest, children missing.
        Sparse = "sparse",
        /// Without them: another digest.
        Rewrite = "rewrite",
        /// As at the source where the target takes that.
        Auto = "auto",
    }
}

settings! {
    /// The long form of `platforms`.
    PlatformSettings requires ["only"] {
        /// Which platforms.
        only "only": Vec<PlatformName>,
        /// How the index names those that are left out: sparse keeps its digest, rewrite takes them out of it, auto
        /// tries sparse first, where a state remembers it. Default: auto.
        index "index": IndexForm,
    }
}

/// The platforms, and what happens to the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrittenPlatforms {
    pub(crate) only: Vec<PlatformName>,
    pub(crate) index: IndexForm,
}

impl Setting for WrittenPlatforms {
    fn expected() -> String {
        "a list of platforms, or a map with only and index".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        let settings = match &node.value {
            Value::List(_) => PlatformSettings { only: Vec::read(node, slips), index: None },
            Value::Map(_) => PlatformSettings::read(node, slips)?,
            Value::Scalar(_) => {
                slips.expected(node, &Self::expected());
                return None;
            }
        };
        Some(Self { only: settings.only?, index: settings.index.unwrap_or(IndexForm::Auto) })
    }

    fn schema() -> Json {
        json!({ "anyOf": [Vec::<PlatformName>::schema(), PlatformSettings::schema()] })
    }
}

/// A platform of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlatformName(pub(crate) String);

impl Setting for PlatformName {
    fn expected() -> String {
        "a text".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        let Text { text, place } = Text::read(node, slips)?;
        match platform::platform(&text) {
            Ok(()) => Some(Self(text)),
            Err(problem) => {
                slips.wrong(place, &format!("must be a platform: {problem}"), None);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[^/,]+/[^/,]+(/[^/,]+)?$" })
    }
}

settings! {
    /// The long form of `referrers`.
    ReferrerSettings requires [] {
        /// Only these artifact types: whole, as in application/spdx+json, or with * at the end, as in
        /// application/vnd.cyclonedx*. cosign's tags count as application/vnd.dev.cosign.artifact.sig.v1+json, with att
        /// and sbom in place of sig.
        types "types": Vec<ArtifactType>,
        /// None of these artifact types.
        exclude "exclude": Vec<ArtifactType>,
    }
}

/// The referrers to copy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WrittenReferrers {
    All,
    None,
    ByType(ReferrerSettings),
}

impl WrittenReferrers {
    /// The policy for the engine.
    pub(crate) fn policy(&self) -> ReferrerPolicy {
        let patterns = |list: &Option<Vec<ArtifactType>>| {
            list.iter().flatten().map(|artifact_type| artifact_type.0.clone()).collect::<Vec<_>>()
        };
        match self {
            Self::All => ReferrerPolicy::Copy,
            Self::None => ReferrerPolicy::Leave,
            Self::ByType(ReferrerSettings { types, exclude }) => {
                ReferrerPolicy::ByType(ArtifactTypes::new(patterns(types), patterns(exclude)))
            }
        }
    }
}

impl Setting for WrittenReferrers {
    fn expected() -> String {
        "true, false, or a map with types and exclude".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(fields) if fields.is_empty() => {
                slips.wrong(node.place(), "says nothing", Some("write `types`, `exclude`, or true or false"));
                None
            }
            Value::Map(_) => ReferrerSettings::read(node, slips).map(Self::ByType),
            Value::Scalar(_) => bool::read(node, slips).map(|all| if all { Self::All } else { Self::None }),
            Value::List(_) => {
                slips.expected(node, &Self::expected());
                None
            }
        }
    }

    fn schema() -> Json {
        let mut by_type = ReferrerSettings::schema();
        by_type["minProperties"] = json!(1);
        json!({ "anyOf": [bool::schema(), by_type] })
    }
}

/// The artifact type of a referrer, or the beginning of some types with `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArtifactType(pub(crate) ArtifactTypePattern);

impl Setting for ArtifactType {
    fn expected() -> String {
        "a text".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        let Text { text, place } = Text::read(node, slips)?;
        text.parse()
            .map(Self)
            .map_err(|error: ArtifactTypeError| slips.wrong(place, &error.to_string(), None))
            .ok()
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^([^/ *;,]+/[^/ *;,]+|([^/ *;,]+(/[^/ *;,]*)?)?[*])$" })
    }
}

settings! {
    /// Guards of the verb `prune`.
    WrittenPrune requires [] {
        /// The most that is deleted in one run: a number of tags, or a part of the target repository's tags, at least 1.
        /// Default: 10%.
        max_delete "maxDelete": MaxDelete,
        /// So long something must have been gone from the source. Default: 7d.
        grace "grace": Age,
    }
}

/// A key that is invalid for some sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Repositories,
    Tags,
}

/// A rule, completed by the defaults.
#[derive(Clone, Debug)]
pub(crate) struct SyncRule {
    /// Where the rule begins.
    pub(crate) place: Place,
    pub(crate) name: Option<Text>,
    pub(crate) from: Text,
    pub(crate) to: Vec<Text>,
    /// The policies as written.
    pub(crate) policies: Policies,
    /// The compiled `repositories`.
    pub(crate) repositories: RepositorySelection,
    /// The compiled `tags`.
    pub(crate) tags: TagSelection,
    /// Those of these keys that the rule itself has.
    own: Vec<Key>,
}

impl SyncRule {
    /// The place of a key, if the rule itself has it.
    pub(crate) fn own_place(&self, key: Key) -> Option<Place> {
        let Policies { repositories, tags, .. } = &self.policies;
        let place = match key {
            Key::Repositories => repositories.as_ref().map(|written| written.place),
            Key::Tags => tags.as_ref().map(|written| written.place),
        };
        place.filter(|_| self.own.contains(&key))
    }
}

/// Parses a rule. Its own keys replace the defaults'.
pub(crate) fn read_rule(node: &Node, defaults: &Policies, slips: &mut Slips<'_>) -> Option<SyncRule> {
    let keys = [RuleHead::KEYS, Policies::KEYS].concat();
    let before = slips.count();
    let fields = slips.map(node, &keys, RuleHead::REQUIRED)?;
    let RuleHead { name, from, to } = RuleHead::take(fields, slips);
    let own = Policies::take(fields, slips);
    let keys = [(Key::Repositories, own.repositories.is_some()), (Key::Tags, own.tags.is_some())];
    let policies = own.or(defaults.clone());
    let own = keys.into_iter().filter_map(|(key, is_own)| is_own.then_some(key)).collect();
    let repositories = policies.repositories.as_ref().map(|all| compile::repositories(&all.value, slips));
    let tags = policies.tags.as_ref().map(|all| compile::tags(&all.value, slips));
    let (repositories, tags) = (repositories.unwrap_or_default(), tags.unwrap_or_default());
    let (from, OneOrMany(to)) = (from?, to?);
    let place = node.place();
    (slips.count() == before).then(|| SyncRule { place, name, from, to, policies, repositories, tags, own })
}

/// The schema of a rule.
pub(crate) fn rule_schema() -> Json {
    let properties: Map<String, Json> =
        RuleHead::properties().into_iter().chain(Policies::properties()).collect();
    map_schema(&properties, RuleHead::REQUIRED)
}
