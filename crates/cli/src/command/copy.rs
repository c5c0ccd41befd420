//! `image-syncer copy SOURCE TARGET...`: one rule, typed instead of written.

use super::{execute, sync};
use crate::args::CopyArgs;
use crate::config::{self, Defaults, WrittenRule};

/// Copies; gives the exit status.
pub(crate) async fn run(args: &CopyArgs) -> u8 {
    let rule = WrittenRule { line: 1, source: args.source.clone(), targets: args.targets.clone() };
    let written = config::typed(args.auth.as_deref(), vec![rule], &sync::environment);
    let defaults = Defaults { referrers: args.run.referrers.map(sync::policy), ..Defaults::default() };
    match written.and_then(|written| sync::resolve_written(written, defaults)) {
        Ok(resolved) => execute::run(resolved, &args.run).await,
        Err(errors) => sync::refuse(&errors),
    }
}
