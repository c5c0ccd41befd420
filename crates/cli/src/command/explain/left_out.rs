//! What a report knows of a tag that its rule wants by its name.

use crate::output::report_json::Facts;

/// What it knows.
pub(super) enum Told<'a> {
    /// It was left out for this.
    LeftOut(&'a str),
    /// It was not left out, as far as it was there.
    NotListed,
    /// Nothing, because the run listed nothing: it carried out what a plan had decided.
    NotAsked,
    /// Nothing.
    Unknown,
}

/// What became of a tag of `source`, registry and repository.
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
