//! The message if a rule selects nothing.

use std::collections::BTreeSet;

use oci::RepositoryName;
use sync::select::Counts;

use crate::nearest::nearest;

/// The number of existing repositories to name.
const NAMED: usize = 3;

pub(super) fn nothing_selected(counts: Option<&Counts>) -> String {
    let stages = counts.map(|counts| format!(" ({counts})")).unwrap_or_default();
    format!("nothing is selected by the rule{stages}")
}

/// `source` is a registry with a pattern; `names` are the first of `listed` repositories.
pub(super) fn no_repository(source: &str, listed: usize, names: &[RepositoryName]) -> String {
    if names.is_empty() {
        return "no repository matches: none is listed there; check the pattern, and what the login may see"
            .to_owned();
    }
    let some = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let such_as = if listed > NAMED { ", such as" } else { ":" };
    let noun = if listed == 1 { "repository is" } else { "repositories are" };
    let meant = meant(source, names).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    format!("no repository matches: {listed} {noun} listed{such_as} {some}{meant}")
}

/// The pattern with a similar prefix that exists: `library/**` for `libary/**`.
fn meant(source: &str, names: &[RepositoryName]) -> Option<String> {
    let (host, pattern) = source.split_once('/')?;
    let components: Vec<&str> = pattern.split('/').collect();
    let length = components.iter().take_while(|part| !part.contains(['*', '('])).count();
    let (front, rest) = components.split_at(length);
    let front_of =
        |name: &RepositoryName| name.as_str().split('/').take(length).collect::<Vec<_>>().join("/");
    // The rest of the pattern must match below the prefix.
    let has_more = |name: &&RepositoryName| name.as_str().split('/').count() > length;
    let fronts: BTreeSet<String> = names.iter().filter(has_more).map(front_of).collect();
    let fronts: Vec<&str> = fronts.iter().map(String::as_str).collect();
    let front = front.join("/");
    let meant = nearest(&front, &fronts).filter(|meant| *meant != front)?;
    Some([&[host, meant], rest].concat().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_matches_nothing_is_told_with_what_there_is_and_what_was_meant() {
        let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<_>>();
        let there = names(&["library/nginx", "library/redis", "team/a/b", "team/a/c"]);
        let told = |source: &str| no_repository(source, 4, &there);
        let all = "no repository matches: 4 repositories are listed, such as `library/nginx`, `library/redis`, `team/a/b`";
        assert_eq!(told("r.io/libary/**"), format!("{all}; did you mean `r.io/library/**`?"));
        assert_eq!(told("r.io/taem/a/*"), format!("{all}; did you mean `r.io/team/a/*`?"));
        for source in ["r.io/library/x-*", "r.io/*/x", "r.io/elsewhere/**", "r.io/(libary/.*)/"] {
            assert_eq!(told(source), all, "{source}");
        }
        assert_eq!(
            no_repository("r.io/x/*", 1, &names(&["y"])),
            "no repository matches: 1 repository is listed: `y`"
        );
        let flat = no_repository("r.io/library/**", 1, &names(&["library000"]));
        assert_eq!(
            flat, "no repository matches: 1 repository is listed: `library000`",
            "nothing is below it"
        );
        assert!(no_repository("r.io/x/*", 0, &[]).contains("none is listed"));
    }
}
