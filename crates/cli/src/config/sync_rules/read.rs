//! Reads `defaults` and `sync` of a config file.

use std::collections::HashMap;

use super::rule::{Policies, SyncRule, read_rule};
use super::setting::Setting as _;
use super::slips::Slips;
use crate::config::config_file::ConfigFile;
use crate::config::document::{Node, Value};
use crate::config::error::ConfigError;

const SHAPE: &str = "write `sync: [{from: SOURCE, to: TARGET}]`, as in `from: quay.io/coreos/etcd` and `to: r.io/mirror/etcd`";

/// Parses all rules, in the file's order; all errors are reported together.
pub(crate) fn read(
    file: &ConfigFile,
    defaults: Option<&Node>,
    sync: Option<&Node>,
) -> Result<Vec<SyncRule>, Vec<ConfigError>> {
    let mut slips = Slips::new(file);
    let defaults = defaults.filter(|node| !node.is_null());
    let defaults = defaults.and_then(|node| slips.below("defaults", |slips| Policies::read(node, slips)));
    let rules = sync.map(|node| rules(node, &defaults.unwrap_or_default(), &mut slips)).unwrap_or_default();
    check_names(&rules, &mut slips);
    let mut errors = slips.into_errors();
    // Errors of the defaults' combination repeat in each rule.
    let mut seen = Vec::new();
    errors.retain(|error| {
        !seen.contains(error) && {
            seen.push(error.clone());
            true
        }
    });
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

fn rules(node: &Node, defaults: &Policies, slips: &mut Slips<'_>) -> Vec<SyncRule> {
    match &node.value {
        Value::List(rules) => rules.iter().filter_map(|rule| read_rule(rule, defaults, slips)).collect(),
        _ if node.is_null() => Vec::new(),
        _ => {
            let problem = format!("`sync` is {}, but must be a list of rules", node.describe());
            slips.push(problem, node.place(), Some(SHAPE));
            Vec::new()
        }
    }
}

/// Flags and reports refer to a rule by its name, so names must be unique.
fn check_names(rules: &[SyncRule], slips: &mut Slips<'_>) {
    let mut lines = HashMap::new();
    for name in rules.iter().filter_map(|rule| rule.name.as_ref()) {
        if let Some(first) = lines.insert(&name.text, name.place.line) {
            let problem =
                format!("two rules have the name `{}`: this one and that in line {first}", name.text);
            slips.push(problem, name.place, Some("give each rule a name of its own, or none"));
        }
    }
}
