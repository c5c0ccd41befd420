//! `image-syncer`: carries container images from registries to registries.

mod args;
mod command;
mod config;
mod diagnostic;
mod exit_code;
mod extras;
mod heap;
mod interrupt;
mod nearest;
mod output;
mod state_file;

use std::process::ExitCode;

use args::{Invocation, Unreadable};

fn main() -> ExitCode {
    heap::keep_together();
    output::tell_panics();
    let invocation = match args::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(unreadable) => return end(refuse(&unreadable)),
    };
    if let Some(run) = invocation.run_args() {
        output::choose_colour(run.show.color);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            output::say(&format!("error: cannot start: {error}"));
            return end(exit_code::USAGE);
        }
    };
    let code = runtime.block_on(async {
        interrupt::let_questions_be();
        match invocation {
            Invocation::Old(args) => command::sync::run_old(&args).await,
            Invocation::Sync(args) => command::sync::run(args).await,
            Invocation::Copy(args) => command::copy::run(&args).await,
            Invocation::Expand(args) => command::expand::run(args),
            Invocation::Check(args) => command::check::run(args).await,
            Invocation::Acr(args) => command::acr::run(&args).await,
            Invocation::Demo(args) => command::demo::run(&args).await,
        }
    });
    // Connections that wait for a peer must not hold the end up.
    runtime.shutdown_background();
    end(code)
}

/// Waits for what was said to arrive, but not for ever.
fn end(code: u8) -> ExitCode {
    output::finish();
    code.into()
}

fn refuse(unreadable: &Unreadable) -> u8 {
    match unreadable {
        Unreadable::Word(refusal) => output::say(&format!("error: {}: {}", refusal.problem, refusal.next)),
        Unreadable::Usage(text) => output::say_lines(text.trim_end()),
    }
    exit_code::USAGE
}
