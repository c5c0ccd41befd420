//! `image-syncer expand`: what the config means, without asking any registry.

use ::sync::{Naming, Rule, Selection};
use serde::Serialize;

use super::sync;
use crate::args::{ExpandArgs, ReachArgs};
use crate::config::{ResolvedRule, WrittenRule};
use crate::exit_code;
use crate::output::{print, print_json};

/// One rule, as programs read it.
#[derive(Serialize)]
struct Shown<'a> {
    source: &'a str,
    selection: String,
    /// `null` for a pattern: each of its repositories has its own.
    login: Option<&'a str>,
    targets: Vec<ShownTarget<'a>>,
}

#[derive(Serialize)]
struct ShownTarget<'a> {
    target: &'a str,
    names: String,
    login: Option<&'a str>,
}

/// Prints the rules; gives the exit status.
pub(crate) fn run(args: ExpandArgs) -> u8 {
    let resolved = match sync::resolve(&args.config.of_verb(), &ReachArgs::default()) {
        Ok(resolved) => resolved,
        Err(errors) => return sync::refuse(&errors),
    };
    for warning in &resolved.warnings {
        sync::warn(warning);
    }
    let errors: Vec<_> = resolved.refused.iter().map(|refused| refused.error.clone()).collect();
    sync::refuse(&errors);
    let rules: Vec<_> = resolved.rules.iter().map(show).collect();
    let patterns: Vec<_> = resolved.patterns.iter().map(|pattern| show_pattern(&pattern.written)).collect();
    if args.json {
        let shown: Vec<_> = rules.iter().chain(&patterns).collect();
        print_json(&shown);
    } else {
        rules.iter().for_each(print_rule);
        patterns.iter().for_each(print_pattern);
    }
    if errors.is_empty() { exit_code::DONE } else { exit_code::USAGE }
}

fn show(resolved: &ResolvedRule) -> Shown<'_> {
    let Rule { source, selection, targets, .. } = &resolved.rule;
    let targets = targets.iter().zip(&resolved.target_logins).map(|(target, login)| ShownTarget {
        target: target.target.name(),
        names: names(&target.naming),
        login: login.as_deref(),
    });
    Shown {
        source: source.name(),
        selection: selected(selection),
        login: resolved.source_login.as_deref(),
        targets: targets.collect(),
    }
}

/// A rule about many repositories, as it was written: which they are, only the registry knows.
fn show_pattern(written: &WrittenRule) -> Shown<'_> {
    let target = |target| ShownTarget { target, names: "each at a place of its own".to_owned(), login: None };
    Shown {
        source: &written.source,
        selection: "every repository that matches".to_owned(),
        login: None,
        targets: written.targets.iter().map(|text| target(text.as_str())).collect(),
    }
}

fn selected(selection: &Selection) -> String {
    match selection {
        Selection::All => "all tags".to_owned(),
        Selection::Matching(pattern) => format!("tags that match /{pattern}/"),
        Selection::These(images) => list(images),
    }
}

fn names(naming: &Naming) -> String {
    match naming {
        Naming::Same => "the same names".to_owned(),
        Naming::Matching(pattern) => format!("the same names, where they match /{pattern}/"),
        Naming::These(names) => list(&names.iter().flatten().cloned().collect::<Vec<_>>()),
    }
}

fn list(images: &[registry::TagOrDigest]) -> String {
    images.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn print_rule(rule: &Shown<'_>) {
    let login = |login: Option<&str>| login.map_or("no login".to_owned(), |key| format!("login `{key}`"));
    print(&format!("{} ({}): {}", rule.source, login(rule.login), rule.selection));
    for target in &rule.targets {
        print(&format!("  -> {} ({}): {}", target.target, login(target.login), target.names));
    }
}

fn print_pattern(rule: &Shown<'_>) {
    print(&format!("{}: {}", rule.source, rule.selection));
    rule.targets.iter().for_each(|target| print(&format!("  -> {}: {}", target.target, target.names)));
}
