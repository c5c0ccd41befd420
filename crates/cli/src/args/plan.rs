//! The flags of `plan` and `apply`.

use std::path::PathBuf;

use clap::{Arg, Parser};

use super::config::ConfigArgs;
use super::file::{NamedFile, file, named};
use super::job::JobArgs;
use super::login::LoginArgs;
use super::narrow::NARROWING;
use super::only::OnlyArgs;
use super::run::RunArgs;
use super::shard::{ShardArgs, count};

/// Shows what sync would do, and changes nothing
///
/// Which images are new, which names move, what has to be sent. To know whether pushes are allowed, an upload is opened in
/// each repository that would be written to, and cancelled.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer plan", bin_name = "image-syncer plan", after_long_help = PLAN_EXAMPLES, mut_args = of_plan)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) only: OnlyArgs,

    #[command(flatten)]
    pub(crate) shard: ShardArgs,

    /// Divide the plan among so many shards
    ///
    /// Each of which `apply PLAN --shard I/N` carries out: other parts than those of `verify --shard`.
    #[arg(long, value_name = "N", value_parser = count, requires = "out", conflicts_with = "shard", overrides_with = "shards")]
    pub(crate) shards: Option<usize>,

    /// Write the plan to a file, for apply
    ///
    /// - is stdout.
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "out")]
    pub(crate) out: Option<PathBuf>,

    /// Print the plan as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Show also what is unchanged
    #[arg(long)]
    pub(crate) all: bool,

    /// End with status 10 where there is something to do
    #[arg(long)]
    pub(crate) exit_code: bool,

    #[command(flatten)]
    pub(crate) job: JobArgs,
}

const PLAN_EXAMPLES: &str = "\
Examples:
  image-syncer plan
  image-syncer plan --config mirror.yaml --out plan.json
  image-syncer plan --exit-code --only apps

Exit status:
  0   all could be planned
  1   some images, lists or rules failed
  2   bad command line or config
  3   all failed
  4   all failed by login
  10  with --exit-code: there is something to do";

/// Without what is about copying alone. `--force` counts: `apply` stores what the plan says.
fn of_plan(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "dry_run" | "output_success_images" | "output_failed_images" | "output_images_format" => {
            arg.hide(true)
        }
        _ => arg,
    }
}

impl PlanArgs {
    /// A flag that has no meaning here, and why.
    pub(crate) fn meaningless(&self) -> Option<&'static str> {
        let run = &self.job.run;
        [
            (run.output_success_images.is_some(), "--output-success-images: it copies nothing"),
            (run.output_failed_images.is_some(), "--output-failed-images: it copies nothing"),
        ]
        .into_iter()
        .find_map(|(is_given, why)| is_given.then_some(why))
    }
}

/// Carries out a plan: exactly its digests to its names
///
/// One that `image-syncer plan --out FILE` wrote. A name at the target that has changed since is left alone and told, and
/// the others go on.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer apply", bin_name = "image-syncer apply", after_long_help = APPLY_EXAMPLES, mut_args = of_apply)]
pub(crate) struct ApplyArgs {
    /// The plan; - is stdin
    #[arg(value_name = "PLAN", value_parser = named())]
    pub(crate) plan: PathBuf,

    /// Carry out a plan that was changed
    ///
    /// Since `plan` wrote it, for instance by taking steps out.
    #[arg(long)]
    pub(crate) allow_edited: bool,

    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) shard: ShardArgs,

    #[command(flatten)]
    pub(crate) login: LoginArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

const APPLY_EXAMPLES: &str = "\
Examples:
  image-syncer apply plan.json
  image-syncer apply plan.json --config mirror.yaml --report report.json

Exit status:
  0  all well
  1  some images failed, a target has changed since, or the plan lacks what failed when it was made
  2  bad command line, plan or config
  3  all failed
  4  all failed by login";

/// Without what the plan has decided.
fn of_apply(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "force" => arg.hide(true),
        id if NARROWING.contains(&id) => arg.hide(true),
        "shard" => arg.help("Only one part of the plan, such as 2/5").long_help(PART_OF_PLAN),
        _ => arg,
    }
}

const PART_OF_PLAN: &str = "\
Only one part of the plan, such as 2/5

As `plan --shards` has divided it, or else by what its steps send: another part than `verify` or `sync` look at with the same
--shard. auto asks Kubernetes' `JOB_COMPLETION_INDEX` (with `IMAGE_SYNCER_SHARDS`), and the variables of AWS Batch, Cloud Run,
GitLab and Slurm.";

impl ApplyArgs {
    /// A flag that has no meaning here, and why.
    pub(crate) fn meaningless(&self) -> Option<String> {
        let narrowing = self.run.narrow.first_given();
        let narrowing =
            narrowing.map(|flag| format!("{flag}: the plan says what is copied, so give it to `plan`"));
        let force = "--force: the plan says what is stored, so give it to `plan`";
        narrowing.or_else(|| self.run.force.then(|| force.to_owned()))
    }

    /// The files that are read.
    pub(crate) fn files(&self) -> Vec<NamedFile> {
        let mut files = self.login.files();
        files.push(NamedFile { name: "PLAN", path: self.plan.clone() });
        files
    }

    /// The config whose logins count, and whose rules the plan should have been made with.
    pub(crate) fn config(&self) -> ConfigArgs {
        ConfigArgs { config: self.login.config(), verb: Some("apply"), ..ConfigArgs::default() }
    }
}
