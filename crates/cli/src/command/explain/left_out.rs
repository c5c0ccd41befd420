//! What a report knows of a tag that its rule selects.

use crate::output::report_json::Facts;

/// The report's knowledge of a tag.
pub(super) enum Told<'a> {
    /// The rule left it out for this reason.
    LeftOut(&'a str),
    /// The rule did not leave it out, provided that the source had it.
    NotListed,
    /// Nothing: the run carried out a plan, and listed no tags.
    NotAsked,
    /// Nothing.
    Unknown,
}

/// The fate of a tag of `source` (registry and repository).
pub(super) fn told_of<'a>(run: &'a Facts, source: &str, tag: &str) -> Told<'a> {
    if run.head.command == "apply" {
        return Told::NotAsked;
    }
    let tail = &run.tail;
    let found = tail.left_out.iter().find(|left_out| left_out.source == source && left_out.tag == tag);
    match (found, tail.left_out_more) {
        (Some(left_out), _) => Told::LeftOut(&left_out.reason),
        (None, Some(0)) => Told::NotListed,
        (None, _) => Told::Unknown,
    }
}
