//! The flags that say less than rules do, on every verb that runs, and on the one that shows what they mean.

use clap::Args;
use sync::PlatformFilter;

use super::number::{TRUTHS, truth};
use super::offered::offered;
use super::platform::{ARCHITECTURES, SYSTEMS, USUAL, architectures, platforms, systems};
use super::select::SelectArgs;

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

impl NarrowArgs {
    /// Any flag of these that was given.
    #[cfg(feature = "fleet")]
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let (tags, repositories) = (&self.select.tags, &self.select.repositories);
        let given = [
            ("--platform", !self.platform.is_empty()),
            ("--os", !self.os.is_empty()),
            ("--arch", !self.arch.is_empty()),
            ("--include", !tags.include.is_empty()),
            ("--exclude", !tags.exclude.is_empty()),
            ("--semver", tags.semver.is_some()),
            ("--latest", tags.latest.is_some()),
            ("--include-repository", !repositories.include_repository.is_empty()),
            ("--exclude-repository", !repositories.exclude_repository.is_empty()),
            ("--referrers", self.referrers.is_some()),
        ];
        given.into_iter().find(|(_, is_given)| *is_given).map(|(flag, _)| flag)
    }

    /// Which platforms are wanted.
    pub(crate) fn platforms(&self) -> PlatformFilter {
        PlatformFilter::new(&self.os, &[&self.arch[..], &self.platform].concat())
    }
}
