//! `tags`: glob and range, without `exclude`, the newest of these, plus `include`.

use super::super::fields::{Fields, Slip, Written};
use super::super::note::Notes;
use super::super::range::{self, Dialect};
use super::super::rule::{Rule, Tags};
use super::variable::{has_variable, variable};

/// ocync excludes these by default, ignoring case; `include` overrides it.
const BUILT_IN: &str = "/(?i)-(rc|alpha|beta|pre|snapshot|nightly)/";

/// A `tags` block.
#[derive(Clone, Debug, Default)]
pub(super) struct TagRules<'a> {
    glob: Vec<Written<'a>>,
    semver: Option<Written<'a>>,
    include: Vec<Written<'a>>,
    exclude: Vec<Written<'a>>,
    sort: Option<&'a str>,
    latest: Option<Written<'a>>,
    count: Option<u32>,
    min_tags: Option<u32>,
}

pub(super) fn read<'a>(mut fields: Fields<'a>, notes: &mut Notes) -> Result<TagRules<'a>, Slip> {
    let count = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
    let (latest, min_tags) = (fields.number("latest")?, fields.number("min_tags")?);
    let rules = TagRules {
        glob: fields.text_or_texts("glob")?,
        semver: fields.text("semver")?,
        include: fields.text_or_texts("include")?,
        exclude: fields.text_or_texts("exclude")?,
        sort: fields.text("sort")?.map(|sort| sort.text),
        latest: fields.text("latest")?,
        count: count(latest),
        min_tags: count(min_tags).filter(|count| *count > 0),
    };
    fields.leave_out(
        notes,
        &[
            (
                "immutable_tags",
                "every tag is compared, which costs two questions, less where the registry lists digests",
            ),
            (
                "semver_prerelease",
                "ocync took this key away: its own prereleases are excluded, `include` brings them back",
            ),
        ],
    );
    fields.finish(notes);
    Ok(rules)
}

/// The rules for a mapping; the error says why there is none. A mapping's own `exclude` is final; `include` overrides the `exclude` of
/// `defaults` and of ocync itself.
pub(super) fn rules(
    rule: &Rule,
    own: Option<&TagRules<'_>>,
    defaults: Option<&TagRules<'_>>,
    what: &str,
    line: usize,
    notes: &mut Notes,
) -> Result<Vec<Rule>, String> {
    let effective =
        own.or(defaults).ok_or("it has no `tags`, and `defaults` has none: ocync refuses that")?;
    refuse_variables(effective)?;
    let hard = own.map(|own| &own.exclude[..]).unwrap_or_default();
    let soft = defaults.map(|defaults| &defaults.exclude[..]).unwrap_or_default();
    let mut tags = pipeline(effective, notes)?;
    tags.exclude = hard.iter().chain(soft).map(|each| each.text.to_owned()).collect();
    tags.exclude.push(BUILT_IN.to_owned());
    notes.changed_for_all("prereleases", BUILT_IN_TOLD);
    if effective.count.is_some() {
        notes.changed(line, format!("`latest` of {what}"), LATEST);
    }
    tags.at_least = effective.min_tags;
    let is_literal = |include: &Written<'_>| !include.text.contains(['*', '?', '[', ']', '{', '}', '\\']);
    // Without `include`, no tag bypasses the other conditions: a rule for it would copy every tag.
    if effective.include.is_empty() || (hard.is_empty() && effective.include.iter().all(is_literal)) {
        tags.pins = effective.include.iter().map(|include| include.text.to_owned()).collect();
        if let [first, ..] = &effective.include[..] {
            notes.changed(
                first.line,
                format!("`include` of {what}"),
                "a tag in `pins` that is missing fails; ocync says nothing then",
            );
        }
        return Ok(vec![Rule { tags, ..rule.clone() }]);
    }
    if effective.min_tags.is_some() {
        return Err("its `min_tags` counts what `include` brings, too, which needs a rule of its own here: write the rules by hand".to_owned());
    }
    let why =
        "it needs a rule of its own with the same source and target, as it passes by the other conditions";
    notes.changed(line, format!("`include` of {what}"), why);
    let included = Tags {
        exclude: hard.iter().map(|each| each.text.to_owned()).collect(),
        ..Tags::any_of(effective.include.iter().map(|include| include.text.to_owned()).collect())
    };
    Ok(vec![Rule { tags, ..rule.clone() }, Rule { tags: included, ..rule.clone() }])
}

const BUILT_IN_TOLD: &str = "ocync leaves out tags with -rc, -alpha, -beta, -pre, -snapshot and -nightly without being told to; these rules say so in `exclude`, and nothing else is taken for a prerelease";

const LATEST: &str =
    "ocync fills the number up with tags that are no versions; here only versions are counted and copied";

/// The conditions glob, range and number.
fn pipeline(rules: &TagRules<'_>, notes: &mut Notes) -> Result<Tags, String> {
    let mut tags = Tags::any_of(rules.glob.iter().map(|each| each.text.to_owned()).collect());
    if tags.include == [["*"]] {
        tags.include.clear();
    }
    if let Some(range) = rules.semver {
        let rewritten = range::rewrite(range.text, Dialect::Ocync).map_err(|reason| {
            format!("its range cannot be carried over: {reason}. Write `tags: {{semver: ...}}` by hand")
        })?;
        notes.changed(range.line, format!("the range `{}`", range.text), RANGE);
        (tags.semver, tags.prereleases) = (Some(rewritten.text), true);
    }
    let Some(latest) = rules.latest else { return Ok(tags) };
    let count = rules.count.filter(|count| *count > 0);
    let count = count.ok_or_else(|| format!("its `latest: {}` is no number of tags", latest.text))?;
    match rules.sort {
        Some("semver") => (tags.latest, tags.prereleases) = (Some(count), true),
        Some("alpha") => return Err("it takes the last of the alphabet (`sort: alpha`), which has no equal: order is by version or by date here".to_owned()),
        _ => return Err("it has `latest` without `sort`, which ocync refuses".to_owned()),
    }
    Ok(tags)
}

const RANGE: &str = "numbers alone decide here as with ocync; versions without `-` before their suffix, such as `1.25rc1`, are none to ocync and may fit here";

fn refuse_variables(rules: &TagRules<'_>) -> Result<(), String> {
    let texts = rules.glob.iter().chain(&rules.include).chain(&rules.exclude).chain(rules.semver.as_ref());
    let found = texts.into_iter().find(|each| has_variable(each.text));
    found.map_or(Ok(()), |each| Err(variable(each.text)))
}
