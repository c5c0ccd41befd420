//! `image-syncer acr policy`: the rights that a RAM user needs, and no more.

use providers::alibaba::{PolicyRights, PolicyScope, ram_policy};

use crate::args::PolicyArgs;
use crate::exit_code;
use crate::output::print_json;

/// Prints the policy; returns the exit status.
pub(super) fn run(args: &PolicyArgs) -> u8 {
    let scope = PolicyScope {
        instance: args.instance.clone(),
        namespace: args.namespace.to_string(),
        region: args.region.clone(),
        account: args.account.as_ref().map(ToString::to_string),
    };
    let rights = if args.with_setup { PolicyRights::PushAndSetUp } else { PolicyRights::Push };
    let policy = ram_policy(&scope, rights);
    print_json(&policy);
    exit_code::DONE
}
