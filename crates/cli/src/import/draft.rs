//! The config under construction.

use super::login::Logins;
use super::note::Notes;
use super::rule::Rule;

/// The result of an importer.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) comments: Vec<String>,
    pub(super) logins: Logins,
    pub(super) rules: Vec<Rule>,
    pub(super) notes: Notes,
}

impl Draft {
    /// Adds a rule with the same meaning, or nearly.
    pub(super) fn add(&mut self, line: usize, what: &str, rule: Rule) {
        self.notes.kept(line, what, rule.way());
        self.rules.push(rule);
    }

    /// A name that no other rule has.
    pub(super) fn unique_name(&self, wanted: &str) -> String {
        let is_free = |name: &String| self.rules.iter().all(|rule| rule.name.as_ref() != Some(name));
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        std::iter::once(wanted.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
    }
}
