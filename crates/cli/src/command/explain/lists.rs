//! What a report says of the lists of rules that may have an image: which failed, and which a stopped run did not read to their end.

use oci::{Reference, RegistryHost, RepositoryName};
use sync::RepositoryPattern;

use super::rows::failure;
use super::search::split;
use crate::config::{SourceText, parse_from};
use crate::output::Failure;
use crate::output::report_json::Facts;

/// A list of a rule that lacks images.
pub(super) struct Lack<'a> {
    /// The rule's.
    label: &'a str,
    source: &'a str,
    /// Why it failed; `None` if the run was stopped before its end.
    error: Option<&'a Failure>,
}

impl Lack<'_> {
    /// The end of a sentence about the rule.
    pub(super) fn words(&self) -> String {
        match self.error {
            Some(_) => format!("brought no images of {}", self.source),
            None => "was not listed to its end: the run was stopped before".to_owned(),
        }
    }

    /// The error, if it failed.
    pub(super) fn details(&self) -> Vec<String> {
        self.error.map(failure).unwrap_or_default()
    }

    /// Whether the list may have an image of this name, a whole one or an end.
    pub(super) fn is_about(&self, name: &str) -> bool {
        is_about(name, self.source)
    }
}

/// What the list of a repository lacks for the rule with this label.
pub(super) fn lack<'a>(run: &'a Facts, label: &str, repository: &str) -> Option<Lack<'a>> {
    lacks(run).find(|lack| lack.label == label && lack.is_about(repository))
}

/// The lists that may have an image of these names, whole ones or ends, and lack images.
pub(super) fn lines(names: &[String], run: &Facts) -> Vec<String> {
    let asked = lacks(run).filter(|lack| names.iter().any(|name| lack.is_about(name)));
    let told = asked.flat_map(|lack| {
        let head = format!("  rule {} {}", lack.label, lack.words());
        std::iter::once(head).chain(lack.details())
    });
    told.collect()
}

fn lacks(run: &Facts) -> impl Iterator<Item = Lack<'_>> {
    let failed = run.tail.failed_rules.iter().map(|failed| Lack {
        label: failed.label(),
        source: &failed.source,
        error: Some(&failed.error),
    });
    let unlisted = run.tail.unlisted_rules.iter();
    failed.chain(unlisted.map(|rule| Lack { label: rule.label(), source: &rule.source, error: None }))
}

/// Whether a source of a rule has or may have a repository, or an image of it, whose name is the text or ends with it.
fn is_about(text: &str, source: &str) -> bool {
    let repository = split(text).map_or(text, |(repository, _)| repository).trim_start_matches('/');
    let place = repository.parse::<Reference>().ok();
    if place.as_ref().is_some_and(|place| place.registry.as_str() == source) {
        // A registry failed that was asked for more than one repository.
        return true;
    }
    match parse_from(source) {
        Ok(SourceText::One(one)) => {
            let is_it =
                |place: Reference| place.registry == one.registry && place.repository == one.repository;
            is_end(one.repository.as_str(), repository) || place.is_some_and(is_it)
        }
        Ok(SourceText::Many(many)) => {
            let is_there = |place: &Reference| {
                place.registry == many.registry && many.pattern.matches(&place.repository)
            };
            place.as_ref().is_some_and(is_there)
                || (is_without_registry(repository, place.as_ref()) && may_match(&many.pattern, repository))
        }
        Err(_) => false,
    }
}

fn is_end(name: &str, end: &str) -> bool {
    let rest = name.strip_suffix(end).filter(|_| !end.is_empty());
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

fn is_without_registry(repository: &str, place: Option<&Reference>) -> bool {
    let hub = RegistryHost::DOCKER_HUB;
    !repository.starts_with(hub) && place.is_none_or(|place| place.registry.as_str() == hub)
}

/// Whether the text is a match, or the end of one right below what all matches have in common.
fn may_match(pattern: &RepositoryPattern, end: &str) -> bool {
    let below = [&pattern.literal_front()[..], &[end]].concat().join("/");
    let names = [end, &below].map(str::parse::<RepositoryName>);
    names.iter().flatten().any(|name| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_is_enough_for_a_list() {
        for (source, texts, others) in [
            (
                "q.io:5000/lib/002",
                &["q.io:5000/lib/002", "q.io:5000/lib/002:v1", "lib/002", "lib/002:v1", "002", "/002:v1"][..],
                &["ib/002", "02", "lib/003", "q.io/lib/002", "x/lib/002", ":v1", "", "q.io:5000/lib/002/x"][..],
            ),
            ("docker.io/library/nginx", &["nginx", "nginx:1", "docker.io/library/nginx"], &["q.io/nginx"]),
            ("nginx:1,2", &["nginx:3", "library/nginx"], &["ginx"]),
            ("q.io/app:/^v1/", &["app:v1", "q.io/app"], &["r.io/app:v1"]),
            (
                "q.io/lib/**",
                &["q.io/lib/002:v1", "q.io/lib/a/b", "lib/002", "002:v1", "a/b:v1"],
                &["q.io/lab/002:v1", "r.io/lib/002:v1", "docker.io/lib/002", ":v1"],
            ),
            ("q.io/lib/*-x", &["a-x:v1", "lib/a-x", "q.io/lib/a-x"], &["a-y", "lib/a", "q.io/lib/a/b-x"]),
            ("q.io/(team/(.+))/", &["q.io/team/a:v1", "team/a", "a:v1"], &["q.io/other/a", "r.io/team/a"]),
            ("q.io", &["q.io/a:v1"], &["r.io/a:v1", "a:v1"]),
        ] {
            for text in texts {
                assert!(is_about(text, source), "{text} of {source}");
            }
            for text in others {
                assert!(!is_about(text, source), "{text} of {source}");
            }
        }
    }
}
