//! The flags of the verbs that look: at an image, at its digest, at tags, at repositories.

use clap::{Args, Parser};

use super::login::LoginArgs;
use super::number::retries;
use super::select::{RepositorySelectArgs, TagSelectArgs};

/// Shows what an image is made of: platforms, layers and which of them are shared, sizes, when it was built, and what refers
/// to it. REF is `[HOST/]REPOSITORY[:TAG][@DIGEST]`; without tag and digest it is `latest`.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer inspect", bin_name = "image-syncer inspect", after_help = STATUS)]
pub(crate) struct InspectArgs {
    /// The image
    #[arg(value_name = "REF")]
    pub(crate) image: String,

    /// Print JSON
    #[arg(long, conflicts_with = "raw")]
    pub(crate) json: bool,

    /// Print the manifest's bytes, verbatim
    #[arg(long)]
    pub(crate) raw: bool,

    /// Name all tags of the same digest, too, where the registry lists what tags point at: Harbor, Alibaba's ACR
    #[arg(long, conflicts_with = "raw")]
    pub(crate) tags: bool,

    #[command(flatten)]
    pub(crate) look: LookArgs,
}

/// Prints an image's digest. REF is `[HOST/]REPOSITORY[:TAG][@DIGEST]`; without tag and digest it is `latest`.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer digest", bin_name = "image-syncer digest", after_help = STATUS)]
pub(crate) struct DigestArgs {
    /// The image
    #[arg(value_name = "REF")]
    pub(crate) image: String,

    #[command(flatten)]
    pub(crate) look: LookArgs,
}

/// Prints a repository's tags, one a line. Flags narrow them as they narrow a rule.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer tags", bin_name = "image-syncer tags", after_help = STATUS)]
pub(crate) struct TagsArgs {
    /// The repository: [HOST/]REPOSITORY
    #[arg(value_name = "REPO")]
    pub(crate) repository: String,

    /// Print behind each tag, after a tabulator, when it was pushed: registries that list this are Harbor and Alibaba's ACR
    #[arg(long)]
    pub(crate) dates: bool,

    #[command(flatten)]
    pub(crate) select: TagSelectArgs,

    #[command(flatten)]
    pub(crate) look: LookArgs,
}

/// Prints the repositories that a registry lists, one a line, without the host: all that the login may see, or those below
/// PREFIX, which is whole parts of a path.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer repos", bin_name = "image-syncer repos", after_help = STATUS)]
pub(crate) struct ReposArgs {
    /// The registry, and where in it
    #[arg(value_name = "HOST[/PREFIX]")]
    pub(crate) registry: String,

    #[command(flatten)]
    pub(crate) select: RepositorySelectArgs,

    #[command(flatten)]
    pub(crate) look: LookArgs,
}

/// How all of them ask.
#[derive(Clone, Debug, Args)]
pub(crate) struct LookArgs {
    #[command(flatten)]
    pub(crate) login: LoginArgs,

    /// How often a request that failed for a passing reason is tried again
    #[arg(short, long, value_name = "NUMBER", default_value = "2", value_parser = retries, allow_hyphen_values = true, overrides_with = "retries")]
    pub(crate) retries: u32,
}

const STATUS: &str = "Exit status: 0 it was shown, 1 it is not there or could not be read, 2 bad command line or config, 4 the login was refused.";
