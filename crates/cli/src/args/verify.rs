//! `image-syncer verify`: what was typed.

use clap::{Arg, Parser};
use sync::Share;

use super::job::JobArgs;
use super::only::OnlyArgs;
use super::shard::ShardArgs;

/// Proves that what targets have is whole
///
/// Every selected image's name, manifests, blobs, and what refers to it, compared with the source. Prints each image that is
/// not whole, with what is wrong; asks the registries and believes nothing that earlier runs noted. Without --config,
/// `./image-syncer.yaml` is read.
///
/// With TARGETs there is no source: each image there has to have all that it names.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer verify", bin_name = "image-syncer verify", after_long_help = EXAMPLES, mut_args = of_verify)]
pub(crate) struct VerifyArgs {
    /// Images to look at without any source
    ///
    /// HOST/REPOSITORY with nothing, a tag, a list, a /pattern/ or a digest behind it, or HOST/PROJECT/**.
    #[arg(value_name = "TARGET", conflicts_with_all = ["only", "retry_failed", "images"])]
    pub(crate) targets: Vec<String>,

    /// Read and hash blobs at the target
    ///
    /// Each once for a registry, instead of asking whether they are there, and how long; --bandwidth limits it.
    #[arg(long)]
    pub(crate) deep: bool,

    /// Bring what is broken from the source
    ///
    /// Nothing else, and look at it again.
    #[arg(long)]
    pub(crate) repair: bool,

    /// Look only at a share, such as 5%
    ///
    /// Chosen by chance, and at one at least.
    #[arg(long, value_name = "PERCENT", overrides_with = "sample")]
    pub(crate) sample: Option<Share>,

    #[command(flatten)]
    pub(crate) only: OnlyArgs,

    #[command(flatten)]
    pub(crate) shard: ShardArgs,

    /// Print the result as JSON
    ///
    /// --report writes the same to a file.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) job: JobArgs,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer verify
  image-syncer verify --config mirror.yaml --deep --sample 5%
  image-syncer verify --repair --report verified.json
  image-syncer verify 'r.example.com/mirror/**'

Exit status:
  0  all whole, or repaired
  1  differences are left, or no image was selected
  2  bad command line or config
  3  nothing could be looked at
  4  the same, by login";

fn of_verify(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "force" | "dry_run" | "output_success_images" | "output_failed_images" | "output_images_format"
        | "summary_markdown" => arg.hide(true),
        "report" => arg
            .help("Write every image with what was found")
            .long_help("Write every image with what was found\n\nAs JSON; `image-syncer schema verify` describes it. Several are possible."),
        _ => arg,
    }
}

impl VerifyArgs {
    /// A flag that has no meaning here, and why.
    pub(crate) fn meaningless(&self) -> Option<&'static str> {
        let run = &self.job.run;
        [
            (run.force, "--force: what is broken is stored again by `--repair`"),
            (run.dry_run, "--dry-run: `verify` changes nothing without `--repair`"),
            (
                run.output_success_images.is_some(),
                "--output-success-images: `--report FILE` names all images",
            ),
            (run.output_failed_images.is_some(), "--output-failed-images: `--report FILE` names all images"),
        ]
        .into_iter()
        .find_map(|(is_given, why)| is_given.then_some(why))
    }
}
