//! The flags of `prune`. None of those that narrow what rules select: what is not selected would seem to be gone.

use std::path::PathBuf;

use clap::Parser;
use sync::prune::MaxDelete;

use super::file::{file, kept};
use super::number::at_least_one;
use super::retries::RetriesArgs;
use super::{ConfigArgs, OnlyArgs, ReachArgs, ShowArgs};

/// Shows, or deletes, what sources do not have any more
///
/// With --apply it deletes what targets have that their sources do not have any more: of rules that have the key `prune`,
/// and nothing that any rule of the config selects. Nothing goes where a rule cannot be listed, a source has no tags, or
/// more would go than `maxDelete` lets.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer prune", bin_name = "image-syncer prune", after_long_help = EXAMPLES)]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    pub(crate) only: OnlyArgs,

    /// Delete; without it, only show
    #[arg(long)]
    pub(crate) apply: bool,

    /// The most that goes, of each repository
    ///
    /// In one run, in place of what rules say: a number of tags, or a part of the target repository's tags such as 10%.
    #[arg(long, value_name = "N|N%", value_parser = max_delete, overrides_with = "max_delete")]
    pub(crate) max_delete: Option<MaxDelete>,

    /// Write first what is deleted
    ///
    /// Before anything is, a line NAME DIGEST for each, behind what is in the file already; - is stdout.
    #[arg(long, value_name = "FILE", value_parser = file(), requires = "apply", overrides_with = "undo_list")]
    pub(crate) undo_list: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Lists at once [default: 5]
    ///
    /// How many are read at once from each source.
    #[arg(short, long, value_name = "NUMBER", default_value = "5", hide_default_value = true, value_parser = at_least_one, allow_hyphen_values = true, overrides_with = "proc")]
    pub(crate) proc: usize,

    #[command(flatten)]
    pub(crate) retries: RetriesArgs,

    /// Where to remember what was seen
    ///
    /// Since when something has been gone, which `grace` asks. Without it in `~/.local/state/image-syncer/state.redb`, or below
    /// `XDG_STATE_HOME`.
    #[arg(long, value_name = "FILE", value_parser = kept(), overrides_with_all = ["state", "no_state"])]
    pub(crate) state: Option<PathBuf>,

    /// Remember nothing
    ///
    /// Then only rules with `grace: 0s` delete.
    #[arg(long, overrides_with_all = ["state", "no_state"])]
    pub(crate) no_state: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    #[command(flatten)]
    pub(crate) reach: ReachArgs,

    #[command(flatten)]
    pub(crate) show: ShowArgs,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer prune
  image-syncer prune --config mirror.yaml --apply --undo-list gone.txt
  image-syncer prune --only apps --apply --max-delete 20

Exit status:
  0  all well
  1  refused, or something could not be deleted
  2  bad command line or config
  4  no rule could be listed, because its login was refused";

fn max_delete(text: &str) -> Result<MaxDelete, String> {
    let number = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten()
    };
    let read = match text.strip_suffix('%') {
        Some(part) => number(part)
            .and_then(|part| u8::try_from(part).ok())
            .filter(|part| *part <= 100)
            .map(MaxDelete::Percent),
        None => number(text).map(MaxDelete::Tags),
    };
    read.ok_or_else(|| "write a number of tags, or a part from 0% to 100%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_a_part_may_go() {
        for (text, expected) in [
            ("3", Some(MaxDelete::Tags(3))),
            ("0", Some(MaxDelete::Tags(0))),
            ("10%", Some(MaxDelete::Percent(10))),
            ("100%", Some(MaxDelete::Percent(100))),
            ("101%", None),
            ("x", None),
            ("-1", None),
            ("+1", None),
            ("", None),
            ("%", None),
        ] {
            assert_eq!(max_delete(text).ok(), expected, "{text}");
        }
    }
}
