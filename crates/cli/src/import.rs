//! Converts configs of other tools to ours. Each setting is kept, changed in meaning or left out, and every such decision is reported.
//! Nothing is guessed, and the result copies nothing that the other tool would not copy, unless a note says so.

mod draft;
mod dregsy;
mod fields;
mod harbor;
mod login;
mod note;
mod ocync;
mod options;
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
use draft::Draft;
pub(crate) use fields::Slip;
pub(crate) use note::{Kind, Note};
pub(crate) use options::Options;
use rule::{Referrers, Rule};
use tree::Tree;

/// A converted config, with notes about the conversion.
#[derive(Debug)]
pub(crate) struct Imported {
    /// YAML with `auth`, `defaults` and `sync`; `None` if no rule could be made.
    pub(crate) config: Option<String>,
    pub(crate) notes: Vec<Note>,
}

/// Converts a file; `None` if files of that tool are not supported.
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
        // A setting that all rules share goes to the defaults.
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
