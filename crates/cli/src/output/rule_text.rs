//! A rule as an `--images` file has it: with the repositories that it means, whatever text it was made of.

use oci::{RepositoryName, TagOrDigest};
use sync::{Naming, PatternRule, Rule, Selection, Work};

use crate::config::WrittenRule;

/// Something that a run was asked to do, with how it was written.
pub(crate) struct PlannedRule {
    pub(crate) work: Work,
    /// With targets after defaults and variables.
    pub(crate) written: WrittenRule,
}

impl PlannedRule {
    /// All sources with their targets.
    pub(crate) fn all_pairs(&self) -> Vec<(String, String)> {
        match &self.work {
            Work::Repository(rule) => pairs(rule),
            Work::Pattern(_) | Work::Tasks(_) | Work::Assignments(_) => self.written_pairs(),
        }
    }

    /// Sources with targets; of a rule about many repositories only those of `repository`, if it is one of them:
    /// registry and repository, as a failure names them.
    pub(crate) fn pairs(&self, repository: &str) -> Vec<(String, String)> {
        let of_one = match &self.work {
            Work::Repository(rule) => Some(pairs(rule)),
            Work::Pattern(pattern) => made(pattern, repository).map(|rule| pairs(&rule)),
            Work::Tasks(_) | Work::Assignments(_) => None,
        };
        of_one.unwrap_or_else(|| self.written_pairs())
    }

    fn written_pairs(&self) -> Vec<(String, String)> {
        let target = |target: &String| (self.written.source.clone(), target.clone());
        self.written.targets.iter().map(target).collect()
    }
}

/// The rule that a pattern makes of a repository that it matches.
pub(crate) fn made(pattern: &PatternRule, repository: &str) -> Option<Rule> {
    let path = repository.strip_prefix(pattern.listing.name())?.strip_prefix('/')?;
    let repository: RepositoryName = path.parse().ok()?;
    if !pattern.selects(&repository) {
        return None;
    }
    (pattern.make_rule)(&repository).ok()
}

fn pairs(rule: &Rule) -> Vec<(String, String)> {
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
            // No text of an `--images` file says so: `--retry-failed` takes the rule's own selection.
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

/// What stands behind a target's repository where the source's tags are not known yet.
fn behind(naming: &Naming) -> String {
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

/// Whether a rule about one repository is about all images of another.
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
