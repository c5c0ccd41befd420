//! `image-syncer completions`: the script with which a shell completes verbs, flags and values.

use clap_complete::generate;

use crate::args::{CompletionsArgs, program};
use crate::exit_code;
use crate::output::print_verbatim;

/// Prints the script; returns the exit status.
pub(crate) fn run(args: &CompletionsArgs) -> u8 {
    let mut script = Vec::new();
    generate(args.shell, &mut program(), "image-syncer", &mut script);
    let script = String::from_utf8_lossy(&script);
    // For a program with a dash in its name, clap's script for bash uses two spellings of its states, which never match:
    // <https://github.com/clap-rs/clap/issues/6421>. This makes them one.
    let script = script.replace("image__subcmd__syncer", "image__syncer");
    print_verbatim(script.trim_end());
    exit_code::DONE
}
