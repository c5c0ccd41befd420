//! `image-syncer acr`: prepares an Alibaba Cloud registry for copies.

mod access;
mod account;
mod address_range;
mod fail;
mod namespace;
mod plan;
mod policy;
mod setup;
mod token;

use crate::args::{AcrArgs, AcrCommand};

pub(crate) use account::AccountId;
pub(crate) use address_range::AddressRange;
pub(crate) use namespace::NamespaceName;

/// Runs the chosen subcommand; returns the exit status.
pub(crate) async fn run(args: &AcrArgs) -> u8 {
    match &args.command {
        AcrCommand::Policy(args) => policy::run(args),
        AcrCommand::Token(args) => token::run(args).await,
        AcrCommand::Setup(args) => setup::run(args).await,
    }
}
