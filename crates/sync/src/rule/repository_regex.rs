//! A regular expression for the whole path of a repository.

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind, Literal};

use crate::expression::{MOST_BYTES, regex_problem};

#[derive(Clone, Debug)]
pub(super) struct RepositoryRegex {
    /// Matches whole paths. Group 1 is the user's first group.
    pub(super) regex: Regex,
    /// The whole components that all matches begin with.
    pub(super) front: Vec<String>,
}

impl RepositoryRegex {
    /// Parses it; returns why it is invalid.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let problem = |error: &str| regex_problem(error).to_owned();
        let build = |text: &str| RegexBuilder::new(text).size_limit(MOST_BYTES).build();
        // The expression alone first: `a)|(?:b` would be valid only within the parentheses.
        build(text).map_err(|error| problem(&error.to_string()))?;
        let regex = build(&format!("^(?:{text})$")).map_err(|error| problem(&error.to_string()))?;
        let hir = regex_syntax::parse(text).map_err(|error| problem(&error.to_string()))?;
        let mut literal = String::new();
        push_literal(&hir, &mut literal);
        let front = literal.rsplit_once('/').map_or("", |(front, _)| front);
        let front = front.split('/').filter(|component| !component.is_empty()).map(str::to_owned).collect();
        Ok(Self { regex, front })
    }
}

/// Adds the literal prefix of all matches; returns whether the expression is only that literal.
fn push_literal(hir: &Hir, literal: &mut String) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(Literal(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => {
                literal.push_str(text);
                true
            }
            Err(_) => false,
        },
        HirKind::Capture(capture) => push_literal(&capture.sub, literal),
        HirKind::Concat(parts) => parts.iter().all(|part| push_literal(part, literal)),
        HirKind::Class(_) | HirKind::Repetition(_) | HirKind::Alternation(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_path_must_match() {
        let matches = |regex: &str, path: &str| RepositoryRegex::new(regex).unwrap().regex.is_match(path);
        assert!(matches("library/(.+)", "library/a/b") && !matches("library/(.+)", "my/library/a"));
        assert!(!matches("a|b", "ab") && matches("a|b", "b"), "all alternatives are anchored");
    }

    #[test]
    fn the_front_is_what_is_literal_in_whole_components() {
        let front = |regex: &str| RepositoryRegex::new(regex).unwrap().front.join("/");
        assert_eq!(front("library/(.+)"), "library");
        assert_eq!(front("(library/team)/app-.*"), "library/team");
        assert_eq!(front("library/app"), "library", "the last component may be the repository itself");
        assert_eq!(front("^library/team-[0-9]/x"), "library");
        assert_eq!(front(r"my\.team/x?y"), "my.team");
        assert_eq!(front("library/?app"), "", "the slash may be missing");
        assert_eq!(front("a/x|b/y"), "");
        assert_eq!(front("a/x|a/y"), "", "alternatives are not compared");
        assert_eq!(front("(?i)library/x"), "");
    }

    #[test]
    fn what_is_no_expression_or_a_huge_one_is_told() {
        let error = |regex: &str| RepositoryRegex::new(regex).unwrap_err();
        assert!(error("a(b").contains("unclosed group"));
        assert!(error("a(?!b)").contains("look-around"));
        assert!(!error("a)|(?:b").is_empty());
        assert!(error("(a{1000}){1000}").contains("size limit"));
    }
}
