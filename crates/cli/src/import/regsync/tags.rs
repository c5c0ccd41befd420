//! `tags` and `tagSets`: ranges, then regexes to allow, then regexes to deny.

use super::super::fields::{Fields, Slip, Written};
use super::super::note::Notes;
use super::super::pattern::anchored;
use super::super::range::{self, Dialect};
use super::super::rule::Tags;

/// All sets of an entry: a tag in any of them is copied.
pub(super) type TagSets<'a> = Vec<TagSet<'a>>;

#[derive(Debug, Default)]
pub(super) struct TagSet<'a> {
    allow: Vec<Written<'a>>,
    deny: Vec<Written<'a>>,
    ranges: Vec<Written<'a>>,
    unknown: Vec<(usize, String)>,
}

pub(super) fn read<'a>(fields: &mut Fields<'a>) -> Result<TagSets<'a>, Slip> {
    let mut sets = Vec::new();
    for set in fields.maps("tagSets", "tag set")?.into_iter().chain(fields.map("tags")?) {
        sets.push(read_set(set)?);
    }
    let says_nothing =
        |set: &TagSet<'_>| set.allow.is_empty() && set.deny.is_empty() && set.ranges.is_empty();
    // An empty `tags` next to sets adds nothing; alone it selects every tag.
    if sets.len() > 1 && sets.last().is_some_and(says_nothing) {
        sets.pop();
    }
    Ok(sets)
}

fn read_set(mut fields: Fields<'_>) -> Result<TagSet<'_>, Slip> {
    let (allow, deny) = (fields.texts("allow")?, fields.texts("deny")?);
    let ranges = fields.texts("semverRange")?;
    let mut notes = Notes::default();
    fields.finish(&mut notes);
    let unknown = notes.sorted().into_iter().map(|note| (note.line.unwrap_or_default(), note.what)).collect();
    Ok(TagSet { allow, deny, ranges, unknown })
}

/// The selection of each set; every tag if there is no set.
pub(super) fn selections(sets: &TagSets<'_>, line: usize, notes: &mut Notes) -> Result<Vec<Tags>, String> {
    if sets.is_empty() {
        return Ok(vec![Tags::default()]);
    }
    if sets.len() > 1 {
        let why =
            "a rule has one selection, so each set is a rule of its own with the same source and target";
        notes.changed(line, "`tagSets`", why);
    }
    sets.iter().map(|set| selection(set, notes)).collect()
}

fn selection(set: &TagSet<'_>, notes: &mut Notes) -> Result<Tags, String> {
    for (line, what) in &set.unknown {
        notes.left_out(*line, what, "this import does not know the key");
    }
    let patterns = |texts: &[Written<'_>]| texts.iter().map(|each| anchored(each.text)).collect();
    let include: Result<Vec<String>, String> = patterns(&set.allow);
    let exclude: Result<Vec<String>, String> = patterns(&set.deny);
    let mut tags = Tags { exclude: exclude?, ..Tags::any_of(include?) };
    if let [first, ..] = &set.ranges[..] {
        let ranges = set.ranges.iter().map(|each| range::rewrite(each.text, Dialect::Regsync));
        let ranges = ranges.collect::<Result<Vec<_>, _>>().map_err(|reason| {
            format!(
                "its `semverRange` cannot be carried over: {reason}. Write `tags: {{semver: ...}}` by hand"
            )
        })?;
        tags.semver = Some(ranges.into_iter().map(|range| range.text).collect::<Vec<_>>().join(" || "));
        tags.prereleases = true;
        notes.changed(first.line, format!("`semverRange` `{}`", joined(&set.ranges)), RANGE);
    }
    Ok(tags)
}

fn joined(ranges: &[Written<'_>]) -> String {
    ranges.iter().map(|each| each.text).collect::<Vec<_>>().join("`, `")
}

const RANGE: &str = "numbers alone decide here, and what stands behind them is a variant; regsync takes it for a prerelease: with `>=1.25.0 <1.26.0` it leaves `1.25.0-alpine` and copies `1.26.0-rc1` and `1.26.0-alpine`, this rule does the opposite";
