//! What can be typed behind `image-syncer acr`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use oci::RegistryHost;
use providers::alibaba::{Endpoint, InstanceId, Region};

use super::ReachArgs;
use crate::command::acr::{AccountId, AddressRange, NamespaceName};

/// Helps with Alibaba Cloud Container Registry (ACR)
///
/// The user's rights, a login for other tools, namespace and whitelist.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer acr", bin_name = "image-syncer acr", disable_help_subcommand = true, after_long_help = EXAMPLES)]
pub(crate) struct AcrArgs {
    #[command(subcommand)]
    pub(crate) command: AcrCommand,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer acr policy --instance cri-xkx6vujuhay0test --namespace mirror
  image-syncer acr setup my-registry.cn-shanghai.cr.aliyuncs.com --namespace mirror --apply
  image-syncer acr token my-registry.cn-shanghai.cr.aliyuncs.com";

/// One of the things that can be done.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AcrCommand {
    /// Prints the smallest RAM policy for pushes, as JSON
    ///
    /// It lets a user push to one namespace of the Enterprise Edition.
    Policy(PolicyArgs),
    /// Prints the password of a temporary login
    ///
    /// For `docker login --password-stdin`.
    Token(TokenArgs),
    /// Shows what a namespace lacks, and creates it
    ///
    /// What it lacks to be pushed to; with --apply it is created.
    Setup(SetupArgs),
}

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Args)]
pub(crate) struct PolicyArgs {
    /// The instance's id, `cri-...`
    ///
    /// The console shows it, and `image-syncer acr setup` prints it.
    #[arg(long, value_name = "ID")]
    pub(crate) instance: InstanceId,

    /// The namespace that may be pushed to
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: NamespaceName,

    /// Only this region, such as cn-shanghai
    #[arg(long)]
    pub(crate) region: Option<Region>,

    /// Only this account
    ///
    /// Without it the one that the policy is made in.
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<AccountId>,

    /// Allow `image-syncer acr setup --apply`, too
    #[arg(long)]
    pub(crate) with_setup: bool,
}

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Args)]
pub(crate) struct AcrRegistryArgs {
    /// The registry
    ///
    /// Such as my-registry.cn-shanghai.cr.aliyuncs.com.
    pub(crate) host: RegistryHost,

    /// Config whose auth entry counts
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The instance's id [the registry tells]
    ///
    /// `cri-...`
    #[arg(long, value_name = "ID")]
    pub(crate) instance: Option<InstanceId>,

    /// Its region [the registry tells]
    ///
    /// Such as cn-shanghai.
    #[arg(long)]
    pub(crate) region: Option<Region>,

    /// Where the API answers
    ///
    /// A host or a whole URL. Without it cr.REGION.aliyuncs.com.
    #[arg(long, value_name = "HOST")]
    pub(crate) endpoint: Option<Endpoint>,

    #[command(flatten)]
    pub(crate) reach: ReachArgs,
}

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = TOKEN_EXAMPLE)]
pub(crate) struct TokenArgs {
    /// Print the user's name instead of the password
    #[arg(long)]
    pub(crate) user: bool,

    #[command(flatten)]
    pub(crate) registry: AcrRegistryArgs,
}

const TOKEN_EXAMPLE: &str = "\
Examples:
  image-syncer acr token HOST | docker login -u cr_temp_user --password-stdin HOST

The user's name, the end of the login and where the access key came from are told on stderr.";

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Args)]
pub(crate) struct SetupArgs {
    /// The namespace that will be pushed to
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: NamespaceName,

    /// Let these in, such as 203.0.113.0/24
    ///
    /// From the Internet: one address, or a range.
    #[arg(long, value_name = "ADDRESSES")]
    pub(crate) allow: Option<AddressRange>,

    /// Do it, instead of only showing it
    #[arg(long)]
    pub(crate) apply: bool,

    #[command(flatten)]
    pub(crate) registry: AcrRegistryArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        AcrArgs::command().debug_assert();
    }

    #[test]
    fn wrong_words_say_what_to_write() {
        let refused = |words: &str| {
            AcrArgs::try_parse_from(format!("acr {words}").split_whitespace()).unwrap_err().to_string()
        };
        for (words, said) in [
            ("policy --instance crpi-1 --namespace a1", "such as `cri-xkx6vujuhay0test`"),
            ("policy --instance cri-1 --namespace a/b", "2 to 120"),
            ("policy --instance cri-1 --namespace ab --region CN", "such as `cn-shanghai`"),
            ("policy --instance cri-1 --namespace ab --account me", "16 digits"),
            ("setup r.io --namespace ab --allow 0.0.0.0/0", "203.0.113.7/32"),
            ("token r.io --endpoint ftp://x", "https://host[:port]"),
        ] {
            let text = refused(words);
            assert!(text.contains(said), "{words}: {text}");
        }
    }
}
