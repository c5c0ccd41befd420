//! `image-syncer completions`: what a shell needs to complete verbs, flags and values.

use clap_complete::generate;

use crate::args::{CompletionsArgs, program};
use crate::exit_code;
use crate::output::print_verbatim;

/// Prints it; gives the exit status.
pub(crate) fn run(args: &CompletionsArgs) -> u8 {
    let mut script = Vec::new();
    generate(args.shell, &mut program(), "image-syncer", &mut script);
    let script = String::from_utf8_lossy(&script);
    // The script for bash names its states in two ways where the program's name has a dash, and then finds none:
    // <https://github.com/clap-rs/clap/issues/6421>. One of them it is.
    let script = script.replace("image__subcmd__syncer", "image__syncer");
    print_verbatim(script.trim_end());
    exit_code::DONE
}
