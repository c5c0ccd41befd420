//! `image-syncer tags REPO`: lists the tags of a repository, with the filters of rules.

use std::collections::{HashMap, HashSet};
use std::io::{BufWriter, Write as _};
use std::time::SystemTime;

use ::sync::select::{ListedTag, TagSelection};
use ::sync::{Error, Operation, Source};
use oci::{Reference, Tag, TagOrDigest};

use super::look::{Look, error, tell, unnamed};
use super::refuse::refuse;
use crate::args::TagsArgs;
use crate::config::{ConfigError, parse_repository};
use crate::exit_code;
use crate::output::{say, warn, write_to_stdout};

type Dates = HashMap<Tag, SystemTime>;

/// Prints the tags; returns the exit status.
pub(crate) async fn run(args: &TagsArgs) -> u8 {
    let place = match parse_repository(&args.repository) {
        Ok(place) => place,
        Err(error) => return unnamed(&error),
    };
    let look = match Look::new(&args.look) {
        Ok(look) => look,
        Err(errors) => return refuse(&errors),
    };
    let looked = look_up(&look, &place, args.dates).await;
    look.tell_notes();
    match looked {
        Ok((tags, None)) if args.dates && !tags.is_empty() => no_dates(&place),
        Ok((tags, dates)) => {
            let chosen = chosen(tags, dates.as_ref(), args);
            print(&chosen, args.dates.then(|| dates.unwrap_or_default()).as_ref())
        }
        Err(error) => tell(&error),
    }
}

/// All tags, and their dates if they are wanted and the registry has them.
async fn look_up(look: &Look, place: &Reference, dates: bool) -> Result<(Vec<Tag>, Option<Dates>), Error> {
    let repository = look.repository(place);
    let tags = list(look, &repository).await?;
    if !dates || tags.is_empty() {
        return Ok((tags, None));
    }
    let known = look.registries.lock().known(&place.registry, &place.repository);
    let ask = || known.registry_api.bulk_listing(&place.repository);
    let listing = look.ask(repository.name(), Operation::ListTags, ask).await?;
    Ok((tags, listing.map(|listing| listing.dates).filter(|dates| !dates.is_empty())))
}

/// Each tag once, in the registry's order.
async fn list(look: &Look, repository: &dyn Source) -> Result<Vec<Tag>, Error> {
    let (mut pages, mut tags, mut seen) = (repository.tags(), Vec::new(), HashSet::new());
    let mut patience = look.patience();
    loop {
        match pages.next().await {
            Ok(Some(page)) => {
                patience = look.patience();
                for name in page.invalid {
                    warn(&format!("`{name}` is listed, and is no tag"));
                }
                // A list that changes while it is read may repeat a tag.
                tags.extend(page.tags.into_iter().filter(|tag| seen.insert(tag.clone())));
            }
            Ok(None) => return Ok(tags),
            Err(cause) => patience.wait(error(repository.name(), Operation::ListTags, cause)).await?,
        }
    }
}

/// The tags that the flags select.
fn chosen(tags: Vec<Tag>, dates: Option<&Dates>, args: &TagsArgs) -> Vec<Tag> {
    let selection = args.select.narrowing().of(&TagSelection::default());
    if selection.is_all() {
        return tags;
    }
    let date = |tag: &Tag| dates.and_then(|dates| dates.get(tag).copied());
    let listed = tags.into_iter().map(|tag| ListedTag { date: date(&tag), tag, first_seen: None });
    let selected = selection.select(&listed.collect::<Vec<_>>(), SystemTime::now());
    if selected.chosen.is_empty() {
        say(&format!("selected {}", selected.counts));
    }
    let tag = |image| if let TagOrDigest::Tag(tag) = image { Some(tag) } else { None };
    selected.chosen.into_iter().filter_map(tag).collect()
}

/// By their grammar, tags and dates have no control characters.
fn print(tags: &[Tag], dates: Option<&Dates>) -> u8 {
    let undated = dates.map_or(0, |dates| tags.iter().filter(|tag| !dates.contains_key(tag)).count());
    if undated > 0 {
        warn(&format!("the registry tells no date of {undated} of these tags"));
    }
    let written = write_to_stdout(|writer| {
        let mut writer = BufWriter::new(writer);
        for tag in tags {
            match dates.map(|dates| dates.get(tag)) {
                None => writeln!(writer, "{tag}")?,
                Some(date) => writeln!(writer, "{tag}\t{}", date.copied().map(shown).unwrap_or_default())?,
            }
        }
        writer.flush()
    });
    match written {
        Ok(()) => exit_code::DONE,
        Err(error) => {
            say(&format!("error: stdout cannot be written: {error}"));
            exit_code::SOME_FAILED
        }
    }
}

/// RFC 3339; an empty text for a date outside the calendar.
fn shown(date: SystemTime) -> String {
    jiff::Timestamp::try_from(date).map(|date| date.to_string()).unwrap_or_default()
}

/// The build date of an image is no substitute: it does not say when the tag was pushed, and costs two requests for each tag.
fn no_dates(place: &Reference) -> u8 {
    let problem = format!("{}/{} does not tell when tags were pushed", place.registry, place.repository);
    refuse(&[ConfigError::new(problem).help(
        "Harbor does, and Alibaba's ACR where the registry's auth entry has \"provider\": \"acr\"; when one image was built, `image-syncer inspect` shows",
    )]);
    exit_code::SOME_FAILED
}
