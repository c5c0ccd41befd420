//! `image-syncer inspect REF`: what an image is made of, by the fewest requests. Of one image they are its manifest, its
//! config, what refers to it, and the tags under which cosign keeps signatures and the like; of an index each of its manifests besides.

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

/// Looks and prints; gives the exit status.
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
            // What is not there is half of an answer only.
            for problem in &problems {
                tell(problem);
            }
            if problems.is_empty() { exit_code::DONE } else { exit_code::SOME_FAILED }
        }
        Err(error) => tell(&error),
    }
}

/// Prints the manifest as it came, with nothing behind it; a terminal gets nothing that it would obey.
async fn raw(look: &Look, image: &NamedImage) -> u8 {
    let repository = look.repository(&image.place);
    // By a digest, too, it is the image that is named, and no part of one.
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

/// What could be found out, and what could not.
async fn inspect(look: &Look, image: &NamedImage, tags: bool) -> Result<(Inspected, Vec<Error>), Error> {
    let repository = look.repository(&image.place);
    let graph = Graph::new(look, &repository);
    let (node, mut problems) = graph.read(&image.by).await?;
    let (surroundings, more) = surroundings(look, &repository, &image.place, &node, tags).await;
    problems.extend(more);
    Ok((assemble(&image.place, &node, surroundings), problems))
}
