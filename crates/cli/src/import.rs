//! Configs of other tools, made into ours: what they say is kept, changed in meaning or left out, and all of that is
//! told. Nothing is guessed, and nothing is copied that the other tool would not have copied without a word about it.

mod dregsy;
mod fields;
mod harbor;
mod login;
mod note;
mod ocync;
mod pattern;
mod place;
mod print;
mod range;
mod regsync;
mod rule;
mod skopeo;
#[cfg(test)]
mod tests;
mod tree;

use crate::config::{Node, OtherTool};
pub(crate) use fields::Slip;
use login::Logins;
use note::Notes;
pub(crate) use note::{Kind, Note};
use rule::{Referrers, Rule};
use tree::Tree;

/// What the command line says about a file that does not say it itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options<'a> {
    /// skopeo's target: `HOST` or `HOST/PREFIX`.
    pub(crate) to: Option<&'a str>,
    /// skopeo's `--scoped`: the whole source stands behind the target.
    pub(crate) scoped: bool,
    /// skopeo's `--all`: every platform is copied.
    pub(crate) all: bool,
    /// The Harbor whose replication policies these are.
    pub(crate) harbor: Option<&'a str>,
}

/// A config of ours, and what became of the other one.
#[derive(Debug)]
pub(crate) struct Imported {
    /// YAML with `auth`, `defaults` and `sync`; nothing where no rule could be made.
    pub(crate) config: Option<String>,
    pub(crate) notes: Vec<Note>,
}

/// What an importer makes.
#[derive(Debug, Default)]
struct Draft {
    comments: Vec<String>,
    logins: Logins,
    rules: Vec<Rule>,
    notes: Notes,
}

/// Makes a config of ours of a file; `None` where files of that tool are not read.
pub(crate) fn import(root: &Node, tool: OtherTool, options: Options<'_>) -> Option<Result<Imported, Slip>> {
    let draft = match tool {
        OtherTool::Regsync => regsync::import(root),
        OtherTool::Skopeo => skopeo::import(root, options),
        OtherTool::Dregsy => dregsy::import(root),
        OtherTool::Ocync => ocync::import(root),
        OtherTool::Harbor => harbor::import(root, options),
        _ => return None,
    };
    Some(draft.map(|draft| draft.finish(tool)))
}

impl Draft {
    /// Adds a rule that means the same here, or nearly.
    fn add(&mut self, line: usize, what: &str, rule: Rule) {
        self.notes.kept(line, what, rule.way());
        self.rules.push(rule);
    }

    /// A name that no rule has so far.
    fn unique_name(&self, wanted: &str) -> String {
        let is_free = |name: &String| self.rules.iter().all(|rule| rule.name.as_ref() != Some(name));
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        std::iter::once(wanted.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
    }

    fn finish(mut self, tool: OtherTool) -> Imported {
        if self.rules.is_empty() {
            return Imported { config: None, notes: self.notes.sorted() };
        }
        self.comments.insert(
            0,
            format!(
                "Made by `image-syncer import` of a file for {}. What means something else now and what",
                tool.name()
            ),
        );
        self.comments.insert(
            1,
            "was left out was told on stderr. Look first: image-syncer expand --config FILE".to_owned(),
        );
        // What all rules say is said once.
        let referrers = (self.rules.iter().all(|rule| rule.referrers == Some(Referrers::None)))
            .then_some(Tree::truth(false));
        if referrers.is_some() {
            self.rules.iter_mut().for_each(|rule| rule.referrers = None);
        }
        let mut entries = Vec::new();
        if !self.logins.is_empty() {
            entries.push(("auth", self.logins.tree()));
        }
        entries.extend(referrers.map(|referrers| ("defaults", Tree::Map(vec![("referrers", referrers)]))));
        entries.push(("sync", Tree::Items(self.rules.iter().map(Rule::tree).collect())));
        let config = print::document(&self.comments, &Tree::Map(entries));
        Imported { config: Some(config), notes: self.notes.sorted() }
    }
}
