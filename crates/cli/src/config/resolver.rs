//! The state of resolving rules, with the warnings so far.

use super::defaults::Defaults;
use super::environment::{Lookup, expand};
use super::images::{Section, WrittenRule};
use super::resolved::SharedRegistries;

/// Resolves rules one by one.
pub(super) struct Resolver<'a> {
    pub(super) defaults: Defaults<'a>,
    pub(super) lookup: Lookup<'a>,
    pub(super) registries: SharedRegistries,
    pub(super) warnings: Vec<String>,
    /// The number of single-repository rules that the command line excludes.
    pub(super) left_out: usize,
}

impl Resolver<'_> {
    /// A target's text, with variables replaced if the section has them.
    pub(super) fn expanded(&mut self, rule: &WrittenRule, text: &str) -> String {
        if rule.section == Section::Sync {
            return text.to_owned();
        }
        let expanded = expand(text, self.lookup);
        for name in &expanded.undefined {
            let warning = format!("the target of `{}` refers to ${name}, which has no value", rule.source);
            self.warnings.push(warning);
        }
        expanded.text
    }
}
