//! `image-syncer explain IMAGE --report FILE`: why an image was copied, skipped or failed. Asks no registry.

mod known;
mod left_out;
mod lists;
mod rows;
mod search;
mod stage;
mod told;

use std::collections::BTreeSet;

use self::known::Known;
use self::search::{Found, Search, completed};
use super::refuse::refuse;
use super::resolve::resolve_narrowed;
use crate::args::{ConfigArgs, ExplainArgs, NarrowArgs, OnlyArgs, given};
use crate::config::ConfigError;
use crate::exit_code;
use crate::output::report_json::{Facts, read};
use crate::output::{print_lines, warn};

/// The most full names that are looked for in place of the end of a name.
const NAMES_TRIED: usize = 10;

/// Explains; returns the exit status.
pub(crate) fn run(args: ExplainArgs) -> u8 {
    let mut search = Search::new(&args.image);
    let mut look = |image| {
        search.look(image);
        Ok(())
    };
    let run = match read(&args.report, &mut look) {
        Ok(run) => run,
        Err(unreadable) => return refuse(&[ConfigError::new(unreadable.problem).file(&args.report)]),
    };
    let known = match known(args.config, &run) {
        Ok(known) => known,
        Err(errors) => return refuse(&errors),
    };
    match search.found() {
        Found::These(entries) => {
            let mut lines = told::lines(&entries, &run, known.as_ref());
            let lists = lists::lines(&[args.image], &run);
            if !lists.is_empty() {
                lines.extend([String::new(), "lists that may have such an image, too:".to_owned()]);
                lines.extend(lists);
            }
            print_lines(lines.into_iter());
            exit_code::DONE
        }
        Found::Several(names) => {
            let problem = format!("several images have names that end with `{}`", args.image);
            refuse(&[ConfigError::new(problem).help(format!("write one of them: {}", names.join(", ")))]);
            exit_code::SOME_FAILED
        }
        Found::Near { names, completed } => {
            let images = possible(&args.image, completed, &run, known.as_ref());
            not_there(&images, &run, known.as_ref(), &names)
        }
    }
}

/// The names that the image may have: the typed one first, then full names in repositories of the report and the config that end with it.
fn possible(typed: &str, of_images: Vec<String>, run: &Facts, known: Option<&Known>) -> Vec<String> {
    let failed = run.tail.failed_rules.iter().filter_map(|failed| completed(typed, &failed.source));
    let known = known.map(|known| known.completed(typed, run)).unwrap_or_default();
    let full: BTreeSet<String> = of_images.into_iter().chain(failed).chain(known).collect();
    let full = full.into_iter().filter(|name| *name != typed);
    std::iter::once(typed.to_owned()).chain(full.take(NAMES_TRIED)).collect()
}

/// The rules of the config, if there is one. A default config whose rules differ from the report's is ignored.
fn known(args: ConfigArgs, run: &Facts) -> Result<Option<Known>, Vec<ConfigError>> {
    let name = |args: &ConfigArgs| {
        let named = given(args.config.as_deref()).or_else(|| given(args.images.as_deref()));
        named.map(|path| path.display().to_string())
    };
    let (typed, args) = (name(&args), args.of_verb("explain"));
    let Some(file) = name(&args) else { return Ok(None) };
    let known = Known::new(resolve_narrowed(&args, &OnlyArgs::default(), &NarrowArgs::default())?);
    if known.has_rules_of(run) {
        return Ok(Some(known));
    }
    let of = run.head.config.as_ref().map(|config| format!(" (it was made with {config})"));
    let other = format!("{file} has none of the rules of this report{}", of.unwrap_or_default());
    if typed.is_some() {
        warn(&format!("{other}: what it says of rules and logins may not be what the run did"));
        return Ok(Some(known));
    }
    warn(&format!("{other}, and is left aside: name the run's config with --config FILE"));
    Ok(None)
}

/// The report does not have the image: the config, or rules that failed as a whole, may say why. `images` are its possible names, the typed
/// one first.
fn not_there(images: &[String], run: &Facts, known: Option<&Known>, near: &[String]) -> u8 {
    let mut lines = Vec::new();
    for (number, image) in images.iter().enumerate() {
        // The lists are told once, of all its names.
        let mut told = if number == 0 { lists::lines(images, run) } else { Vec::new() };
        let refused = told::refused(image, run);
        if refused.is_empty() {
            told.extend(known.iter().flat_map(|known| known.unlisted(image, &images[0], run)));
        }
        told.extend(refused);
        if !told.is_empty() {
            lines.push(format!("{image} is not in the report"));
            lines.append(&mut told);
        }
    }
    if !lines.is_empty() {
        print_lines(lines.into_iter());
        return exit_code::DONE;
    }
    let help = match (near, known) {
        ([], None) => "name the config, too: --config FILE says which rule would list it".to_owned(),
        ([], Some(_)) => {
            "no rule of the config lists it either: name it as the report does, HOST/REPOSITORY:TAG"
                .to_owned()
        }
        (near, _) => format!("those with names like it: {}", near.join(", ")),
    };
    refuse(&[ConfigError::new(format!("`{}` is not in the report", images[0])).help(help)]);
    exit_code::SOME_FAILED
}
