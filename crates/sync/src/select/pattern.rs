//! Patterns for tags and repositories: a glob for the whole text, or `/a regular expression/` that is searched in it.

use std::fmt;
use std::sync::Arc;

use globset::{ErrorKind, GlobBuilder};
use oci::foreign_text::Cleaned;
use oci::{RepositoryName, Tag};
use regex::bytes::{Regex, RegexBuilder};

use crate::expression::{MOST_BYTES, regex_problem};

/// The longest pattern. Longer ones should be lists of patterns.
const LONGEST: usize = 4096;

/// One pattern. Matching takes linear time in the length of the text.
#[derive(Clone)]
pub struct Pattern(Arc<Compiled>);

struct Compiled {
    text: Box<str>,
    regex: Regex,
}

/// What a pattern matches, which decides the meaning of `*` and which patterns are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// Tags: `*` stands for any text.
    Tags,
    /// Repositories: `*` stands for any text between slashes, `**` for any components.
    Repositories,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// The text, or the part between the slashes, is empty.
    #[error("the pattern is empty: write `*` for all")]
    Empty,
    /// It begins like a regular expression, but has no end.
    #[error(
        "`{}` begins like a regular expression, which ends with `/`: write `{}/`",
        Cleaned(text),
        Cleaned(text)
    )]
    Unclosed {
        /// The text.
        text: String,
    },
    /// It is an invalid regular expression.
    #[error("`{}` is no regular expression: {}", Cleaned(text), Cleaned(problem))]
    Regex {
        /// The text.
        text: String,
        /// The parser's message.
        problem: String,
    },
    /// It is a regular expression that needs too much memory.
    #[error("`{}` is too large once compiled: repeat less in it, or write several patterns", Cleaned(text))]
    TooLarge {
        /// The text.
        text: String,
    },
    /// It is too long.
    #[error(
        "`{}` is too long for one pattern: write several, each of at most {LONGEST} bytes",
        Cleaned(text)
    )]
    TooLong {
        /// The text.
        text: String,
    },
    /// It is an invalid glob.
    #[error("`{}` is no glob: {}", Cleaned(text), glob_problem(kind))]
    Glob {
        /// The text.
        text: String,
        /// What is wrong.
        kind: ErrorKind,
    },
    /// A comma outside of braces.
    #[error("`{}` has a comma in it, which no name has: write a list, or `{{a,b}}`", Cleaned(text))]
    Comma {
        /// The text.
        text: String,
    },
    /// A character that neither names nor globs can have.
    #[error("`{}` can match nothing: no {matched} has a {character:?} in it", Cleaned(text))]
    Character {
        /// The text.
        text: String,
        /// The character.
        character: char,
        /// What the pattern should match.
        matched: Matched,
    },
    /// A slash where repository names have none.
    #[error(
        "`{}` can match nothing: repositories have no `/` at the end and none beside another; `library/**` is all below `library`",
        Cleaned(text)
    )]
    Slash {
        /// The text.
        text: String,
    },
}

impl Pattern {
    /// Parses a pattern as it is written in a rule.
    pub fn new(text: &str, matched: Matched) -> Result<Self, PatternError> {
        if text.len() > LONGEST {
            return Err(PatternError::TooLong { text: text.to_owned() });
        }
        let regex = match text.strip_prefix('/') {
            Some(behind) => found_in(text, behind)?,
            None => whole(text, matched)?,
        };
        Ok(Self(Arc::new(Compiled { text: text.into(), regex })))
    }

    /// Whether a tag matches.
    pub fn fits_tag(&self, tag: &Tag) -> bool {
        self.fits(tag.as_str())
    }

    /// Whether a repository's path matches.
    pub fn fits_repository(&self, repository: &RepositoryName) -> bool {
        self.fits(repository.as_str())
    }

    fn fits(&self, name: &str) -> bool {
        self.0.regex.is_match(name.as_bytes())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }
}

fn found_in(text: &str, behind_slash: &str) -> Result<Regex, PatternError> {
    match behind_slash.strip_suffix('/') {
        Some("") => Err(PatternError::Empty),
        Some(expression) => compile(expression, text),
        None if behind_slash.is_empty() => Err(PatternError::Empty),
        None => Err(PatternError::Unclosed { text: text.to_owned() }),
    }
}

fn whole(text: &str, matched: Matched) -> Result<Regex, PatternError> {
    if text.is_empty() {
        return Err(PatternError::Empty);
    }
    refuse_what_matches_nothing(text, matched)?;
    let mut glob = GlobBuilder::new(text);
    glob.literal_separator(true).backslash_escape(true).empty_alternates(true);
    let glob = glob.build();
    let glob =
        glob.map_err(|error| PatternError::Glob { text: text.to_owned(), kind: error.kind().clone() })?;
    // Not the crate's own matcher, which panics on globs that are too large.
    compile(glob.regex(), text)
}

/// Without Unicode classes, because names are ASCII: `\w{128}` stays small.
fn compile(expression: &str, text: &str) -> Result<Regex, PatternError> {
    let mut builder = RegexBuilder::new(expression);
    builder.unicode(false).size_limit(MOST_BYTES).dfa_size_limit(MOST_BYTES);
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => PatternError::TooLarge { text: text.to_owned() },
        other => PatternError::Regex {
            text: text.to_owned(),
            problem: regex_problem(&other.to_string()).to_owned(),
        },
    })
}

/// Rejects globs that cannot match. Ignores classes and escapes.
fn refuse_what_matches_nothing(text: &str, matched: Matched) -> Result<(), PatternError> {
    if text.ends_with('/') || text.contains("//") {
        return Err(PatternError::Slash { text: text.to_owned() });
    }
    let (mut braces, mut is_in_class, mut characters) = (0_usize, false, text.chars());
    while let Some(character) = characters.next() {
        match character {
            '\\' => _ = characters.next(),
            ']' => is_in_class = false,
            _ if is_in_class => {}
            '[' => is_in_class = true,
            '{' => braces += 1,
            '}' => braces = braces.saturating_sub(1),
            ',' if braces == 0 => return Err(PatternError::Comma { text: text.to_owned() }),
            '*' | '?' | ',' => {}
            other if matched.may_have(other) => {}
            character => return Err(PatternError::Character { text: text.to_owned(), character, matched }),
        }
    }
    Ok(())
}

impl Matched {
    fn may_have(self, character: char) -> bool {
        let is_letter = match self {
            Self::Tags => character.is_ascii_alphabetic(),
            Self::Repositories => character.is_ascii_lowercase() || character == '/',
        };
        is_letter || character.is_ascii_digit() || matches!(character, '.' | '_' | '-')
    }
}

fn glob_problem(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::UnclosedClass => "a `[` has no `]`".to_owned(),
        ErrorKind::UnclosedAlternates => "a `{` has no `}`".to_owned(),
        ErrorKind::UnopenedAlternates => "a `}` has no `{`".to_owned(),
        ErrorKind::InvalidRange(from, to) => format!("write `[{to}-{from}]` for `[{from}-{to}]`"),
        ErrorKind::DanglingEscape => "it ends with a `\\` that escapes nothing".to_owned(),
        other => other.to_string(),
    }
}

impl fmt::Display for Matched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tags => "tag",
            Self::Repositories => "repository",
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.text, formatter)
    }
}

/// Patterns are equal if their texts are.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(pattern: &str, tag: &str) -> bool {
        Pattern::new(pattern, Matched::Tags).unwrap().fits_tag(&tag.parse().unwrap())
    }

    fn repository(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern, Matched::Repositories).unwrap().fits_repository(&name.parse().unwrap())
    }

    fn error(pattern: &str, matched: Matched) -> String {
        Pattern::new(pattern, matched).unwrap_err().to_string()
    }

    #[test]
    fn globs_are_about_the_whole_tag_and_case_counts() {
        for (pattern, fits, fits_not) in [
            ("v*", "v1.0", "xv1"),
            ("v1", "v1", "v1.0"),
            ("*", "latest", ""),
            ("**", "a.b", ""),
            ("v?.0", "v1.0", "v10.0"),
            ("[1-3]*", "2.x", "4"),
            ("[!v]*", "1", "v1"),
            ("{1,2}.0", "2.0", "3.0"),
            ("1.0{,-alpine}", "1.0", "1.0-x"),
            ("1.0{,-alpine}", "1.0-alpine", "1.0-"),
            ("V*", "V1", "v1"),
            ("1.0", "1.0", "1x0"),
            ("[[:digit:]].*", "1.0", "v1.0"),
        ] {
            assert!(tag(pattern, fits), "{pattern} {fits}");
            assert!(fits_not.parse::<Tag>().is_err() || !tag(pattern, fits_not), "{pattern} {fits_not}");
        }
    }

    #[test]
    fn regular_expressions_are_found_anywhere() {
        assert!(tag("/rc/", "1.0-rc1") && !tag("/^rc/", "1.0-rc1"));
        assert!(tag("/^release-|^v1$/", "v1") && !tag("/^release-|^v1$/", "v10"));
        assert!(tag("/(?i)RC/", "1.0-rc1") && !tag("/RC/", "1.0-rc1"));
        assert!(tag(r"/^[\w.-]{1,128}$/", "1.0"), "a class of all words is no large one");
    }

    #[test]
    fn in_repositories_one_star_stops_at_slashes_and_two_do_not() {
        assert!(
            repository("library/app-*", "library/app-1") && !repository("library/app-*", "library/app-1/x")
        );
        assert!(
            repository("library/tmp/**", "library/tmp/a/b") && !repository("library/tmp/**", "library/tmp")
        );
        assert!(repository("**/tmp/**", "a/b/tmp/c") && repository("**", "a/b"));
        assert!(repository("/-old$/", "library/a-old") && !repository("/-old$/", "library/a-old/b"));
        assert!(repository("a?c", "abc") && !repository("a?c", "a/c"));
    }

    #[test]
    fn what_is_no_pattern_is_told_with_what_to_write() {
        let tags = |pattern: &str| error(pattern, Matched::Tags);
        assert_eq!(tags(""), "the pattern is empty: write `*` for all");
        assert_eq!(tags("//"), tags(""));
        assert_eq!(tags("/^v"), "`/^v` begins like a regular expression, which ends with `/`: write `/^v/`");
        assert_eq!(tags("/"), tags(""));
        assert_eq!(tags("/(v/"), "`/(v/` is no regular expression: unclosed group");
        assert_eq!(tags("v[1"), "`v[1` is no glob: a `[` has no `]`");
        assert_eq!(tags("{a"), "`{a` is no glob: a `{` has no `}`");
        assert_eq!(tags("a}"), "`a}` is no glob: a `}` has no `{`");
        assert_eq!(tags("[9-1]"), "`[9-1]` is no glob: write `[1-9]` for `[9-1]`");
        assert_eq!(tags("a\\"), "`a\\` is no glob: it ends with a `\\` that escapes nothing");
        assert_eq!(tags("v1,v2"), "`v1,v2` has a comma in it, which no name has: write a list, or `{a,b}`");
        assert_eq!(tags("v1 "), "`v1 ` can match nothing: no tag has a ' ' in it");
        assert_eq!(tags("app:v1"), "`app:v1` can match nothing: no tag has a ':' in it");
        assert_eq!(tags("é*"), "`é*` can match nothing: no tag has a 'é' in it");
        assert_eq!(tags("v1/x"), "`v1/x` can match nothing: no tag has a '/' in it");
        let repositories = |pattern: &str| error(pattern, Matched::Repositories);
        assert_eq!(repositories("Lib/*"), "`Lib/*` can match nothing: no repository has a 'L' in it");
        assert!(repositories("library/").ends_with("`library/**` is all below `library`"));
        assert!(repositories("a//b").starts_with("`a//b` can match nothing"));
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_takes_memory() {
        let large = |pattern: &str| Pattern::new(pattern, Matched::Tags).unwrap_err();
        assert!(matches!(large("/(a{1000}){1000}/"), PatternError::TooLarge { .. }));
        assert!(matches!(large(&"a".repeat(LONGEST + 1)), PatternError::TooLong { .. }));
        assert!(matches!(large(&"{".repeat(300)), PatternError::Glob { .. }));
        assert!(matches!(large(&format!("/{}/", "(".repeat(1000))), PatternError::Regex { .. }));
    }

    #[test]
    fn what_would_take_other_engines_for_ever_takes_a_moment() {
        let long = format!("{}b", "a".repeat(127));
        assert!(!tag("/^(a+)+$/", &long) && !tag("/(a*)*c/", &long));
        assert!(!tag("*a*a*a*a*a*a*a*a*a*c", &long));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,40}", near in "[]/ab*?{},\\[!^$()+|\\\\.-]{0,30}") {
            for text in [&text, &near, &format!("/{near}/")] {
                for matched in [Matched::Tags, Matched::Repositories] {
                    match Pattern::new(text, matched) {
                        Ok(pattern) => _ = pattern.fits("library/a"),
                        Err(error) => prop_assert!(!error.to_string().is_empty()),
                    }
                }
            }
        }

        #[test]
        fn a_tag_fits_itself_and_what_stars_make_of_it(tag in "[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", cut in 0_usize..20) {
            let fits = |pattern: &str| self::tag(pattern, &tag);
            let cut = cut.min(tag.len());
            for pattern in [tag.clone(), format!("{}*", &tag[..cut]), format!("*{}", &tag[cut..])] {
                prop_assert!(fits(&pattern), "{}", pattern);
            }
            let other = format!("{tag}x");
            prop_assert!(!fits(&other));
        }
    }
}
