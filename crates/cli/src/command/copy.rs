//! `image-syncer copy SOURCE TARGET...`: a single rule from the command line.

use super::asked::{Asked, Results};
use super::execute;
use super::refuse::refuse;
use super::resolve;
use crate::args::{CopyArgs, given};
use crate::config::{self, ConfigError, Defaults, Written, WrittenRule};

/// Copies; returns the exit status.
pub(crate) async fn run(args: &CopyArgs) -> u8 {
    let defaults = resolve::with_policies(&Defaults::default(), &args.run);
    let asked = Asked {
        needs_images: true,
        inputs: args.login.files(),
        digest_file: args.digest_file.as_deref(),
        ..Asked::of_config("copy", if args.json { Results::Report } else { Results::Images })
    };
    match written(args).and_then(|written| resolve::resolve_written(written, defaults)) {
        Ok(resolved) => execute::run(resolved, &args.run, asked).await,
        Err(errors) => refuse(&errors),
    }
}

fn written(args: &CopyArgs) -> Result<Written, Vec<ConfigError>> {
    let rule = WrittenRule::of_images(0, 1, args.source.clone(), args.targets.clone());
    let (auth, config) = (given(args.login.auth.as_deref()), args.login.config());
    let mut written = config::typed(config.as_deref(), auth, vec![rule], &config::environment)?;
    written.auth.reach_by(&args.login.reach)?;
    Ok(written)
}
