//! Which shard this process is, from flags or a scheduler's environment variables.

use ::sync::Shard;

use crate::args::{JobArgs, ShardArgs, WantedShard, given};
use crate::config::{ConfigError, environment};
use crate::output::warn;

/// Environment variables in which a scheduler numbers the processes of one job.
struct Scheduler {
    name: &'static str,
    index: &'static str,
    /// The number of the first process.
    first: First,
    count: &'static str,
    /// The advice if the count is missing.
    help: &'static str,
}

enum First {
    Number(usize),
    /// A variable holds it.
    In(&'static str),
}

const SCHEDULERS: [Scheduler; 5] = [
    Scheduler {
        name: "Kubernetes",
        index: "JOB_COMPLETION_INDEX",
        first: First::Number(0),
        count: "IMAGE_SYNCER_SHARDS",
        help: "Kubernetes does not tell how many there are: set IMAGE_SYNCER_SHARDS to the job's `completions` in the pod's `env`",
    },
    Scheduler {
        name: "AWS Batch",
        index: "AWS_BATCH_JOB_ARRAY_INDEX",
        first: First::Number(0),
        count: "AWS_BATCH_JOB_ARRAY_SIZE",
        help: "it is set for array jobs: write --shard I/N elsewhere",
    },
    Scheduler {
        name: "Cloud Run",
        index: "CLOUD_RUN_TASK_INDEX",
        first: First::Number(0),
        count: "CLOUD_RUN_TASK_COUNT",
        help: "Cloud Run sets it for jobs: write --shard I/N elsewhere",
    },
    Scheduler {
        name: "Slurm",
        index: "SLURM_ARRAY_TASK_ID",
        first: First::In("SLURM_ARRAY_TASK_MIN"),
        count: "SLURM_ARRAY_TASK_COUNT",
        help: "number the array without gaps, such as --array=1-8",
    },
    Scheduler {
        name: "GitLab",
        index: "CI_NODE_INDEX",
        first: First::Number(1),
        count: "CI_NODE_TOTAL",
        help: "give the job `parallel: N`",
    },
];

/// The requested shard of a config. What an earlier run left is not divided: most of a shard's own failures would fall to other shards.
pub(super) fn shard_of_config(args: ShardArgs, job: &JobArgs) -> Result<Option<Shard>, Vec<ConfigError>> {
    if args.shard.is_some() && given(job.retry_failed.as_deref()).is_some() {
        let error = ConfigError::new("--retry-failed and --shard cannot be used together");
        return Err(vec![
            error.help("the file of --retry-failed says which images are meant: leave --shard out"),
        ]);
    }
    shard(args)
}

/// The requested shard.
pub(super) fn shard(args: ShardArgs) -> Result<Option<Shard>, Vec<ConfigError>> {
    match args.shard {
        None => Ok(None),
        Some(WantedShard::This(shard)) => Ok(Some(shard)),
        Some(WantedShard::Auto) => {
            let (shard, scheduler) = of_environment(&environment).map_err(|error| vec![error])?;
            warn(&format!("this is shard {shard}, as {scheduler} says"));
            Ok(Some(shard))
        }
    }
}

fn of_environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<(Shard, &'static str), ConfigError> {
    let Some(scheduler) = SCHEDULERS.iter().find(|scheduler| lookup(scheduler.index).is_some()) else {
        let known: Vec<_> = SCHEDULERS.iter().map(|scheduler| scheduler.index).collect();
        let error = ConfigError::new("--shard auto finds no shard in the environment");
        return Err(error.help(format!("none of {} is set: write --shard I/N", known.join(", "))));
    };
    let number = |name: &str| {
        let text = lookup(name).ok_or_else(|| format!("{name} is not set"))?;
        text.trim().parse::<usize>().map_err(|_| format!("{name} is no number"))
    };
    let shard = || {
        let (index, count) = (number(scheduler.index)?, number(scheduler.count)?);
        let first = match scheduler.first {
            First::Number(first) => first,
            First::In(name) => number(name)?,
        };
        let shard = index.checked_sub(first).and_then(|index| Shard::new(index, count));
        shard.ok_or_else(|| format!("{} is {index}, of {count}, counted from {first}", scheduler.index))
    };
    let shard = shard().map_err(|problem: String| {
        let error = format!("--shard auto cannot tell which shard this is: {problem}");
        ConfigError::new(error).help(scheduler.help)
    })?;
    Ok((shard, scheduler.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Result<String, String> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let found = of_environment(&lookup);
        found.map(|(shard, name)| format!("{shard} {name}")).map_err(|error| error.to_string())
    }

    #[test]
    fn each_scheduler_counts_in_its_own_way() {
        for (variables, shard) in [
            ([("JOB_COMPLETION_INDEX", "0"), ("IMAGE_SYNCER_SHARDS", "4"), ("", "")], "1/4 Kubernetes"),
            (
                [("AWS_BATCH_JOB_ARRAY_INDEX", "3"), ("AWS_BATCH_JOB_ARRAY_SIZE", "4"), ("", "")],
                "4/4 AWS Batch",
            ),
            ([("CLOUD_RUN_TASK_INDEX", "1"), ("CLOUD_RUN_TASK_COUNT", "4"), ("", "")], "2/4 Cloud Run"),
            ([("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "4"), ("", "")], "1/4 GitLab"),
            (
                [
                    ("SLURM_ARRAY_TASK_ID", "11"),
                    ("SLURM_ARRAY_TASK_MIN", "10"),
                    ("SLURM_ARRAY_TASK_COUNT", "4"),
                ],
                "2/4 Slurm",
            ),
        ] {
            assert_eq!(found(&variables).as_deref(), Ok(shard));
        }
    }

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let told = |variables: &[(&str, &str)]| found(variables).unwrap_err();
        assert!(told(&[]).contains("none of JOB_COMPLETION_INDEX, "), "{}", told(&[]));
        let without_count = told(&[("JOB_COMPLETION_INDEX", "0")]);
        assert!(without_count.contains("IMAGE_SYNCER_SHARDS is not set"), "{without_count}");
        assert!(without_count.contains("`completions`"), "{without_count}");
        let gaps =
            [("SLURM_ARRAY_TASK_ID", "9"), ("SLURM_ARRAY_TASK_MIN", "1"), ("SLURM_ARRAY_TASK_COUNT", "3")];
        assert!(told(&gaps).contains("SLURM_ARRAY_TASK_ID is 9, of 3, counted from 1"), "{}", told(&gaps));
        assert!(told(&[("CI_NODE_INDEX", "0"), ("CI_NODE_TOTAL", "4")]).contains("CI_NODE_INDEX is 0"));
        assert!(told(&[("CI_NODE_INDEX", "x"), ("CI_NODE_TOTAL", "4")]).contains("no number"));
    }
}
