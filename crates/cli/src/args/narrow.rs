//! The flags that say less than rules do, on every verb that runs, and on the one that shows what they mean.

use clap::Args;
use sync::PlatformFilter;

use super::number::{TRUTHS, truth};
use super::offered::offered;
use super::platform::{ARCHITECTURES, SYSTEMS, USUAL, architectures, platforms, systems};
use super::select::{RepositorySelectArgs, SelectArgs, TagSelectArgs};

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct NarrowArgs {
    /// Only these, such as linux/arm64/v8
    ///
    /// Repeatable, or with commas.
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_parser = offered(platforms, &USUAL), hide_possible_values = true)]
    pub(crate) platform: Vec<String>,

    /// Only these systems, such as linux
    ///
    /// With a version where it matters: windows:10.0.17763.1234. Repeatable, or with commas.
    #[arg(long, value_name = "SYSTEM", value_parser = offered(systems, &SYSTEMS), hide_possible_values = true)]
    pub(crate) os: Vec<String>,

    /// Only these architectures
    ///
    /// Such as amd64, arm64, arm:v7, or whole platforms: linux/arm64. Repeatable, or with commas.
    #[arg(long, value_name = "ARCHITECTURE", value_parser = offered(architectures, &ARCHITECTURES), hide_possible_values = true)]
    pub(crate) arch: Vec<String>,

    #[command(flatten)]
    pub(crate) select: SelectArgs,

    /// Signatures, SBOMs, attestations, too
    ///
    /// Copies what refers to images. Rules of `sync` and those with patterns do so unless this is false.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = offered(truth, &TRUTHS), value_name = "BOOL", hide_possible_values = true, overrides_with = "referrers")]
    pub(crate) referrers: Option<bool>,
}

/// Their names for clap.
pub(super) const NARROWING: [&str; 10] = [
    "platform",
    "os",
    "arch",
    "include",
    "exclude",
    "semver",
    "latest",
    "include_repository",
    "exclude_repository",
    "referrers",
];

impl NarrowArgs {
    /// One of them that is given.
    pub(crate) fn first_given(&self) -> Option<String> {
        let TagSelectArgs { include, exclude, semver, latest } = &self.select.tags;
        let RepositorySelectArgs { include_repository, exclude_repository } = &self.select.repositories;
        let given = [
            !self.platform.is_empty(),
            !self.os.is_empty(),
            !self.arch.is_empty(),
            !include.is_empty(),
            !exclude.is_empty(),
            semver.is_some(),
            latest.is_some(),
            !include_repository.is_empty(),
            !exclude_repository.is_empty(),
            self.referrers.is_some(),
        ];
        let first = given.iter().zip(NARROWING).find(|(is_given, _)| **is_given);
        first.map(|(_, id)| format!("--{}", id.replace('_', "-")))
    }

    /// Which platforms are wanted.
    pub(crate) fn platforms(&self) -> PlatformFilter {
        PlatformFilter::new(&self.os, &[&self.arch[..], &self.platform].concat())
    }
}
