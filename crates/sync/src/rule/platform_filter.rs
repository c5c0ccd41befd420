//! Which platforms of an image are wanted.

use std::fmt;

use oci::Platform;
use serde::{Deserialize, Serialize};

/// Patterns for operating system and architecture; an image must match both.
///
/// `linux`, `windows:10.0.17763.1234` (with `os.version`), `arm64`, `arm:v7` (with variant), or both together as
/// `linux/arm64/v8`. A pattern without a detail matches any detail; an empty detail (`arm:`) matches only platforms
/// without one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformFilter {
    /// An image must match all of any of these; empty means no filter.
    any: Vec<Vec<Patterns>>,
}

/// The patterns of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Patterns {
    systems: Vec<Pattern>,
    architectures: Vec<Pattern>,
    whole: Vec<WholePlatform>,
}

/// System, architecture, variant.
type WholePlatform = (String, String, Option<String>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pattern {
    name: String,
    detail: Option<String>,
}

impl Pattern {
    fn fits(&self, name: &str, detail: Option<&str>) -> bool {
        // A property that an image does not have matches any pattern.
        name.is_empty()
            || (self.name == name
                && self.detail.as_ref().is_none_or(|wanted| wanted == detail.unwrap_or_default()))
    }
}

impl PlatformFilter {
    /// Parses patterns as users write them; one text may have several, separated by commas.
    pub fn new(systems: &[String], architectures: &[String]) -> Self {
        let split = |typed: &[String]| -> Vec<String> {
            let parts = typed.iter().flat_map(|text| text.split(','));
            parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let mut patterns = Patterns::default();
        for (typed, is_system) in [(split(systems), true), (split(architectures), false)] {
            for text in typed {
                patterns.add(&text, is_system);
            }
        }
        Self { any: if patterns == Patterns::default() { Vec::new() } else { vec![vec![patterns]] } }
    }

    /// Accepts what this filter or the other accepts.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        if !self.is_active() || !other.is_active() {
            return Self::default();
        }
        let mut any = self.any.clone();
        any.extend(other.any.iter().filter(|all| !self.any.contains(all)).cloned());
        Self { any }
    }

    /// Accepts what both filters accept.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        if !self.is_active() || self == other {
            return other.clone();
        }
        if !other.is_active() {
            return self.clone();
        }
        let both = self.any.iter().flat_map(|one| other.any.iter().map(|other| [&one[..], other].concat()));
        Self { any: both.collect() }
    }

    /// Whether the filter leaves anything out.
    pub fn is_active(&self) -> bool {
        !self.any.is_empty()
    }

    /// Whether no platform can match, because its patterns contradict each other.
    pub fn leaves_nothing(&self) -> bool {
        let contradicts = |all: &Vec<Patterns>| {
            let mut named = all.iter().filter(|patterns| patterns.names_whole_platforms());
            named
                .any(|named| !named.whole.iter().any(|whole| all.iter().all(|other| other.may_accept(whole))))
        };
        self.is_active() && self.any.iter().all(contradicts)
    }

    /// Whether the filter accepts an image for this platform.
    pub fn accepts(&self, platform: &Platform) -> bool {
        !self.is_active() || self.any.iter().any(|all| all.iter().all(|patterns| patterns.accept(platform)))
    }
}

/// As it was written; several filters are shown with whether an image must match one or all of them.
impl fmt::Display for PlatformFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all_of = |all: &Vec<Patterns>| {
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", of these only ")
        };
        formatter.write_str(&self.any.iter().map(all_of).collect::<Vec<_>>().join("; or "))
    }
}

impl fmt::Display for Patterns {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.whole.iter().map(|(system, architecture, variant)| {
            let variant = variant.as_ref().map_or_else(String::new, |variant| format!("/{variant}"));
            format!("{system}/{architecture}{variant}")
        });
        let list =
            |patterns: &[Pattern]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let parts = match (list(&self.systems), list(&self.architectures)) {
            (systems, architectures) if architectures.is_empty() => systems,
            (systems, architectures) if systems.is_empty() => architectures,
            (systems, architectures) => format!("{architectures} on {systems}"),
        };
        let parts = Some(parts).filter(|parts| !parts.is_empty());
        formatter.write_str(&whole.chain(parts).collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        self.detail.as_ref().map_or(Ok(()), |detail| write!(formatter, ":{detail}"))
    }
}

impl Patterns {
    fn add(&mut self, text: &str, is_system: bool) {
        if let Some((system, rest)) = text.split_once('/') {
            let (architecture, variant) = match rest.split_once('/') {
                Some((architecture, variant)) => (architecture, Some(variant.to_owned())),
                None => (rest, None),
            };
            self.whole.push((system.to_owned(), architecture.to_owned(), variant));
            return;
        }
        let (name, detail) = match text.split_once(':') {
            Some((name, detail)) => (name.to_owned(), Some(detail.to_owned())),
            None => (text.to_owned(), None),
        };
        let list = if is_system { &mut self.systems } else { &mut self.architectures };
        list.push(Pattern { name, detail });
    }

    /// Whether it has only whole platforms.
    fn names_whole_platforms(&self) -> bool {
        !self.whole.is_empty() && self.systems.is_empty() && self.architectures.is_empty()
    }

    /// Whether an image for this platform may match, if unnamed details may be anything.
    fn may_accept(&self, (system, architecture, variant): &WholePlatform) -> bool {
        let is_one =
            |one: &Option<String>, other: &Option<String>| one.is_none() || other.is_none() || one == other;
        let whole = self.whole.iter().any(|(own_system, own_architecture, own_variant)| {
            own_system == system && own_architecture == architecture && is_one(own_variant, variant)
        });
        let has = |patterns: &[Pattern], name: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| pattern.name == name)
        };
        whole
            || !self.names_whole_platforms()
                && has(&self.systems, system)
                && has(&self.architectures, architecture)
    }

    fn accept(&self, platform: &Platform) -> bool {
        let variant = platform.variant.as_deref();
        let whole = self.whole.iter().any(|(system, architecture, wanted)| {
            *system == platform.os
                && *architecture == platform.architecture
                && wanted.as_deref().is_none_or(|wanted| Some(wanted) == variant)
        });
        let parts_are_given = !(self.systems.is_empty() && self.architectures.is_empty());
        let any = |patterns: &[Pattern], name: &str, detail| {
            patterns.is_empty() || patterns.iter().any(|pattern| pattern.fits(name, detail))
        };
        let parts = any(&self.systems, &platform.os, platform.os_version.as_deref())
            && any(&self.architectures, &platform.architecture, variant);
        whole || (parts && (parts_are_given || self.whole.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(systems: &[&str], architectures: &[&str], platform: &str) -> bool {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let mut parts = platform.split('/');
        let mut next = || parts.next().unwrap_or_default().to_owned();
        let (os, architecture, variant, os_version) = (next(), next(), next(), next());
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let platform = Platform { os, architecture, variant: some(variant), os_version: some(os_version) };
        PlatformFilter::new(&owned(systems), &owned(architectures)).accepts(&platform)
    }

    #[test]
    fn names_details_and_lists() {
        assert!(accepts(&[], &[], "plan9/mips"));
        assert!(accepts(&["linux"], &["amd64", "arm64"], "linux/arm64/v8"));
        assert!(accepts(&["linux"], &["amd64,arm64"], "linux/arm64/v8"), "commas are accepted, too");
        assert!(!accepts(&["linux"], &["amd64"], "windows/amd64"));
        assert!(accepts(&[], &["arm:v7"], "linux/arm/v7"));
        assert!(!accepts(&[], &["arm:v7"], "linux/arm/v6"));
        assert!(!accepts(&[], &["arm:"], "linux/arm/v6") && accepts(&[], &["arm:"], "linux/arm"));
        assert!(accepts(&["windows:10.0.1"], &[], "windows/amd64//10.0.1"));
        assert!(!accepts(&["windows:10.0.1"], &[], "windows/amd64//10.0.2"));
        assert!(!accepts(&["Linux"], &[], "linux/amd64") && !accepts(&[], &["x86_64"], "linux/amd64"));
    }

    #[test]
    fn what_is_not_told_fits_and_attestations_do_not() {
        assert!(accepts(&["linux"], &["amd64"], "/amd64") && accepts(&["linux"], &["amd64"], "linux/"));
        assert!(!accepts(&["linux"], &[], "unknown/unknown") && !accepts(&[], &["amd64"], "unknown/unknown"));
    }

    #[test]
    fn whole_platforms() {
        for (platform, wanted) in [("linux/arm64/v8", true), ("linux/arm64", true), ("linux/amd64", false)] {
            assert_eq!(accepts(&[], &["linux/arm64"], platform), wanted, "{platform}");
        }
        assert!(!accepts(&["linux/arm/v7"], &[], "linux/arm/v6"));
        assert!(accepts(&["linux/arm/v7"], &["amd64"], "windows/amd64"), "one or the other");
    }

    #[test]
    fn a_filter_is_shown_as_it_was_written() {
        let filter = |systems: &[&str], architectures: &[&str]| {
            let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            PlatformFilter::new(&owned(systems), &owned(architectures))
        };
        assert_eq!(
            filter(&[], &["linux/amd64", "linux/arm64/v8"]).to_string(),
            "linux/amd64, linux/arm64/v8"
        );
        let parts = filter(&["linux", "windows:10.0.1"], &["amd64", "arm:v7"]);
        assert_eq!(parts.to_string(), "amd64, arm:v7 on linux, windows:10.0.1");
        let narrowed = filter(&[], &["linux/amd64"]).and(&filter(&["linux"], &[]));
        assert_eq!(narrowed.to_string(), "linux/amd64, of these only linux");
        assert_eq!(
            narrowed.or(&filter(&[], &["s390x"])).to_string(),
            "linux/amd64, of these only linux; or s390x"
        );
        assert!(!narrowed.leaves_nothing() && !PlatformFilter::default().leaves_nothing());
        let both = |one: &str, other: &str| filter(&[], &[one]).and(&filter(&[], &[other]));
        for (one, other) in
            [("linux/amd64", "linux/s390x"), ("linux/arm/v7", "linux/arm/v6"), ("linux/arm64", "amd64")]
        {
            assert!(both(one, other).leaves_nothing(), "{one} {other}");
            assert!(!both(one, other).or(&filter(&[], &["amd64"])).leaves_nothing());
        }
        for (one, other) in
            [("linux/arm64", "linux/arm64/v8"), ("linux/arm64/v8", "arm64"), ("linux/arm64", "arm64:v8")]
        {
            assert!(
                !both(one, other).leaves_nothing() && !both(other, one).leaves_nothing(),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn empty_texts_are_no_filter() {
        assert!(!PlatformFilter::new(&[String::new()], &[]).is_active());
    }
}
