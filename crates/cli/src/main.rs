//! `image-syncer`: carries container images from registries to registries.

mod args;
mod command;
mod config;
mod diagnostic;
mod exit_code;
mod extras;
mod heap;
mod interrupt;
mod output;
mod state_file;

use std::process::ExitCode;

use args::Invocation;

fn main() -> ExitCode {
    heap::keep_together();
    let invocation = args::parse(std::env::args_os());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            output::say(&format!("error: cannot start: {error}"));
            return exit_code::USAGE.into();
        }
    };
    let code = runtime.block_on(async {
        match invocation {
            Invocation::Sync(args) => command::sync::run(&args).await,
            Invocation::Copy(args) => command::copy::run(&args).await,
            Invocation::Expand(args) => command::expand::run(&args),
            Invocation::Check(args) => command::check::run(&args).await,
            Invocation::Acr(args) => command::acr::run(&args).await,
            Invocation::Demo(args) => command::demo::run(&args).await,
        }
    });
    // Connections that wait for a peer must not hold the end up.
    runtime.shutdown_background();
    code.into()
}
