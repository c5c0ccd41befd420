//! Which part of all images a process brings, as it was typed.

use clap::Args;
use sync::Shard;

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ShardArgs {
    /// Only one part of so many, such as 2/5
    ///
    /// Whole repositories, split alike by all who have the same config. auto asks Kubernetes' `JOB_COMPLETION_INDEX` (with
    /// `IMAGE_SYNCER_SHARDS`), and the variables of AWS Batch, Cloud Run, GitLab and Slurm.
    #[arg(long, value_name = "I/N", value_parser = wanted, overrides_with = "shard")]
    pub(crate) shard: Option<WantedShard>,
}

/// Which shard is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WantedShard {
    /// The one that the environment names.
    Auto,
    This(Shard),
}

fn wanted(text: &str) -> Result<WantedShard, String> {
    if text == "auto" {
        return Ok(WantedShard::Auto);
    }
    let error = |error: sync::ShardError| format!("{error}, or auto");
    text.parse().map(WantedShard::This).map_err(error)
}

/// How many shards a plan is split for.
pub(super) fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| Shard::new(0, *count).is_some());
    count.ok_or_else(|| "it must be a number from 1 to 10000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_a_fraction_or_auto() {
        assert_eq!(wanted("auto"), Ok(WantedShard::Auto));
        assert_eq!(wanted("2/5"), Ok(WantedShard::This(Shard::new(1, 5).unwrap())));
        assert!(wanted("0/5").unwrap_err().contains("counted from 1, such as 2/5, or auto"));
        assert_eq!((count("3"), count("0").is_err(), count("-1").is_err()), (Ok(3), true, true));
    }
}
