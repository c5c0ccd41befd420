//! A rule in the form of an `--images` file: with its actual repositories instead of a pattern.

use oci::{RepositoryName, TagOrDigest};
use sync::{Naming, PatternRule, Rule, Selection, Work};

use crate::config::WrittenRule;

/// An item of a run's work, with its text.
pub(crate) struct PlannedRule {
    pub(crate) work: Work,
    /// Its targets have defaults and variables filled in.
    pub(crate) written: WrittenRule,
}

impl PlannedRule {
    /// All pairs of source and target.
    pub(crate) fn all_pairs(&self) -> Vec<(String, String)> {
        match &self.work {
            Work::Repository(rule) => pairs_of(rule),
            Work::Pattern(_) | Work::Tasks(_) | Work::Assignments(_) => self.written_pairs(),
        }
    }

    /// Pairs of source and target. For a rule about many repositories, only those of `repository` (registry and repository, as in
    /// failures), if the rule covers it.
    pub(crate) fn pairs(&self, repository: &str) -> Vec<(String, String)> {
        let of_one = match &self.work {
            Work::Repository(rule) => Some(pairs_of(rule)),
            Work::Pattern(pattern) => made(pattern, repository).map(|rule| pairs_of(&rule)),
            Work::Tasks(_) | Work::Assignments(_) => None,
        };
        of_one.unwrap_or_else(|| self.written_pairs())
    }

    fn written_pairs(&self) -> Vec<(String, String)> {
        let target = |target: &String| (self.written.source.clone(), target.clone());
        self.written.targets.iter().map(target).collect()
    }
}

/// The rule that a pattern makes for a matching repository.
pub(crate) fn made(pattern: &PatternRule, repository: &str) -> Option<Rule> {
    let path = repository.strip_prefix(pattern.listing.name())?.strip_prefix('/')?;
    let repository: RepositoryName = path.parse().ok()?;
    if !pattern.selects(&repository) {
        return None;
    }
    (pattern.make_rule)(&repository).ok()
}

/// The pairs of source and target of a rule about one repository.
pub(crate) fn pairs_of(rule: &Rule) -> Vec<(String, String)> {
    let source = rule.source.name();
    let mut pairs = Vec::new();
    for target in &rule.targets {
        let (name, naming) = (target.target.name(), &target.naming);
        match &rule.selection {
            selection @ (Selection::These(_) | Selection::Pinned { .. }) => {
                let images = selection.named().unwrap_or_default();
                let names = naming.names(&images).unwrap_or_default();
                let taken = images.iter().zip(names).filter_map(|(image, name)| Some((image, name?)));
                pairs.extend(taken.map(|(image, its_name)| {
                    (format!("{source}{}", image.suffix()), format!("{name}{}", its_name.suffix()))
                }));
            }
            // An `--images` file cannot express this selection: `--retry-failed` takes it from the rule.
            Selection::All | Selection::Chosen(_) => {
                pairs.push((source.to_owned(), format!("{name}{}", behind(naming))));
            }
            Selection::Matching(pattern) => {
                pairs.push((format!("{source}:/{pattern}/"), format!("{name}{}", behind(naming))));
            }
        }
    }
    pairs
}

/// The tag part of a target when the source's tags are unknown.
pub(crate) fn behind(naming: &Naming) -> String {
    match naming {
        Naming::Same => String::new(),
        Naming::Matching(pattern) => format!(":/{pattern}/"),
        Naming::Templated(template) => format!(":{template}"),
        Naming::These(names) => match &names.iter().flatten().collect::<Vec<_>>()[..] {
            [one] => one.suffix(),
            many => format!(":{}", many.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
        },
    }
}

/// Whether a rule about one repository selects all images of another.
pub(crate) fn covers(rule: &Selection, other: &Selection) -> bool {
    let has = |image: &TagOrDigest| match rule {
        Selection::All => true,
        Selection::Matching(pattern) => pattern.is_match(&image.to_string()),
        Selection::Chosen(selection) => match image {
            TagOrDigest::Tag(tag) => selection.selects_by_name(tag),
            TagOrDigest::Digest(_) => selection.pins.contains(image),
        },
        Selection::These(images) => images.contains(image),
        Selection::Pinned { digest, .. } => matches!(image, TagOrDigest::Digest(image) if image == digest),
    };
    match (rule, other) {
        (Selection::All, _) | (Selection::Chosen(_), Selection::All | Selection::Chosen(_)) => true,
        (_, Selection::These(images)) => images.iter().all(has),
        (_, Selection::Pinned { digest, .. }) => has(&TagOrDigest::Digest(digest.clone())),
        (Selection::Matching(one), Selection::Matching(other)) => one.as_str() == other.as_str(),
        _ => false,
    }
}
