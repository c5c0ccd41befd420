//! The flags of the verbs that look: at an image, at its digest, at tags, at repositories.

use clap::{Args, Parser};

use super::login::LoginArgs;
use super::retries::RetriesArgs;
use super::select::{RepositorySelectArgs, TagSelectArgs};

/// Shows what an image is made of
///
/// Platforms, layers and which of them are shared, sizes, when it was built, and what refers to it. REF is
/// `[HOST/]REPOSITORY[:TAG][@DIGEST]`; without tag and digest it is `latest`.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer inspect", bin_name = "image-syncer inspect", after_long_help = INSPECT)]
pub(crate) struct InspectArgs {
    /// The image
    #[arg(value_name = "REF")]
    pub(crate) image: String,

    /// Print JSON
    #[arg(long, conflicts_with = "raw")]
    pub(crate) json: bool,

    /// Print the manifest's bytes
    ///
    /// Verbatim; a terminal gets none that it would obey.
    #[arg(long)]
    pub(crate) raw: bool,

    /// Name all tags of the digest
    ///
    /// Where the registry lists what tags point at: Harbor, Alibaba's ACR.
    #[arg(long, conflicts_with = "raw")]
    pub(crate) tags: bool,

    #[command(flatten)]
    pub(crate) look: LookArgs,
}

/// Prints an image's digest
///
/// REF is `[HOST/]REPOSITORY[:TAG][@DIGEST]`; without tag and digest it is `latest`.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer digest", bin_name = "image-syncer digest", after_long_help = DIGEST)]
pub(crate) struct DigestArgs {
    /// The image
    #[arg(value_name = "REF")]
    pub(crate) image: String,

    #[command(flatten)]
    pub(crate) look: LookArgs,
}

/// Prints a repository's tags, one a line
///
/// Flags narrow them as they narrow a rule.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer tags", bin_name = "image-syncer tags", after_long_help = TAGS)]
pub(crate) struct TagsArgs {
    /// The repository: [HOST/]REPOSITORY
    #[arg(value_name = "REPO")]
    pub(crate) repository: String,

    /// Print when each was pushed
    ///
    /// Behind the tag, after a tabulator: registries that list this are Harbor and Alibaba's ACR.
    #[arg(long)]
    pub(crate) dates: bool,

    #[command(flatten)]
    pub(crate) select: TagSelectArgs,

    #[command(flatten)]
    pub(crate) look: LookArgs,
}

/// Prints the repositories of a registry, one a line
///
/// Those that it lists, without the host: all that the login may see, or those below PREFIX, which is whole parts of a path.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer repos", bin_name = "image-syncer repos", after_long_help = REPOS)]
pub(crate) struct ReposArgs {
    /// The registry, and where in it
    #[arg(value_name = "HOST[/PREFIX]")]
    pub(crate) registry: String,

    #[command(flatten)]
    pub(crate) select: RepositorySelectArgs,

    #[command(flatten)]
    pub(crate) look: LookArgs,
}

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Args)]
pub(crate) struct LookArgs {
    #[command(flatten)]
    pub(crate) login: LoginArgs,

    #[command(flatten, next_help_heading = "Registries")]
    pub(crate) retries: RetriesArgs,
}

const INSPECT: &str = "\
Examples:
  image-syncer inspect alpine:3.20
  image-syncer inspect harbor.example.com/team/app:v1 --json
  image-syncer inspect quay.io/coreos/etcd:v3.5.0 --raw

Exit status:
  0  it was shown
  1  it is not there or could not be read
  2  bad command line or config
  4  the login was refused";

const DIGEST: &str = "\
Examples:
  image-syncer digest alpine:3.20

Exit status:
  0  it was shown
  1  it is not there or could not be read
  2  bad command line or config
  4  the login was refused";

const TAGS: &str = "\
Examples:
  image-syncer tags quay.io/coreos/etcd --semver '>=3.5' --latest 5
  image-syncer tags harbor.example.com/team/app --dates

Exit status:
  0  it was shown
  1  it is not there or could not be read
  2  bad command line or config
  4  the login was refused";

const REPOS: &str = "\
Examples:
  image-syncer repos harbor.example.com/team
  image-syncer repos harbor.example.com --exclude-repository '**/tmp'

Exit status:
  0  it was shown
  1  it is not there or could not be read
  2  bad command line or config
  4  the login was refused";
