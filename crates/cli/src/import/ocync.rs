//! ocync's config: <https://github.com/clowdhaus/ocync>. ocync replaces variables in the whole text before parsing; our configs have them
//! only in logins.

mod registry;
mod tags;
mod variable;

use std::collections::HashMap;

use super::Draft;
use super::fields::{FILE, Fields, Slip, Written, text};
use super::note::Notes;
use super::place;
use super::rule::{Index, Platforms, Referrers, Rule};
use crate::args::platform::platform;
use crate::config::{Node, Value};
use tags::TagRules;
use variable::{has_variable, variable};

/// Hosts of registries by their names in the file; `None` if the host is not literal.
type Registries<'a> = HashMap<&'a str, Option<String>>;

/// Settings of the file for all mappings.
struct Shared<'a> {
    registries: Registries<'a>,
    groups: &'a [(String, Node)],
    source: Option<Written<'a>>,
    targets: Vec<Written<'a>>,
    tags: Option<TagRules<'a>>,
    platforms: Vec<Written<'a>>,
    artifacts: Option<Artifacts>,
}

pub(super) fn import(root: &Node) -> Result<Draft, Slip> {
    let mut file = Fields::of(FILE, root)?;
    let mut draft = Draft::default();
    if file.node("mappings").is_none() {
        let problem = "the file has no `mappings`, which ocync has as a list of `from`, `to` and `tags`";
        return Err(Slip::new(root.line, problem));
    }
    let shared = read_shared(&mut file, &mut draft)?;
    for mapping in file.maps("mappings", "mapping")? {
        read_mapping(mapping, &shared, &mut draft)?;
    }
    if let Some(mut global) = file.map("global")? {
        global.leave_out(
            &mut draft.notes,
            &[
                ("max_concurrent_transfers", "how much is copied at once is a flag here: `--proc`"),
                ("cache_dir", "what is remembered is in the file of `--state`"),
                (
                    "cache_ttl",
                    "what is remembered is a hint: the registry's word counts, so it does not grow old",
                ),
                ("staging_size_limit", "nothing is kept on disk on its way"),
            ],
        );
        global.finish(&mut draft.notes);
    }
    file.finish(&mut draft.notes);
    Ok(draft)
}

fn read_shared<'a>(file: &mut Fields<'a>, draft: &mut Draft) -> Result<Shared<'a>, Slip> {
    let mut registries = Registries::new();
    if let Some(fields) = file.map("registries")? {
        for (name, node) in fields.named() {
            let entry = Fields::of(format!("registry `{name}`"), node)?;
            registries.insert(name, registry::read(entry, draft)?);
        }
    }
    let groups = file.map("target_groups")?.map(Fields::named).unwrap_or_default();
    let mut shared = Shared {
        registries,
        groups,
        source: None,
        targets: Vec::new(),
        tags: None,
        platforms: Vec::new(),
        artifacts: None,
    };
    if let Some(mut defaults) = file.map("defaults")? {
        shared.source = defaults.text("source")?;
        shared.targets = defaults.text_or_texts("targets")?;
        shared.tags = defaults.map("tags")?.map(|fields| tags::read(fields, &mut draft.notes)).transpose()?;
        shared.platforms = defaults.texts("platforms")?;
        shared.artifacts =
            defaults.map("artifacts")?.map(|fields| artifacts(fields, &mut draft.notes)).transpose()?;
        defaults.finish(&mut draft.notes);
    }
    Ok(shared)
}

fn read_mapping(mut mapping: Fields<'_>, shared: &Shared<'_>, draft: &mut Draft) -> Result<(), Slip> {
    let from = mapping.needed("from")?;
    let to = mapping.text("to")?.unwrap_or(from);
    let what = format!("{} (`{}`)", mapping.what, from.text);
    let source = mapping.text("source")?.or(shared.source);
    let own_targets = mapping.text_or_texts("targets")?;
    let targets = if own_targets.is_empty() { &shared.targets } else { &own_targets };
    let own_tags = mapping.map("tags")?.map(|fields| tags::read(fields, &mut draft.notes)).transpose()?;
    let own_platforms = mapping.texts("platforms")?;
    let only = if own_platforms.is_empty() { &shared.platforms } else { &own_platforms };
    let own_artifacts =
        mapping.map("artifacts")?.map(|fields| artifacts(fields, &mut draft.notes)).transpose()?;
    let artifacts = own_artifacts.as_ref().or(shared.artifacts.as_ref());

    let rules = shared.way(source, from.text, targets, to.text).and_then(|way| {
        let rule = Rule { platforms: platforms(only)?, referrers: artifacts.and_then(referrers), ..way };
        tags::rules(&rule, own_tags.as_ref(), shared.tags.as_ref(), &what, from.line, &mut draft.notes)
    });
    match rules {
        Ok(rules) => rules.into_iter().for_each(|rule| draft.add(from.line, &what, rule)),
        Err(why) => draft.notes.left_out(from.line, &what, why),
    }
    mapping.finish(&mut draft.notes);
    Ok(())
}

impl Shared<'_> {
    /// The sources and targets of a mapping.
    fn way(
        &self,
        source: Option<Written<'_>>,
        from: &str,
        targets: &[Written<'_>],
        to: &str,
    ) -> Result<Rule, String> {
        let source = source.ok_or("it has no `source`, and `defaults` has none")?;
        if targets.is_empty() {
            return Err("it has no `targets`, and `defaults` has none".to_owned());
        }
        let mut names = Vec::new();
        for target in targets {
            names.extend(self.members(target.text)?);
        }
        let at = |name: &str, path: &str| -> Result<String, String> {
            if has_variable(path) {
                return Err(variable(path));
            }
            let reference = place::reference(&format!("{}/{}", self.host(name)?, path.trim_matches('/')))?;
            if reference.tag.is_some() || reference.digest.is_some() {
                return Err(format!("`{path}` is no repository"));
            }
            Ok(place::repository(&reference))
        };
        let to = names.iter().map(|name| at(name, to)).collect::<Result<Vec<_>, _>>()?;
        Ok(Rule { from: at(source.text, from)?, to, ..Rule::default() })
    }

    fn host(&self, name: &str) -> Result<&str, String> {
        let host = self.registries.get(name).ok_or_else(|| format!("`registries` has no `{name}`"))?;
        host.as_deref().ok_or_else(|| format!("the `url` of registry `{name}` is not written down"))
    }

    /// The registries of a group, or a single registry.
    fn members(&self, name: &str) -> Result<Vec<String>, String> {
        let Some((_, group)) = self.groups.iter().find(|(group, _)| group == name) else {
            return Ok(vec![name.to_owned()]);
        };
        let wrong = || format!("the target group `{name}` is no list of registries");
        let Value::List(items) = &group.value else { return Err(wrong()) };
        items.iter().map(|item| text(item).map(str::to_owned).ok_or_else(wrong)).collect()
    }
}

/// ocync makes an index of the wanted platforms.
fn platforms(only: &[Written<'_>]) -> Result<Option<Platforms>, String> {
    for each in only {
        platform(each.text).map_err(|reason| format!("its platform cannot be taken: {reason}"))?;
    }
    let only: Vec<String> = only.iter().map(|each| each.text.to_owned()).collect();
    Ok((!only.is_empty()).then_some(Platforms { only, index: Index::Rewrite }))
}

/// The signatures and other artifacts to copy.
struct Artifacts {
    enabled: bool,
    include: Vec<String>,
    exclude: Vec<String>,
}

fn artifacts(mut fields: Fields<'_>, notes: &mut Notes) -> Result<Artifacts, Slip> {
    let enabled = fields.truth("enabled")?.unwrap_or(true);
    let texts = |texts: Vec<Written<'_>>| texts.iter().map(|each| each.text.to_owned()).collect();
    let (include, exclude) = (texts(fields.texts("include")?), texts(fields.texts("exclude")?));
    let why = "an image without referrers is copied as it is: nothing demands them";
    fields.leave_out(notes, &[("require_artifacts", why)]);
    fields.finish(notes);
    Ok(Artifacts { enabled, include, exclude })
}

fn referrers(artifacts: &Artifacts) -> Option<Referrers> {
    if !artifacts.enabled {
        return Some(Referrers::None);
    }
    if artifacts.include.is_empty() {
        return (!artifacts.exclude.is_empty()).then(|| Referrers::AllBut(artifacts.exclude.clone()));
    }
    // `exclude` takes precedence.
    let types = artifacts.include.iter().filter(|kind| !artifacts.exclude.contains(kind));
    let types: Vec<String> = types.cloned().collect();
    Some(if types.is_empty() { Referrers::None } else { Referrers::Types(types) })
}
