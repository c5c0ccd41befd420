//! `image-syncer expand`: prints the resolved rules without asking any registry.

mod shown;
mod words;

use self::shown::{AnyRule, Shown};
pub(super) use self::words::selected;
use super::refuse::refuse;
use super::resolve;
use crate::args::ExpandArgs;
use crate::exit_code;
use crate::output::{print_json, print_lines, warn};

/// Prints the rules; returns the exit status.
pub(crate) fn run(args: ExpandArgs) -> u8 {
    let resolved = resolve::resolve_narrowed(&args.config.of_verb("expand"), &args.only, &args.narrow);
    let resolved = match resolved {
        Ok(resolved) => resolved,
        Err(errors) => return refuse(&errors),
    };
    for warning in &resolved.warnings {
        warn(warning);
    }
    let errors: Vec<_> = resolved.refused.iter().map(|refused| refused.error.clone()).collect();
    refuse(&errors);
    let rules = resolved.rules.iter().map(|rule| (rule.written.order, AnyRule::One(rule)));
    let patterns = resolved.patterns.iter().map(|rule| (rule.written.order, AnyRule::Many(rule)));
    let mut all: Vec<_> = rules.chain(patterns).collect();
    all.sort_by_key(|(order, _)| *order);
    // There may be tens of thousands of rules: each is put into words only when it is printed.
    let shown = all.into_iter().map(|(_, rule)| Shown::of(rule));
    if args.json {
        print_json(&shown.collect::<Vec<_>>());
    } else {
        print_lines(shown.flat_map(|rule| rule.lines()));
    }
    if errors.is_empty() { exit_code::DONE } else { exit_code::USAGE }
}
