//! The selection of tags and repositories of a rule, as written.

use std::num::NonZeroU32;

use oci::{Digest, Tag, TagOrDigest};
use serde_json::{Value as Json, json};

use super::amount::Age;
use super::setting::{Setting, settings};
use super::slips::Slips;
use super::text::{AllOf, Text, Variant};
use super::word::words;
use crate::config::document::{Node, Value};

settings! {
    /// Which repositories of a pattern are meant.
    WrittenRepositories requires [] {
        /// Only repositories whose path one of these fits: a pattern with * and **, or a /regex/ that is found in it.
        include "include": Vec<Text>,
        /// No repositories whose path one of these fits.
        exclude "exclude": Vec<Text>,
    }
}

settings! {
    /// Which tags are meant.
    WrittenTags requires [] {
        /// Only tags that one of these fits: a glob for the whole tag (* ? [a-z] {a,b}; case counts) or a /regex/ that is
        /// found in it. Of a list of lists, each inner list must fit. Default: all.
        include "include": AllOf,
        /// No tags that one of these fits; beats all but pins.
        exclude "exclude": Vec<Text>,
        /// Only versions in this range, as in ">=1.20 <2"; tags that are no versions are out.
        semver "semver": Text,
        /// Only versions with one of these suffixes, with or without their numbers: "alpine" fits -alpine3.19, ""
        /// those without any. Default: all.
        variants "variants": Vec<Variant>,
        /// Whether release candidates and their like count; matters only with semver, variants, or latest by version.
        prereleases "prereleases": bool,
        /// Only the newest of each group.
        latest "latest": Latest,
        /// Only tags that are at least so old: a number with s, m, h, d or w.
        min_age "minAge": Age,
        /// Only tags that are at most so old; needs the registry's dates.
        max_age "maxAge": Age,
        /// Tags and digests that come in any case; one that is missing fails by name.
        pins "pins": Vec<Pin>,
        /// Where fewer tags are selected, the rule fails instead of copying little.
        at_least "atLeast": NonZeroU32,
    }
}

words! {
    /// What is newest.
    LatestBy {
        /// The highest version.
        Version = "version",
        /// What was pushed last.
        Pushed = "pushed",
    }
}

words! {
    /// Among which tags the newest are counted.
    LatestPer {
        /// Those with the same suffix and as many numbers.
        Variant = "variant",
        /// All of a repository.
        Repository = "repository",
    }
}

settings! {
    /// The long form of `latest`.
    LatestSettings requires ["count"] {
        /// How many of each group.
        count "count": NonZeroU32,
        /// What is newest: the highest version, or what was pushed last. Default: version.
        by "by": LatestBy,
        /// Whether each suffix is a group of its own, or the repository is one. Default: variant.
        per "per": LatestPer,
    }
}

/// The number to keep of each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latest {
    pub(crate) count: NonZeroU32,
    pub(crate) by: LatestBy,
    pub(crate) per: LatestPer,
}

impl Setting for Latest {
    fn expected() -> String {
        format!("{}, or a map with count, by and per", NonZeroU32::expected())
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        let written = match &node.value {
            Value::Map(_) => LatestSettings::read(node, slips)?,
            Value::Scalar(_) => LatestSettings { count: NonZeroU32::read(node, slips), ..Default::default() },
            Value::List(_) => {
                slips.expected(node, &Self::expected());
                return None;
            }
        };
        let LatestSettings { count, by, per } = written;
        let (by, per) = (by.unwrap_or(LatestBy::Version), per.unwrap_or(LatestPer::Variant));
        Some(Self { count: count?, by, per })
    }

    fn schema() -> Json {
        json!({ "anyOf": [NonZeroU32::schema(), LatestSettings::schema()] })
    }
}

/// A tag or digest that is always selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pin(pub(crate) TagOrDigest);

impl Setting for Pin {
    fn expected() -> String {
        "a text".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        let Text { text, place } = Text::read(node, slips)?;
        let digest =
            |text: &str| text.parse::<Digest>().map(TagOrDigest::Digest).map_err(|error| error.to_string());
        let tag = |text: &str| text.parse::<Tag>().map(TagOrDigest::Tag).map_err(|error| error.to_string());
        let pin = if text.contains(':') { digest(&text) } else { tag(&text) };
        let help = "patterns stand in `include`: a pin names one tag or digest";
        pin.map(Self)
            .map_err(|error| slips.wrong(place, &format!("must be a tag or a digest: {error}"), Some(help)))
            .ok()
    }

    fn schema() -> Json {
        Text::schema()
    }
}
