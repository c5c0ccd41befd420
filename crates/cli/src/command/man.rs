//! `image-syncer man`: the manual pages, made from the same definitions as `--help`.

mod help;
mod page;
mod place;
mod synopsis;

use std::path::Path;

use clap::Command;

use self::page::page;
use super::refuse::refuse;
use crate::args::{ManArgs, program};
use crate::config::ConfigError;
use crate::exit_code;
use crate::output::print_verbatim;

/// Prints the program's page, or writes one for each verb; returns the exit status.
pub(crate) fn run(args: &ManArgs) -> u8 {
    let Some(folder) = &args.dir else {
        print_verbatim(page(program()).trim_end());
        return exit_code::DONE;
    };
    if let Err(error) = std::fs::create_dir_all(folder) {
        let problem = format!("the folder {} cannot be made: {error}", folder.display());
        return refuse(&[ConfigError::new(problem)]);
    }
    let written = pages(program(), "image-syncer", "image-syncer")
        .into_iter()
        .map(|(name, page)| write(folder, &name, &page));
    let problems: Vec<_> = written.filter_map(Result::err).collect();
    if problems.is_empty() { exit_code::DONE } else { refuse(&problems) }
}

fn write(folder: &Path, name: &str, page: &str) -> Result<(), ConfigError> {
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page)
        .map_err(|error| ConfigError::new(format!("{} cannot be written: {error}", path.display())))
}

/// The pages of a command and all its subcommands, with their names. `typed` is the command as typed, `name` the page's name.
fn pages(command: Command, typed: &str, name: &str) -> Vec<(String, String)> {
    let below: Vec<Command> = command.get_subcommands().cloned().collect();
    let below = below.into_iter().flat_map(|verb| {
        let (typed, name) = (format!("{typed} {}", verb.get_name()), format!("{name}-{}", verb.get_name()));
        pages(verb, &typed, &name)
    });
    let below: Vec<_> = below.collect();
    let command = command.name(name.to_owned()).display_name(name.to_owned()).bin_name(typed.to_owned());
    let page = page(command);
    std::iter::once((name.to_owned(), page)).chain(below).collect()
}
