//! What can be typed behind `copy`.

use std::path::PathBuf;

use clap::{Arg, Parser};

use super::file;
use super::login::LoginArgs;
use super::run::RunArgs;

/// Copies one image or one repository, without rules
///
/// Prints a line for each image that stands at a target afterwards: HOST/REPOSITORY:TAG@DIGEST.
///
/// SOURCE and TARGET read as in a rule: `registry/repository` with nothing, a tag, a list, a `/pattern/` or a digest.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer copy", bin_name = "image-syncer copy", after_long_help = EXAMPLES, mut_args = of_copy)]
pub(crate) struct CopyArgs {
    /// Where to read
    pub(crate) source: String,

    /// Where to write; several are fed from one read
    #[arg(required = true, value_name = "TARGET")]
    pub(crate) targets: Vec<String>,

    /// Print the report as JSON
    ///
    /// Instead of a line for each image.
    #[arg(long)]
    pub(crate) json: bool,

    /// Write the targets' digests to a file
    ///
    /// A line for each digest, however many tags have it; - is stdout.
    #[arg(long, value_name = "FILE", value_parser = file::file(), overrides_with = "digest_file")]
    pub(crate) digest_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) login: LoginArgs,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// What a named image leaves behind can only be told here: to know of it would cost a request more.
fn of_copy(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "referrers" => arg.help("Signatures, SBOMs, too: else left behind").long_help(REFERRERS),
        _ => arg,
    }
}

const REFERRERS: &str = "\
Signatures, SBOMs, too: else left behind

Without it, signatures, SBOMs, attestations and whatever else refers to an image stay at the source, but for those with a tag that is copied. \
Nothing is asked about them; where a list of tags is read anyway, the summary counts those of cosign's that stay. Patterns (`HOST/**`) bring \
them along unless this is false.";

const EXAMPLES: &str = "\
Examples:
  image-syncer copy quay.io/coreos/etcd:v3.5.0 r.example.com/mirror/etcd
  image-syncer copy docker.io/library/alpine:3.20 r.example.com/alpine r2.example.com/alpine
  image-syncer copy 'quay.io/coreos/etcd:/^v3/' r.example.com/etcd --latest 5
  image-syncer copy --plain-http localhost:5000 localhost:5000/app:v1 r.example.com/app

Exit status:
  0  all well
  1  some images failed, or none matched
  2  bad command line or config
  3  all failed
  4  all failed by login";
