//! The flags that narrow what rules select.

use std::num::NonZeroUsize;

use clap::Args;
use sync::select::{LatestError, Matched, Narrowing, Pattern, RepositorySelection, VersionRange};

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SelectArgs {
    #[command(flatten)]
    pub(crate) tags: TagSelectArgs,

    #[command(flatten)]
    pub(crate) repositories: RepositorySelectArgs,
}

// The same.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct TagSelectArgs {
    /// Only tags that fit a glob or /regex/
    ///
    /// Of those that a rule selects: a glob for the whole tag, or a /regex/ that is found in it. Repeatable: one must fit.
    #[arg(long, value_name = "PATTERN", value_parser = tags)]
    pub(crate) include: Vec<Pattern>,

    /// No tags that fit a glob or /regex/
    ///
    /// Repeatable.
    #[arg(long, value_name = "PATTERN", value_parser = tags)]
    pub(crate) exclude: Vec<Pattern>,

    /// Only versions in a range: ">=1.20 <2"
    ///
    /// Or ~1.25 and the like, of the tags that a rule selects.
    #[arg(long, value_name = "RANGE", value_parser = range, allow_hyphen_values = true, overrides_with = "semver")]
    pub(crate) semver: Option<VersionRange>,

    /// Only so many of the newest tags
    ///
    /// Of each group, in place of what a rule says.
    #[arg(long, value_name = "NUMBER", value_parser = latest, allow_hyphen_values = true, overrides_with = "latest")]
    pub(crate) latest: Option<NonZeroUsize>,
}

// The same.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct RepositorySelectArgs {
    /// Only repositories that fit
    ///
    /// By their path at the source: a glob with * and **, or a /regex/. Repeatable: one must fit.
    #[arg(long, value_name = "PATTERN", value_parser = repositories)]
    pub(crate) include_repository: Vec<Pattern>,

    /// No repositories that fit
    ///
    /// By their path at the source. Repeatable.
    #[arg(long, value_name = "PATTERN", value_parser = repositories)]
    pub(crate) exclude_repository: Vec<Pattern>,
}

impl TagSelectArgs {
    /// What is asked of tags.
    pub(crate) fn narrowing(&self) -> Narrowing {
        let Self { include, exclude, semver, latest } = self.clone();
        Narrowing { include, exclude, semver, latest }
    }
}

impl RepositorySelectArgs {
    /// What is asked of repositories.
    pub(crate) fn selection(&self) -> RepositorySelection {
        RepositorySelection {
            include: vec![self.include_repository.clone()],
            exclude: self.exclude_repository.clone(),
        }
    }
}

fn tags(text: &str) -> Result<Pattern, String> {
    Pattern::new(text, Matched::Tags).map_err(|error| error.to_string())
}

fn repositories(text: &str) -> Result<Pattern, String> {
    Pattern::new(text, Matched::Repositories).map_err(|error| error.to_string())
}

fn range(text: &str) -> Result<VersionRange, String> {
    text.parse().map_err(|error: sync::select::RangeError| error.to_string())
}

fn latest(text: &str) -> Result<NonZeroUsize, String> {
    let count: usize = text.parse().map_err(|_| "write how many tags to keep, like 5".to_owned())?;
    NonZeroUsize::new(count).ok_or_else(|| LatestError::Zero.to_string())
}
