//! What rules are resolved with, and what is odd about them so far.

use super::defaults::Defaults;
use super::environment::{Lookup, expand};
use super::images::{Section, WrittenRule};
use super::resolved::SharedRegistries;

/// Makes rules of what was written, one after another.
pub(super) struct Resolver<'a> {
    pub(super) defaults: Defaults<'a>,
    pub(super) lookup: Lookup<'a>,
    pub(super) registries: SharedRegistries,
    pub(super) warnings: Vec<String>,
    /// Rules about one repository each, which the command line leaves out.
    pub(super) left_out: usize,
}

impl Resolver<'_> {
    /// A target's text, with variables replaced where they are.
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
