//! Which repositories of a source a rule selects.

use oci::RepositoryName;

use super::pattern::Pattern;
use super::reason::Reason;

/// Conditions on a repository's path at the source. Empty fields have no effect.
#[derive(Clone, Debug, Default)]
pub struct RepositorySelection {
    /// Lists of patterns: at least one pattern of each list must match. An empty list has no effect.
    pub include: Vec<Vec<Pattern>>,
    /// None of these patterns may match.
    pub exclude: Vec<Pattern>,
}

impl RepositorySelection {
    /// Whether every repository is selected.
    pub fn is_all(&self) -> bool {
        self.include.iter().all(Vec::is_empty) && self.exclude.is_empty()
    }

    /// The same, with the conditions of another one in addition.
    #[must_use]
    pub fn narrowed(&self, by: &Self) -> Self {
        let mut narrow = self.clone();
        narrow.include.extend(by.include.iter().cloned());
        narrow.exclude.extend(by.exclude.iter().cloned());
        narrow
    }

    /// Why a repository is left out; `None` if it is selected.
    pub fn reason_against(&self, repository: &RepositoryName) -> Option<Reason> {
        let fits = |one: &&Pattern| one.fits_repository(repository);
        let fits_one = |any_of: &Vec<Pattern>| any_of.is_empty() || any_of.iter().any(|one| fits(&one));
        if !self.include.iter().all(fits_one) {
            return Some(Reason::NotIncluded);
        }
        self.exclude.iter().find(fits).cloned().map(Reason::ExcludedBy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::pattern::Matched;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::new(text, Matched::Repositories).unwrap()).collect()
    }

    #[test]
    fn what_is_excluded_beats_what_is_included() {
        let selection = RepositorySelection {
            include: vec![patterns(&["library/app-*", "library/tmp/**"]), patterns(&["/a/"])],
            exclude: patterns(&["library/tmp/**", "/-old$/"]),
        };
        let against = |name: &str| selection.reason_against(&name.parse().unwrap());
        let excluded = |index: usize| Some(Reason::ExcludedBy(selection.exclude[index].clone()));
        assert_eq!(against("library/app-1"), None);
        assert_eq!(against("library/web"), Some(Reason::NotIncluded));
        assert_eq!(against("library/tmp/a"), excluded(0));
        assert_eq!(against("library/app-old"), excluded(1));
        assert!(!selection.is_all() && RepositorySelection::default().is_all());
        assert_eq!(RepositorySelection::default().reason_against(&"a/b".parse().unwrap()), None);
    }
}
