//! `image-syncer expand`: what the config means, without asking any registry.

mod shown;
mod words;

use self::shown::Shown;
pub(super) use self::words::selected;
use super::refuse::refuse;
use super::resolve;
use crate::args::ExpandArgs;
use crate::exit_code;
use crate::output::{print_json, print_lines, warn};

/// Prints the rules; gives the exit status.
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
    let rules = resolved.rules.iter().map(|rule| (rule.written.order, Shown::of_rule(rule)));
    let patterns = resolved.patterns.iter().map(|rule| (rule.written.order, Shown::of_pattern(rule)));
    let mut shown: Vec<_> = rules.chain(patterns).collect();
    shown.sort_by_key(|(order, _)| *order);
    let shown: Vec<_> = shown.into_iter().map(|(_, rule)| rule).collect();
    if args.json {
        print_json(&shown);
    } else {
        print_lines(shown.iter().flat_map(Shown::lines));
    }
    if errors.is_empty() { exit_code::DONE } else { exit_code::USAGE }
}
