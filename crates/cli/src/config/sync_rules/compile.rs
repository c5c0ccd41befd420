//! Compiles a rule's patterns, ranges and ages for the engine. Each error is reported at its text.

use std::fmt::Display;

use sync::select::{
    AgeError, AgeLimits, Group, Latest, Matched, NewestBy, Pattern, Prereleases, RepositorySelection,
    TagSelection,
};

use super::slips::Slips;
use super::tags::{self, LatestBy, LatestPer, WrittenRepositories, WrittenTags};
use super::text::Text;
use crate::config::syntax_error::Place;

/// The selection among the repositories of a pattern.
pub(super) fn repositories(written: &WrittenRepositories, slips: &mut Slips<'_>) -> RepositorySelection {
    let mut read =
        |list: &Option<Vec<Text>>, key| patterns(list.as_deref(), Matched::Repositories, key, slips);
    let (include, exclude) = (read(&written.include, "include"), read(&written.exclude, "exclude"));
    RepositorySelection { include: vec![include], exclude }
}

/// The selection of tags.
pub(super) fn tags(written: &WrittenTags, slips: &mut Slips<'_>) -> TagSelection {
    let include = written.include.iter().flat_map(|all| &all.0);
    let include = include.map(|list| patterns(Some(list), Matched::Tags, "include", slips)).collect();
    let exclude = patterns(written.exclude.as_deref(), Matched::Tags, "exclude", slips);
    let semver = written.semver.iter();
    let semver = semver.filter_map(|range| take("semver", range.place, range.text.parse(), slips)).collect();
    let variants = written.variants.iter().flatten();
    let variants =
        variants.filter_map(|name| take("variants", name.place, name.text.parse(), slips)).collect();
    let prereleases =
        if written.prereleases == Some(true) { Prereleases::Select } else { Prereleases::LeaveOut };
    TagSelection {
        include,
        exclude,
        semver,
        variants,
        prereleases,
        ages: ages(written, slips),
        latest: written.latest.and_then(latest),
        pins: written.pins.iter().flatten().map(|pin| pin.0.clone()).collect(),
        at_least: written.at_least.map_or(0, |least| least.get() as usize),
    }
}

fn patterns(list: Option<&[Text]>, matched: Matched, key: &str, slips: &mut Slips<'_>) -> Vec<Pattern> {
    let read = |text: &Text| take(key, text.place, Pattern::new(&text.text, matched), slips);
    list.unwrap_or_default().iter().filter_map(read).collect()
}

fn ages(written: &WrittenTags, slips: &mut Slips<'_>) -> AgeLimits {
    let [min, max] = [&written.min_age, &written.max_age].map(|age| age.as_ref());
    let limits = AgeLimits::new(min.map(|age| age.duration), max.map(|age| age.duration));
    limits.unwrap_or_else(|error: AgeError| {
        if let Some(place) = max.or(min).map(|age| age.place) {
            slips.push(error.to_string(), place, None);
        }
        AgeLimits::default()
    })
}

/// The parser has already refused a count of zero.
fn latest(written: tags::Latest) -> Option<Latest> {
    let by = match written.by {
        LatestBy::Version => NewestBy::Version,
        LatestBy::Pushed => NewestBy::Pushed,
    };
    let per = match written.per {
        LatestPer::Variant => Group::Variant,
        LatestPer::Repository => Group::Repository,
    };
    Latest::new(written.count.get() as usize).ok().map(|latest| latest.by(by).per(per))
}

/// The parsed value, or an error at its place.
fn take<T, E: Display>(key: &str, place: Place, read: Result<T, E>, slips: &mut Slips<'_>) -> Option<T> {
    read.map_err(|error| slips.push(format!("`{key}` cannot be used: {error}"), place, None)).ok()
}
