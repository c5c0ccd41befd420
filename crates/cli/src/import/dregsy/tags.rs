//! `tags`: names, ranges and regexes, of which any may match, and the filter `keep:` for all of them.

use oci::{Digest, Reference};
use regex::Regex;

use super::super::fields::Written;
use super::super::note::Notes;
use super::super::pattern::anchored_once;
use super::super::range::{self, Dialect};
use super::super::rule::{Rule, Tags};

/// The items by kind.
#[derive(Debug, Default)]
struct Items<'a> {
    names: Vec<&'a str>,
    /// `tag@digest`, or a digest.
    digests: Vec<&'a str>,
    ranges: Vec<Written<'a>>,
    matching: Vec<String>,
    /// Each by itself: it selects what it does not match.
    not_matching: Vec<String>,
    keep: Vec<String>,
    drop: Vec<String>,
    latest: Option<u32>,
}

/// The rules for a mapping; the error says why there is none.
pub(super) fn rules(
    rule: &Rule,
    tags: &[Written<'_>],
    what: &str,
    line: usize,
    notes: &mut Notes,
) -> Result<Vec<Rule>, String> {
    let mut items = Items::default();
    for tag in tags {
        items.read(*tag)?;
    }
    items.drop_names()?;
    if items.had_only_names(tags) {
        return items.named(rule, line, what, notes);
    }
    let selections = items.selections(notes)?;
    if items.latest.is_some() && selections.len() + usize::from(!items.digests.is_empty()) > 1 {
        return Err(
            "its `keep: latest` counts over items that need rules of their own here: write the rules by hand"
                .to_owned(),
        );
    }
    if selections.len() > 1 {
        notes.changed(line, format!("the tags of {what}"), "one of them is enough for dregsy; a rule's conditions must all hold, so each kind is a rule of its own with the same source and target");
    }
    if items.latest.is_some() {
        notes.changed(line, format!("`keep: latest` of {what}"), LATEST);
    }
    let mut rules: Vec<Rule> = selections.into_iter().map(|tags| Rule { tags, ..rule.clone() }).collect();
    rules.extend(items.by_digest(rule)?);
    Ok(rules)
}

const LATEST: &str = "dregsy keeps tags that are no versions whatever the number says, and sorts by text where none is one; here only versions are counted and copied";

impl<'a> Items<'a> {
    fn read(&mut self, item: Written<'a>) -> Result<(), String> {
        let text = item.text;
        if let Some(range) = text.strip_prefix("semver:") {
            self.ranges.push(Written { text: range.trim(), ..item });
        } else if let Some(pattern) = text.strip_prefix("regex:") {
            match inverted(pattern) {
                (true, pattern) => self.not_matching.push(anchored_once(pattern)?),
                (false, pattern) => self.matching.push(anchored_once(pattern)?),
            }
        } else if let Some(pattern) = text.strip_prefix("keep:") {
            self.read_keep(pattern)?;
        } else if text.starts_with("js:") {
            return Err(format!("`{text}` is a program: write a regex or a range"));
        } else if text.parse::<Digest>().is_ok() || text.contains('@') {
            self.digests.push(text);
        } else if text.parse::<oci::Tag>().is_ok() {
            self.names.push(text);
        } else {
            return Err(format!("`{text}` is no tag"));
        }
        Ok(())
    }

    fn read_keep(&mut self, pattern: &str) -> Result<(), String> {
        let pattern = pattern.trim();
        if let Some(count) =
            pattern.strip_prefix("latest").filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
        {
            let count = count.trim().parse().ok().filter(|count| *count > 0);
            let count: u32 = count.ok_or_else(|| format!("`keep: {pattern}` has no number"))?;
            self.latest = Some(self.latest.map_or(count, |known| known.min(count)));
            return Ok(());
        }
        match inverted(pattern) {
            (true, pattern) => self.drop.push(anchored_once(pattern)?),
            (false, pattern) => self.keep.push(anchored_once(pattern)?),
        }
        Ok(())
    }

    /// Applies `keep:` to the names: the result is already known.
    fn drop_names(&mut self) -> Result<(), String> {
        let regex = |pattern: &String| {
            let bare = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
            Regex::new(bare.unwrap_or(pattern)).map_err(|error| error.to_string())
        };
        let keep: Vec<Regex> = self.keep.iter().map(regex).collect::<Result<_, _>>()?;
        let drop: Vec<Regex> = self.drop.iter().map(regex).collect::<Result<_, _>>()?;
        let stays = |name: &&str| {
            keep.iter().all(|regex| regex.is_match(name)) && !drop.iter().any(|regex| regex.is_match(name))
        };
        self.names.retain(stays);
        Ok(())
    }

    fn had_only_names(&self, tags: &[Written<'_>]) -> bool {
        let has_patterns =
            !self.ranges.is_empty() || !self.matching.is_empty() || !self.not_matching.is_empty();
        let has_names = tags.iter().any(|tag| !tag.text.starts_with("keep:"));
        has_names && !has_patterns && self.latest.is_none()
    }

    /// Rules for names alone. In one repository a missing name is a failure; in many it is not.
    fn named(&self, rule: &Rule, line: usize, what: &str, notes: &mut Notes) -> Result<Vec<Rule>, String> {
        let mut rules = self.by_digest(rule)?;
        if !self.names.is_empty() && is_of_many(rule) {
            notes.changed(
                line,
                format!("the tags of {what}"),
                "a repository that lacks one of them fails with dregsy; here it is passed over",
            );
            let tags = Tags::any_of(self.names.iter().map(|name| (*name).to_owned()).collect());
            rules.insert(0, Rule { tags, ..rule.clone() });
        } else if !self.names.is_empty() {
            rules.insert(0, Rule { from: format!("{}:{}", rule.from, self.names.join(",")), ..rule.clone() });
        }
        if rules.is_empty() { Err("its `keep:` leaves none of its tags".to_owned()) } else { Ok(rules) }
    }

    fn by_digest(&self, rule: &Rule) -> Result<Vec<Rule>, String> {
        if is_of_many(rule) && !self.digests.is_empty() {
            return Err("an image that is named by its digest is in one repository: name that".to_owned());
        }
        let of = |digest: &&str| {
            let from = match digest.split_once('@') {
                Some((tag, digest)) => format!("{}:{tag}@{digest}", rule.from),
                None => format!("{}@{digest}", rule.from),
            };
            from.parse::<Reference>().map_err(|error| format!("`{digest}` is no image: {error}"))?;
            Ok(Rule { from, ..rule.clone() })
        };
        self.digests.iter().map(of).collect()
    }

    /// The selections, one for each rule: the conditions in one must all hold.
    fn selections(&self, notes: &mut Notes) -> Result<Vec<Tags>, String> {
        let base = Tags {
            include: self.keep.iter().map(|each| vec![each.clone()]).collect(),
            exclude: self.drop.clone(),
            latest: self.latest,
            ..Tags::default()
        };
        let with = |patterns: Vec<String>| {
            let mut tags = base.clone();
            tags.include.insert(0, patterns);
            tags
        };
        let mut selections = Vec::new();
        if let Some(range) = self.range(notes)? {
            selections.push(Tags { semver: Some(range), prereleases: true, ..base.clone() });
        }
        let names = self.names.iter().map(|name| (*name).to_owned());
        let patterns: Vec<String> = self.matching.iter().cloned().chain(names).collect();
        if !patterns.is_empty() {
            selections.push(with(patterns));
        }
        for pattern in &self.not_matching {
            let mut tags = base.clone();
            tags.exclude.insert(0, pattern.clone());
            selections.push(tags);
        }
        if selections.is_empty() && self.digests.is_empty() {
            selections.push(base);
        }
        Ok(selections)
    }

    fn range(&self, notes: &mut Notes) -> Result<Option<String>, String> {
        let mut ranges = Vec::new();
        for range in &self.ranges {
            let rewritten = range::rewrite(range.text, Dialect::Blang).map_err(|reason| {
                format!(
                    "its range `{}` cannot be carried over: {reason}. Write `tags: {{semver: ...}}` by hand",
                    range.text
                )
            })?;
            notes.changed(range.line, format!("the range `{}`", range.text), RANGE);
            ranges.push(rewritten.text);
        }
        Ok((!ranges.is_empty()).then(|| ranges.join(" || ")))
    }
}

const RANGE: &str = "numbers alone decide here, and what stands behind them is a variant; dregsy takes it for a prerelease: with `>=1.25.0 <1.26.0` it leaves `1.25.0-alpine` and copies `1.26.0-rc1` and `1.26.0-alpine`, this rule does the opposite";

/// `!P` selects what P does not match.
fn inverted(pattern: &str) -> (bool, &str) {
    let pattern = pattern.trim();
    pattern.strip_prefix('!').map_or((false, pattern), |pattern| (true, pattern))
}

fn is_of_many(rule: &Rule) -> bool {
    rule.from.contains('*') || rule.from.ends_with(")/")
}
