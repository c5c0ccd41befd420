//! `image-syncer repos HOST[/PREFIX]`: lists the repositories of a registry as rules with patterns do.

use std::collections::HashSet;

use ::sync::listing::Listing as _;
use ::sync::select::RepositorySelection;
use ::sync::{Error, Operation};
use oci::RepositoryName;

use super::look::{Look, error, tell, unnamed};
use super::refuse::refuse;
use crate::args::ReposArgs;
use crate::config::NamedRegistry;
use crate::exit_code;
use crate::output::{print_lines, warn};

/// Prints the repositories; returns the exit status.
pub(crate) async fn run(args: &ReposArgs) -> u8 {
    let registry = match NamedRegistry::parse(&args.registry) {
        Ok(registry) => registry,
        Err(error) => return unnamed(&error),
    };
    let look = match Look::new(&args.look) {
        Ok(look) => look,
        Err(errors) => return refuse(&errors),
    };
    let listed = list(&look, &registry, &args.select.selection()).await;
    look.tell_notes();
    match listed {
        Ok(names) => {
            if names.is_empty() {
                warn(&nothing(&registry));
            }
            print_lines(names.iter().map(ToString::to_string));
            exit_code::DONE
        }
        Err(error) => tell(&error),
    }
}

fn nothing(registry: &NamedRegistry) -> String {
    match &registry.front {
        Some(front) => format!(
            "no repository that was asked for lies below `{}/{front}`, as far as this login may see",
            registry.host
        ),
        None => format!(
            "`{}` lists no repository that was asked for, as far as this login may see",
            registry.host
        ),
    }
}

/// Each repository once, in the registry's order.
async fn list(
    look: &Look,
    registry: &NamedRegistry,
    selection: &RepositorySelection,
) -> Result<Vec<RepositoryName>, Error> {
    let listing = look.registries.lock().listing(&registry.host, &registry.sample());
    look.tell_oddities();
    let (mut pages, mut names, mut seen) =
        (listing.repositories(&registry.below()), Vec::new(), HashSet::new());
    let mut patience = look.patience();
    let is_wanted = |name: &RepositoryName| registry.covers(name) && selection.reason_against(name).is_none();
    loop {
        let page = pages.next().await;
        pages.notes().iter().for_each(|note| warn(note));
        match page {
            Ok(Some(page)) => {
                patience = look.patience();
                names.extend(page.into_iter().filter(|name| is_wanted(name) && seen.insert(name.clone())));
            }
            Ok(None) => return Ok(names),
            Err(cause) => {
                patience.wait(error(listing.name(), Operation::ListRepositories, cause)).await?;
            }
        }
    }
}
