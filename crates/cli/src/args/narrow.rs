//! The flags that say less than rules do, on every verb that runs, and on the one that shows what they mean.

use clap::Args;
use sync::PlatformFilter;

use super::number::truth;
use super::platform::{architectures, platforms, systems};
use super::select::SelectArgs;

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct NarrowArgs {
    /// Only these platforms: linux/amd64, linux/arm64/v8, ... (repeatable, or with commas)
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_parser = platforms)]
    pub(crate) platform: Vec<String>,

    /// Only these operating systems: linux, windows:10.0.17763.1234, ... (repeatable, or with commas)
    #[arg(long, value_name = "SYSTEM", value_parser = systems)]
    pub(crate) os: Vec<String>,

    /// Only these architectures: amd64, arm64, arm:v7, or whole platforms: linux/arm64 (repeatable, or with commas)
    #[arg(long, value_name = "ARCHITECTURE", value_parser = architectures)]
    pub(crate) arch: Vec<String>,

    #[command(flatten)]
    pub(crate) select: SelectArgs,

    /// Copy what refers to images, too: signatures, SBOMs, attestations (rules with patterns do so unless this is false)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = truth, value_name = "BOOL", hide_possible_values = true, overrides_with = "referrers")]
    pub(crate) referrers: Option<bool>,
}

impl NarrowArgs {
    /// Which platforms are wanted.
    pub(crate) fn platforms(&self) -> PlatformFilter {
        PlatformFilter::new(&self.os, &[&self.arch[..], &self.platform].concat())
    }
}
