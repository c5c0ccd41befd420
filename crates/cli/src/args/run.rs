//! The flags of every verb that runs: how to run, and what to write besides.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sync::Bandwidth;

use super::file::{file, kept};
use super::narrow::NarrowArgs;
use super::number::{TRUTHS, at_least_one, truth};
use super::offered::offered;
use super::retries::RetriesArgs;
use super::show::ShowArgs;
use crate::output::AskedProgress;
use crate::output::image_file::ImagesFormat;

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Copying")]
pub(crate) struct RunArgs {
    /// Blobs at once [default: 5]
    ///
    /// Of small ones (up to 256 KiB), unless this is 1, sixteen times as many, up to 128.
    #[arg(short, long, value_name = "NUMBER", default_value = "5", hide_default_value = true, value_parser = at_least_one, allow_hyphen_values = true, overrides_with = "proc")]
    pub(crate) proc: usize,

    /// Most bytes a second, such as 50MB/s
    ///
    /// How fast bodies are read at most, all together.
    #[arg(long, value_name = "BANDWIDTH", allow_hyphen_values = true, overrides_with = "bandwidth")]
    pub(crate) bandwidth: Option<Bandwidth>,

    #[command(flatten)]
    pub(crate) retries: RetriesArgs,

    #[command(flatten)]
    pub(crate) narrow: NarrowArgs,

    /// Store also what the target has
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", hide_default_value = true, value_parser = offered(truth, &TRUTHS), value_name = "BOOL", hide_possible_values = true, overrides_with = "force", help_heading = "Copying")]
    pub(crate) force: bool,

    /// Only look what would be copied
    ///
    /// To know whether pushes are allowed, an upload is opened in each repository that would be written to, and cancelled.
    #[arg(long, help_heading = "Copying")]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) show: ShowArgs,

    /// Progress: auto, bars, lines, json or none
    ///
    /// On stderr: bars on a terminal, else a line every 30 s; json is a line of JSON for everything. While it is auto,
    /// `IMAGE_SYNCER_PROGRESS` says it.
    #[arg(
        long,
        value_name = "FORM",
        value_enum,
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        overrides_with = "progress",
        help_heading = "Output"
    )]
    pub(crate) progress: AskedProgress,

    /// Add a line for all that happens
    ///
    /// To what the file has; - is stdout.
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "log", help_heading = "Output")]
    pub(crate) log: Option<PathBuf>,

    /// Its lines: text or json
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        value_enum,
        hide_possible_values = true,
        hide_default_value = true,
        overrides_with = "log_format",
        help_heading = "Output"
    )]
    pub(crate) log_format: LogFormat,

    /// error, warn, info or debug
    ///
    /// What the log has, each with all before it. debug has a line for each request, without any secret.
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "info",
        value_enum,
        hide_possible_values = true,
        hide_default_value = true,
        overrides_with = "log_level",
        help_heading = "Output"
    )]
    pub(crate) log_level: LogLevel,

    /// Write what was copied
    ///
    /// In the form of an `--images` file.
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "output_success_images", help_heading = "Output")]
    pub(crate) output_success_images: Option<PathBuf>,

    /// Write what failed, for --retry-failed
    ///
    /// In the form of an `--images` file.
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "output_failed_images", help_heading = "Output")]
    pub(crate) output_failed_images: Option<PathBuf>,

    /// Form of these two: yaml or json
    #[arg(long, value_name = "FORM", default_value = "yaml", hide_default_value = true, hide_possible_values = true, value_parser = offered(images_format, &["yaml", "json"]), overrides_with = "output_images_format", help_heading = "Output")]
    pub(crate) output_images_format: ImagesFormat,

    /// Write every image with its outcome
    ///
    /// As a page where the name ends with .html, else as JSON; `image-syncer schema report` describes that. Several are possible.
    #[arg(long, value_name = "FILE", value_parser = file(), help_heading = "Output")]
    pub(crate) report: Vec<PathBuf>,

    /// Add a summary as Markdown
    ///
    /// Such as `"$GITHUB_STEP_SUMMARY"`: it is written behind what is there. - is stdout.
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "summary_markdown", help_heading = "Output")]
    pub(crate) summary_markdown: Option<PathBuf>,

    /// Where to remember what was seen
    ///
    /// What the next run can go on with if this one is killed. Without it in `~/.local/state/image-syncer/state.redb`, or below
    /// `XDG_STATE_HOME`.
    #[arg(long, value_name = "FILE", value_parser = kept(), overrides_with_all = ["state", "no_state"], help_heading = "Copying")]
    pub(crate) state: Option<PathBuf>,

    /// Remember nothing
    #[arg(long, overrides_with_all = ["state", "no_state"], help_heading = "Copying")]
    pub(crate) no_state: bool,

    /// Seconds after a signal [default: 25]
    ///
    /// How long images in work have to end after the first SIGINT, SIGTERM or SIGHUP.
    #[arg(long, value_name = "SECONDS", default_value = "25", hide_default_value = true, value_parser = clap::value_parser!(u32), overrides_with = "drain", help_heading = "Copying")]
    pub(crate) drain: u32,

    /// Where the oldest releases noted blobs: not needed any more, so neither read nor written
    #[arg(long, value_name = "FILE", value_parser = file(), hide = true, overrides_with = "records")]
    pub(crate) records: Option<PathBuf>,
}

/// How much the log has, each with all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum LogLevel {
    /// What failed.
    Error,
    /// What is odd.
    #[value(alias = "warning")]
    Warn,
    /// What happens.
    Info,
    /// Every request, too.
    Debug,
}

impl LogLevel {
    /// As logrus writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
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
