//! `image-syncer explain IMAGE --report FILE`: why an image was copied, skipped or failed. Asks no registry.

mod known;
mod left_out;
mod search;
mod stage;
mod told;

use self::known::Known;
use self::search::{Found, Search};
use super::refuse::refuse;
use super::resolve::resolve_narrowed;
use crate::args::{ConfigArgs, ExplainArgs, NarrowArgs, OnlyArgs, given};
use crate::config::ConfigError;
use crate::exit_code;
use crate::output::report_json::{Facts, read};
use crate::output::{print_lines, warn};

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
            print_lines(told::lines(&entries, &run, known.as_ref()).into_iter());
            exit_code::DONE
        }
        Found::Several(names) => {
            let problem = format!("several images have names that end with `{}`", args.image);
            refuse(&[ConfigError::new(problem).help(format!("write one of them: {}", names.join(", ")))]);
            exit_code::SOME_FAILED
        }
        Found::Near { names, mut completed } => {
            completed.insert(0, args.image.clone());
            not_there(&completed, &run, known.as_ref(), &names)
        }
    }
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
    for image in images {
        let mut told = told::refused(image, run);
        if told.is_empty() {
            told = told::failed_rules(image, run);
            told.extend(known.iter().flat_map(|known| known.unlisted(image, run)));
        }
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
