//! The flags of every verb that runs: how to run, and what to write besides.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sync::Bandwidth;

use super::file::{file, kept, report};
use super::narrow::NarrowArgs;
use super::number::{at_least_one, retries, truth};
use super::show::ShowArgs;

/// How to run, and what to write besides.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    /// How many blobs are copied at once; of small ones (up to 256 KiB), unless this is 1, eight times as many, up to 64
    #[arg(short, long, value_name = "NUMBER", default_value = "5", value_parser = at_least_one, allow_hyphen_values = true, overrides_with = "proc")]
    pub(crate) proc: usize,

    /// How fast bodies are read at most, all together: 50MB/s, 500KiB/s, ...
    #[arg(long, value_name = "BANDWIDTH", allow_hyphen_values = true, overrides_with = "bandwidth")]
    pub(crate) bandwidth: Option<Bandwidth>,

    /// How often a step that failed for a passing reason is tried again
    #[arg(short, long, value_name = "NUMBER", default_value = "2", value_parser = retries, allow_hyphen_values = true, overrides_with = "retries")]
    pub(crate) retries: u32,

    #[command(flatten)]
    pub(crate) narrow: NarrowArgs,

    /// Store manifests also where the target has them
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", value_parser = truth, value_name = "BOOL", hide_possible_values = true, overrides_with = "force")]
    pub(crate) force: bool,

    /// Only look what would be copied; to know whether pushes are allowed, an upload is opened in each repository that would be written to, and cancelled
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) show: ShowArgs,

    /// Add a line for everything that happens to this file; - is stdout
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "log")]
    pub(crate) log: Option<PathBuf>,

    /// How log lines are written: text or json
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        value_enum,
        hide_possible_values = true,
        overrides_with = "log_format"
    )]
    pub(crate) log_format: LogFormat,

    /// Write what was copied to this file, in the form of an `--images` file
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "output_success_images")]
    pub(crate) output_success_images: Option<PathBuf>,

    /// Write what failed to this file, in the form of an `--images` file, for --retry-failed
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "output_failed_images")]
    pub(crate) output_failed_images: Option<PathBuf>,

    /// Form of these two files: json or yaml
    #[arg(long, value_name = "FORMAT", default_value = "yaml", value_parser = images_format, overrides_with = "output_images_format")]
    pub(crate) output_images_format: ImagesFormat,

    /// Write every image with its outcome to this file, as JSON
    #[arg(long, value_name = "FILE", value_parser = report(), overrides_with = "report")]
    pub(crate) report: Option<PathBuf>,

    /// Remember in this file what the next run can go on with if this one is killed; without it in
    /// `~/.local/state/image-syncer/state.redb`, or below `XDG_STATE_HOME`
    #[arg(long, value_name = "FILE", value_parser = kept(), overrides_with_all = ["state", "no_state"])]
    pub(crate) state: Option<PathBuf>,

    /// Remember nothing
    #[arg(long, overrides_with_all = ["state", "no_state"])]
    pub(crate) no_state: bool,

    /// How many seconds images in work have to end after the first SIGINT, SIGTERM or SIGHUP
    #[arg(long, value_name = "SECONDS", default_value = "25", value_parser = clap::value_parser!(u32), overrides_with = "drain")]
    pub(crate) drain: u32,

    /// Where the oldest releases noted blobs: not needed any more, so neither read nor written
    #[arg(long, value_name = "FILE", value_parser = file(), hide = true, overrides_with = "records")]
    pub(crate) records: Option<PathBuf>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// How files with images are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImagesFormat {
    Yaml,
    Json,
}

/// The Go tool wrote YAML for everything but `json`; nothing at all stays YAML.
fn images_format(text: &str) -> Result<ImagesFormat, String> {
    match text {
        "json" => Ok(ImagesFormat::Json),
        "yaml" | "yml" | "" => Ok(ImagesFormat::Yaml),
        _ => Err("it must be json or yaml".to_owned()),
    }
}
