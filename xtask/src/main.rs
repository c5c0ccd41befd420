//! The project's maintenance tasks, run as `cargo xtask <chore>`.

mod bench;
mod layers;
mod pictures;
mod release;
mod say;
mod torture;
mod trial;

use std::process::ExitCode;

use clap::Parser;

use say::say;

/// The project's own chores.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Chore {
    /// Check that every crate uses only what lies below it
    Layers,
    /// Measure ours beside every peer found, on real registries
    Bench(bench::Arguments),
    /// Break things for an hour (docs/reliability.md)
    Torture(torture::Arguments),
    /// Make the pictures of the documents from real runs
    Pictures(pictures::Arguments),
    /// Make what people install: static binary, archive, Debian package, image, lists of what is in it
    Release(release::Arguments),
    /// Make the container image alone, as an archive of an OCI layout
    Image(release::Arguments),
    /// Try a static binary in a file system with nothing but authorities and resolv.conf
    Trial(trial::Arguments),
    /// Run a program and say what it took (what `bench` does for each run)
    #[command(hide = true)]
    Measure(bench::measure::Arguments),
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Layers => layers::check(),
        Chore::Bench(arguments) => bench::run(&arguments),
        Chore::Release(arguments) => release::run(&arguments),
        Chore::Image(arguments) => release::run_image(&arguments),
        Chore::Trial(arguments) => trial::run(&arguments),
        Chore::Measure(arguments) => bench::measure::run(&arguments),
        Chore::Pictures(arguments) => pictures::run(&arguments),
        Chore::Torture(arguments) => torture::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
