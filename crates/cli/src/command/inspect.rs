//! `image-syncer inspect REF`: shows the parts of an image, by the fewest requests. For one image these are its manifest, its config, its
//! referrers, and cosign's tags for signatures and the like; for an index also each of its manifests.

mod assemble;
mod config;
mod graph;
mod noted;
mod surroundings;

use std::io::IsTerminal as _;

use ::sync::{Error, Operation, Source as _};

use self::assemble::assemble;
use self::graph::Graph;
use self::surroundings::surroundings;
use super::look::{Look, tell};
use crate::args::InspectArgs;
use crate::config::NamedImage;
use crate::exit_code;
use crate::output::inspect::{Inspected, lines};
use crate::output::{print_json, print_lines, say, write_to_stdout};

/// Reads and prints; returns the exit status.
pub(crate) async fn run(args: &InspectArgs) -> u8 {
    let (look, image) = match Look::at(&args.image, &args.look) {
        Ok(look) => look,
        Err(code) => return code,
    };
    if args.raw {
        return raw(&look, &image).await;
    }
    let inspected = inspect(&look, &image, args.tags).await;
    look.tell_notes();
    match inspected {
        Ok((inspected, problems)) => {
            if args.json {
                print_json(&inspected);
            } else {
                print_lines(lines(&inspected).into_iter());
            }
            // A missing part makes the answer incomplete only.
            for problem in &problems {
                tell(problem);
            }
            if problems.is_empty() { exit_code::DONE } else { exit_code::SOME_FAILED }
        }
        Err(error) => tell(&error),
    }
}

/// Prints the manifest's bytes without a trailing newline; for a terminal, control characters are escaped.
async fn raw(look: &Look, image: &NamedImage) -> u8 {
    let repository = look.repository(&image.place);
    // A digest, too, names the image itself here and no part of one.
    let operation = Operation::Resolve(image.by.clone());
    let manifest = look.ask(repository.name(), operation, || repository.manifest(&image.by)).await;
    look.tell_notes();
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(error) => return tell(&error),
    };
    if std::io::stdout().is_terminal() {
        print_lines(String::from_utf8_lossy(manifest.bytes()).lines().map(str::to_owned));
        return exit_code::DONE;
    }
    match write_to_stdout(|writer| writer.write_all(manifest.bytes())) {
        Ok(()) => exit_code::DONE,
        Err(error) => {
            say(&format!("error: stdout cannot be written: {error}"));
            exit_code::SOME_FAILED
        }
    }
}

/// The findings, and the errors of parts that could not be read.
async fn inspect(look: &Look, image: &NamedImage, tags: bool) -> Result<(Inspected, Vec<Error>), Error> {
    let repository = look.repository(&image.place);
    let graph = Graph::new(look, &repository);
    let (node, mut problems) = graph.read(&image.by).await?;
    let (surroundings, more) = surroundings(look, &repository, &image.place, &node, tags).await;
    problems.extend(more);
    Ok((assemble(&image.place, &node, surroundings), problems))
}
