//! `image-syncer expand`: what the config means, without asking any registry.

use ::sync::{Naming, Rule, Selection};
use serde::Serialize;

use super::refuse::refuse;
use super::resolve;
use crate::args::{ExpandArgs, ReachArgs};
use crate::config::{LoginOrigin, ResolvedPattern, ResolvedRule};
use crate::exit_code;
use crate::output::{print_json, print_lines, warn};

/// One rule, as programs read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    /// Only rules of `sync` have one.
    name: Option<&'a str>,
    source: &'a str,
    selection: String,
    /// For a pattern, that of any repository that matches.
    login: Option<&'a str>,
    /// What the login is, and where it stands.
    login_place: Option<&'a str>,
    targets: Vec<ShownTarget<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownTarget<'a> {
    target: &'a str,
    names: String,
    login: Option<&'a str>,
    login_place: Option<&'a str>,
}

impl<'a> ShownTarget<'a> {
    fn new(target: &'a str, names: String, login: Option<&'a LoginOrigin>) -> Self {
        let (login, login_place) = parts(login);
        Self { target, names, login, login_place }
    }
}

fn parts(login: Option<&LoginOrigin>) -> (Option<&str>, Option<&str>) {
    (login.map(|login| login.key.as_str()), login.map(|login| login.place.as_str()))
}

/// Prints the rules; gives the exit status.
pub(crate) fn run(args: ExpandArgs) -> u8 {
    let resolved = match resolve::resolve(&args.config.of_verb("expand"), &ReachArgs::default()) {
        Ok(resolved) => resolved,
        Err(errors) => return refuse(&errors),
    };
    for warning in &resolved.warnings {
        warn(warning);
    }
    let errors: Vec<_> = resolved.refused.iter().map(|refused| refused.error.clone()).collect();
    refuse(&errors);
    let rules = resolved.rules.iter().map(|rule| (rule.written.order, show(rule)));
    let patterns = resolved.patterns.iter().map(|rule| (rule.written.order, show_pattern(rule)));
    let mut shown: Vec<_> = rules.chain(patterns).collect();
    shown.sort_by_key(|(order, _)| *order);
    let shown: Vec<_> = shown.into_iter().map(|(_, rule)| rule).collect();
    if args.json {
        print_json(&shown);
    } else {
        print_lines(shown.iter().flat_map(lines));
    }
    if errors.is_empty() { exit_code::DONE } else { exit_code::USAGE }
}

fn show(resolved: &ResolvedRule) -> Shown<'_> {
    let Rule { source, selection, targets, .. } = &resolved.rule;
    let targets = targets
        .iter()
        .zip(&resolved.logins.targets)
        .map(|(target, login)| ShownTarget::new(target.target.name(), names(&target.naming), login.as_ref()));
    let (login, login_place) = parts(resolved.logins.source.as_ref());
    Shown {
        name: resolved.written.name.as_deref(),
        source: source.name(),
        selection: selected(selection),
        login,
        login_place,
        targets: targets.collect(),
    }
}

/// A rule about many repositories, as it was written: which they are, only the registry knows.
fn show_pattern(pattern: &ResolvedPattern) -> Shown<'_> {
    let ResolvedPattern { written, logins, .. } = pattern;
    let targets = written.targets.iter().zip(&logins.targets).map(|(target, login)| {
        ShownTarget::new(target, "each at a place of its own".to_owned(), login.as_ref())
    });
    let (login, login_place) = parts(logins.source.as_ref());
    let selection = "every repository that matches".to_owned();
    let name = written.name.as_deref();
    Shown { name, source: &written.source, selection, login, login_place, targets: targets.collect() }
}

fn selected(selection: &Selection) -> String {
    match selection {
        Selection::All => "all tags".to_owned(),
        Selection::Matching(pattern) => format!("tags that match /{pattern}/"),
        Selection::These(images) => list(images),
        Selection::Pinned { tag, digest } => format!("{digest} (written as `{tag}`)"),
    }
}

fn names(naming: &Naming) -> String {
    match naming {
        Naming::Same => "the same names".to_owned(),
        Naming::Matching(pattern) => format!("the same names, where they match /{pattern}/"),
        Naming::Templated(template) => format!("each as {template}"),
        Naming::These(names) => list(&names.iter().flatten().cloned().collect::<Vec<_>>()),
    }
}

fn list(images: &[oci::TagOrDigest]) -> String {
    images.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A rule, as people read it.
fn lines<'a>(rule: &'a Shown<'_>) -> impl Iterator<Item = String> + use<'a> {
    let name = rule.name.map_or_else(String::new, |name| format!("{name}: "));
    let login_text = login(rule.login, rule.login_place);
    let source = format!("{name}{} ({login_text}): {}", rule.source, rule.selection);
    let targets = rule.targets.iter().map(|target| {
        let login = login(target.login, target.login_place);
        format!("  -> {} ({login}): {}", target.target, target.names)
    });
    std::iter::once(source).chain(targets)
}

fn login(key: Option<&str>, place: Option<&str>) -> String {
    match (key, place) {
        (Some(key), Some(place)) => format!("login `{key}`, {place}"),
        _ => "no login".to_owned(),
    }
}
