//! `sync`: an image, a repository or a registry, with its target.

use oci::Reference;

use super::super::fields::{Fields, Slip, Written};
use super::super::note::Notes;
use super::super::pattern::anchored;
use super::super::rule::{Index, Patterns, Platforms, Referrers, Rule};
use super::super::{Draft, place};
use super::no_equal::NO_EQUAL;
use super::tags::{self, TagSets};
use super::template::Template;
use crate::args::platform::platform;

/// The settings that entries inherit from `defaults`.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    referrers: bool,
    digest_tags: bool,
    /// Artifact types, if only some referrers are wanted.
    types: Option<Vec<String>>,
}

/// Reads keys that may be in `defaults`, in an entry, or in both.
pub(super) fn read_shared(
    fields: &mut Fields<'_>,
    defaults: &Defaults,
    notes: &mut Notes,
) -> Result<Defaults, Slip> {
    let referrers = fields.truth("referrers")?.unwrap_or(defaults.referrers);
    let digest_tags = fields.truth("digestTags")?.unwrap_or(defaults.digest_tags);
    let what = format!("`referrerFilters` of {}, filter", fields.what);
    let filters = fields.maps("referrerFilters", &what)?;
    let types = if filters.is_empty() { defaults.types.clone() } else { types(filters, notes)? };
    fields.leave_out(
        notes,
        &[
            ("fastCheck", "an image that is there already costs two questions, its referrers one more"),
            (
                "referrerSlow",
                "referrers under tags are looked at anyway where a registry has no list of them",
            ),
        ],
    );
    Ok(Defaults { referrers, digest_tags, types })
}

/// The artifact types of filters. Filters on annotations have no equivalent: without them, more would be copied.
fn types(filters: Vec<Fields<'_>>, notes: &mut Notes) -> Result<Option<Vec<String>>, Slip> {
    let (mut types, mut is_all) = (Vec::new(), false);
    for mut filter in filters {
        let artifact_type = filter.text("artifactType")?;
        if filter.node("annotations").is_some() {
            let why =
                "referrers are chosen by their artifact type alone: what this filter takes is not copied";
            notes.left_out(filter.line, &filter.what, why);
        } else {
            match artifact_type {
                Some(artifact_type) => types.push(artifact_type.text.to_owned()),
                None => is_all = true,
            }
        }
        filter.finish(notes);
    }
    Ok((!is_all).then_some(types))
}

pub(super) fn read(mut fields: Fields<'_>, defaults: &Defaults, draft: &mut Draft) -> Result<(), Slip> {
    let (source, target) = (fields.needed("source")?, fields.needed("target")?);
    let kind = fields.needed("type")?;
    let shared = read_shared(&mut fields, defaults, &mut draft.notes)?;
    let what = format!("{} (`{}`)", fields.what, source.text);
    let rules = match rules(&mut fields, source, target, kind.text, &mut draft.notes)? {
        Ok(rules) => rules,
        Err(why) => {
            draft.notes.left_out(source.line, &what, why);
            return Ok(());
        }
    };
    let takes_all_tags = kind.text != "image" && rules.iter().any(|rule| rule.tags.is_all());
    let referrers = referrers(&mut fields, &shared, takes_all_tags, draft)?;
    let platforms = match platforms(&mut fields, &mut draft.notes)? {
        Ok(platforms) => platforms,
        Err(why) => {
            draft.notes.left_out(source.line, &what, why);
            return Ok(());
        }
    };
    for mut rule in rules {
        (rule.referrers, rule.platforms) = (referrers.clone(), platforms.clone());
        draft.add(source.line, &what, rule);
    }
    fields.leave_out(&mut draft.notes, &NO_EQUAL);
    fields.finish(&mut draft.notes);
    Ok(())
}

/// The rules for an entry; the inner error says why there is none.
fn rules(
    fields: &mut Fields<'_>,
    source: Written<'_>,
    target: Written<'_>,
    kind: &str,
    notes: &mut Notes,
) -> Result<Result<Vec<Rule>, String>, Slip> {
    let sets = tags::read(fields)?;
    let repositories = fields.map("repos")?;
    for text in [source.text, target.text] {
        if !matches!(Template::of(text), Template::Plain(_)) {
            return Ok(Err(format!(
                "`{text}` is a template: nothing in `sync` is worked out, so write what it becomes"
            )));
        }
    }
    Ok(match kind {
        "image" => image(source.text, target.text).map(|rule| vec![rule]),
        "repository" => of_each_set(repository(source.text, target.text), &sets, source.line, notes),
        "registry" => {
            let repositories = repositories.map(|fields| chosen(fields, notes)).transpose()?;
            if place::is_docker_hub(source.text) {
                notes.changed(
                    source.line,
                    format!("{} (`{}`)", fields.what, source.text),
                    place::NO_LIST_AT_HUB,
                );
            }
            let rule = registry(source.text, target.text, repositories.unwrap_or(Ok(Patterns::default())));
            of_each_set(rule, &sets, source.line, notes)
        }
        other => Err(format!("`type` is `{other}`, but regsync knows image, repository and registry")),
    })
}

/// One rule for each set of tags: a tag that is in any of them is copied.
fn of_each_set(
    rule: Result<Rule, String>,
    sets: &TagSets<'_>,
    line: usize,
    notes: &mut Notes,
) -> Result<Vec<Rule>, String> {
    let rule = rule?;
    let sets = tags::selections(sets, line, notes)?;
    Ok(sets.into_iter().map(|tags| Rule { tags, ..rule.clone() }).collect())
}

/// A rule for one image. Without a tag, regsync means `latest`; in our config that would mean every tag.
fn image(source: &str, target: &str) -> Result<Rule, String> {
    let (source, target) = (place::reference(source)?, place::reference(target)?);
    let to = match &target.digest {
        Some(digest) => format!("{}@{digest}", place::repository(&target)),
        None => format!("{}:{}", place::repository(&target), tag(&target)),
    };
    Ok(Rule { from: whole(&source), to: vec![to], ..Rule::default() })
}

fn tag(reference: &Reference) -> &str {
    reference.tag.as_ref().map_or("latest", |tag| tag.as_str())
}

fn whole(reference: &Reference) -> String {
    let repository = place::repository(reference);
    match (&reference.tag, &reference.digest) {
        (Some(tag), Some(digest)) => format!("{repository}:{}@{digest}", tag.as_str()),
        (None, Some(digest)) => format!("{repository}@{digest}"),
        (_, None) => format!("{repository}:{}", tag(reference)),
    }
}

/// The rule ignores a tag in the names: `tags` selects.
fn repository(source: &str, target: &str) -> Result<Rule, String> {
    let (source, target) = (place::reference(source)?, place::reference(target)?);
    Ok(Rule { from: place::repository(&source), to: vec![place::repository(&target)], ..Rule::default() })
}

fn registry(source: &str, target: &str, repositories: Result<Patterns, String>) -> Result<Rule, String> {
    let (source, target) = (place::prefix(source)?, place::prefix(target)?);
    if source.contains('/') {
        return Err(format!("`{source}` is no registry"));
    }
    let (from, to) = (format!("{source}/**"), vec![format!("{target}/{{path}}")]);
    Ok(Rule { from, to, repositories: repositories?, ..Rule::default() })
}

/// `repos`: regexes, as for tags.
fn chosen(mut fields: Fields<'_>, notes: &mut Notes) -> Result<Result<Patterns, String>, Slip> {
    let patterns = |texts: Vec<Written<'_>>| -> Result<Vec<String>, String> {
        texts.iter().map(|each| anchored(each.text)).collect()
    };
    let (include, exclude) = (patterns(fields.texts("allow")?), patterns(fields.texts("deny")?));
    fields.finish(notes);
    Ok(include.and_then(|include| Ok(Patterns { include, exclude: exclude? })))
}

/// regsync copies referrers only if asked to. It treats cosign's tags as ordinary tags: if it copies every tag, it copies those, too.
fn referrers(
    fields: &mut Fields<'_>,
    shared: &Defaults,
    takes_all_tags: bool,
    draft: &mut Draft,
) -> Result<Option<Referrers>, Slip> {
    let (source, target) = (fields.text("referrerSource")?, fields.text("referrerTarget")?);
    if let Some(place) = source.or(target) {
        let why = "referrers are in the repository of their image: those of another one are not copied";
        draft.notes.left_out(
            place.line,
            format!("`referrerSource` and `referrerTarget` of {}", fields.what),
            why,
        );
        return Ok(Some(Referrers::None));
    }
    if !shared.referrers
        && let Some(filters) = fields.node("referrerFilters")
    {
        let why = "regsync copies no referrers without `referrers: true`, so there is nothing to choose from";
        draft.notes.left_out(filters.line, format!("`referrerFilters` of {}", fields.what), why);
    }
    let takes_digest_tags = shared.digest_tags || takes_all_tags;
    let digest_tags = if shared.digest_tags {
        format!("`digestTags` of {}", fields.what)
    } else {
        format!("tags of signatures in {}", fields.what)
    };
    let mut types = match &shared.types {
        _ if !shared.referrers && takes_digest_tags => {
            let why = "signatures under cosign's tags go along with their image, and so do other referrers of it, which regsync leaves (`referrers: false` leaves both)";
            draft.notes.changed(fields.line, digest_tags, why);
            return Ok(None);
        }
        _ if !shared.referrers => return Ok(Some(Referrers::None)),
        None => return Ok(None),
        Some(types) => types.clone(),
    };
    if takes_digest_tags {
        let why = "what stands under cosign's tags is chosen by artifact type, too, so `types` names cosign's; referrers of these types that have no tag go along with it";
        draft.notes.changed(fields.line, digest_tags, why);
        types.push(COSIGNS_TYPES.to_owned());
    }
    Ok(Some(if types.is_empty() { Referrers::None } else { Referrers::Types(types) }))
}

/// The artifact types of cosign's tags.
const COSIGNS_TYPES: &str = "application/vnd.dev.cosign.artifact.*";

/// `platform` selects the image of one platform; `platforms` copies an index without the others.
fn platforms(fields: &mut Fields<'_>, notes: &mut Notes) -> Result<Result<Option<Platforms>, String>, Slip> {
    let (one, several) = (fields.text("platform")?, fields.texts("platforms")?);
    let (only, index) = match one {
        Some(one) => (vec![one], Index::Auto),
        None if several.is_empty() => return Ok(Ok(None)),
        None => (several, Index::Sparse),
    };
    for each in &only {
        if let Err(reason) = platform(each.text) {
            return Ok(Err(format!("its platform cannot be taken: {reason}")));
        }
    }
    if let Some(one) = one {
        let why = "regsync puts the image of the platform itself under the tag; here it is the index, of which only that platform is copied, so the digest is another one";
        notes.changed(one.line, format!("`platform` of {}", fields.what), why);
    }
    Ok(Ok(Some(Platforms { only: only.iter().map(|each| each.text.to_owned()).collect(), index })))
}
