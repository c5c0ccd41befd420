//! `image-syncer`: copies container images between registries.

mod args;
mod command;
mod config;
mod diagnostic;
mod done;
mod exit_code;
mod heap;
mod import;
mod interrupt;
mod names;
mod nearest;
mod output;
mod state_file;

use std::process::ExitCode;

use args::{Invocation, Line, Refusal};
use output::Flushed;

fn main() -> ExitCode {
    heap::keep_together();
    names::load_nothing();
    output::tell_panics();
    let Line { invocation, ignored } = match args::parse(std::env::args_os()) {
        Ok(line) => line,
        Err(refusal) => return end(refuse(&refusal)),
    };
    if let Some(run) = invocation.run_args() {
        let odd = output::choose_progress(run.progress, run.show.quiet);
        // The output is for programs.
        let colour = if output::is_for_programs() { output::Colour::Never } else { run.show.color };
        output::choose_colour(colour);
        if let Some(odd) = odd {
            output::warn(&odd);
        }
    }
    for (flag, word) in ignored {
        output::warn(&format!(
            "`{word}` behind {flag} is ignored: where {flag} takes a value, write {flag}={word}"
        ));
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
            Invocation::Sync(args) => Box::pin(command::sync::run(args)).await,
            Invocation::Plan(args) => Box::pin(command::plan::run(args)).await,
            Invocation::Apply(args) => command::apply::run(args).await,
            Invocation::Copy(args) => command::copy::run(&args).await,
            Invocation::Verify(args) => Box::pin(command::verify::run(args)).await,
            Invocation::Prune(args) => command::prune::run(args).await,
            Invocation::Expand(args) => command::expand::run(args),
            Invocation::Check(args) => command::check::run(args).await,
            Invocation::Inspect(args) => command::inspect::run(&args).await,
            Invocation::Digest(args) => command::digest::run(&args).await,
            Invocation::Tags(args) => command::tags::run(&args).await,
            Invocation::Repos(args) => command::repos::run(&args).await,
            Invocation::Explain(args) => command::explain::run(args),
            Invocation::Report(args) => command::report::run(&args),
            Invocation::Import(args) => command::import::run(&args),
            Invocation::Acr(args) => command::acr::run(&args).await,
            #[cfg(feature = "fleet")]
            Invocation::Worker(args) => Box::pin(command::worker::run(*args)).await,
            #[cfg(not(feature = "fleet"))]
            Invocation::Worker(args) => command::no_fleet(&args.fleet),
            Invocation::Schema(args) => command::schema::run(&args),
            Invocation::Completions(args) => command::completions::run(&args),
            Invocation::Man(args) => command::man::run(&args),
            Invocation::Demo(args) => command::demo::run(&args).await,
        }
    });
    // The shutdown must not wait for connections whose peer does not answer.
    runtime.shutdown_background();
    end(code)
}

/// Waits until the output is written: for results without a limit, for messages with one.
fn end(code: u8) -> ExitCode {
    if interrupt::is_status(code) {
        output::let_results_go();
    }
    let Flushed::Failed(kind) = output::finish() else { return code.into() };
    output::say(&format!("error: stdout cannot be written: {kind}"));
    output::finish();
    if code == exit_code::DONE { exit_code::SOME_FAILED.into() } else { code.into() }
}

fn refuse(refusal: &Refusal) -> u8 {
    output::say(&format!("{}: {}", output::Paint::for_stderr().red("error"), refusal.problem));
    if let Some(next) = &refusal.next {
        output::say(&format!("  help: {next}"));
    }
    exit_code::USAGE
}
