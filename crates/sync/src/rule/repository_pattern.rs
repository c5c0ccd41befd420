//! Which repositories of a registry a rule selects: `library/*`, `library/**`, `**`, or a regular expression for the
//! whole path.

use std::fmt;
use std::str::FromStr;

use oci::RepositoryName;
use regex::Regex;

use super::repository_regex::RepositoryRegex;

/// A repository's name with wildcards: `*` stands for any text inside a path component, `**` for any components. Or a
/// regular expression for the whole path.
#[derive(Clone, Debug)]
pub struct RepositoryPattern {
    form: Form,
    text: String,
}

#[derive(Clone, Debug)]
enum Form {
    Wildcards(Vec<Component>),
    Regex(RepositoryRegex),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Component {
    /// `**`: at the end one or more components, elsewhere none or more.
    Any,
    /// Texts in this order, with anything between them: a single text is the whole component.
    Parts(Vec<String>),
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryPatternError {
    /// Two slashes in a row, or one at an end.
    #[error("`{text}` has an empty component")]
    Empty {
        /// The text.
        text: String,
    },
    /// `**` beside other characters.
    #[error("`**` must stand alone between slashes: write `*` inside a component, not `{component}`")]
    Mixed {
        /// The component.
        component: String,
    },
    /// A character that repository names cannot have.
    #[error("`{component}` cannot be a part of a repository's name")]
    Character {
        /// The component.
        component: String,
    },
    /// An invalid regular expression between the parentheses.
    #[error("the regular expression `{text}` is not valid: {reason}")]
    Regex {
        /// The expression.
        text: String,
        /// Why it is invalid.
        reason: String,
    },
}

impl RepositoryPattern {
    /// A regular expression for whole repository paths.
    ///
    /// # Errors
    /// The expression is invalid, cannot be matched in linear time, or needs too much memory.
    pub fn regex(text: &str) -> Result<Self, RepositoryPatternError> {
        let error = |reason| RepositoryPatternError::Regex { text: text.to_owned(), reason };
        let regex = RepositoryRegex::new(text).map_err(error)?;
        Ok(Self { form: Form::Regex(regex), text: format!("({text})/") })
    }

    /// The regular expression, if the pattern is one: targets can use its groups.
    pub(super) fn as_regex(&self) -> Option<&Regex> {
        match &self.form {
            Form::Regex(regex) => Some(&regex.regex),
            Form::Wildcards(_) => None,
        }
    }

    /// Whether targets may use groups as `$1`.
    pub fn has_groups(&self) -> bool {
        self.as_regex().is_some()
    }

    /// Whether a text has wildcards, which makes it a pattern and not a name.
    pub fn is_pattern(text: &str) -> bool {
        text.contains('*')
    }

    /// Whether the pattern matches a repository.
    pub fn matches(&self, repository: &RepositoryName) -> bool {
        match &self.form {
            Form::Wildcards(components) => {
                fits(components, &repository.as_str().split('/').collect::<Vec<_>>())
            }
            Form::Regex(regex) => regex.regex.is_match(repository.as_str()),
        }
    }

    /// The whole components before the first wildcard: all matches are below them.
    pub fn literal_front(&self) -> Vec<&str> {
        let components = match &self.form {
            Form::Wildcards(components) => components,
            Form::Regex(regex) => return regex.front.iter().map(String::as_str).collect(),
        };
        let literal = components.iter().map_while(|component| match component {
            Component::Parts(parts) => match &parts[..] {
                [whole] => Some(whole.as_str()),
                _ => None,
            },
            Component::Any => None,
        });
        literal.collect()
    }

    /// The part of the repository below the literal front; the last component if nothing is left.
    pub fn below_front<'a>(&self, repository: &'a RepositoryName) -> &'a str {
        let mut rest = repository.as_str();
        for _ in self.literal_front() {
            rest = rest.split_once('/').map_or(rest, |(_, below)| below);
        }
        rest
    }
}

fn fits(pattern: &[Component], names: &[&str]) -> bool {
    match (pattern, names) {
        ([], []) => true,
        ([Component::Any], names) => !names.is_empty(),
        ([Component::Any, rest @ ..], names) => {
            (0..=names.len()).any(|skipped| fits(rest, &names[skipped..]))
        }
        ([Component::Parts(parts), rest @ ..], [name, names @ ..]) => {
            fits_component(parts, name) && fits(rest, names)
        }
        _ => false,
    }
}

fn fits_component(parts: &[String], name: &str) -> bool {
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return false };
    if parts.len() == 1 {
        return first == name;
    }
    let inner = name.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()));
    let Some(mut rest) = inner else { return false };
    for part in &parts[1..parts.len() - 1] {
        match rest.split_once(part.as_str()) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    true
}

impl FromStr for RepositoryPattern {
    type Err = RepositoryPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let components = text.split('/').map(|component| match component {
            "" => Err(RepositoryPatternError::Empty { text: text.to_owned() }),
            "**" => Ok(Component::Any),
            mixed if mixed.contains("**") => {
                Err(RepositoryPatternError::Mixed { component: mixed.to_owned() })
            }
            other if !other.bytes().all(may_stand) => {
                Err(RepositoryPatternError::Character { component: other.to_owned() })
            }
            other => Ok(Component::Parts(other.split('*').map(str::to_owned).collect())),
        });
        let form = Form::Wildcards(components.collect::<Result<_, _>>()?);
        Ok(Self { form, text: text.to_owned() })
    }
}

fn may_stand(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-*".contains(&byte)
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        pattern.parse::<RepositoryPattern>().unwrap().matches(&name.parse().unwrap())
    }

    #[test]
    fn one_star_stays_in_its_component_and_two_go_anywhere() {
        assert!(matches("library/*", "library/nginx") && !matches("library/*", "library/a/b"));
        assert!(!matches("library/*", "library") && !matches("library/*", "other/nginx"));
        assert!(matches("library/**", "library/nginx") && matches("library/**", "library/a/b"));
        assert!(!matches("library/**", "library"), "the project itself is no repository in it");
        assert!(matches("**", "a") && matches("**", "a/b/c"));
        assert!(matches("*/nginx", "library/nginx") && !matches("*/nginx", "a/b/nginx"));
        assert!(matches("a/**/b", "a/b") && matches("a/**/b", "a/x/y/b") && !matches("a/**/b", "a/x"));
        assert!(matches("library/app-*", "library/app-1") && !matches("library/app-*", "library/web-1"));
        assert!(matches("library/*-v*-x", "library/a-v1-x") && !matches("library/*-v*-x", "library/a-x"));
        assert!(!matches("a/ab*ba", "a/aba"), "the two ends may not overlap");
    }

    #[test]
    fn what_lies_below_the_literal_front() {
        let below = |pattern: &str, name: &str| {
            let pattern: RepositoryPattern = pattern.parse().unwrap();
            pattern.below_front(&name.parse().unwrap()).to_owned()
        };
        assert_eq!(below("library/**", "library/a/b"), "a/b");
        assert_eq!(below("library/*", "library/nginx"), "nginx");
        assert_eq!(below("library/app-*", "library/app-1"), "app-1");
        assert_eq!(below("**", "library/a"), "library/a");
        assert_eq!(below("*/nginx", "library/nginx"), "library/nginx");
        assert_eq!(below("a/b/**", "a/b/c/d"), "c/d");
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        let error = |text: &str| text.parse::<RepositoryPattern>().unwrap_err();
        assert!(matches!(error("a//*"), RepositoryPatternError::Empty { .. }));
        assert!(matches!(error("a/**b"), RepositoryPatternError::Mixed { .. }));
        assert!(matches!(error("A/*"), RepositoryPatternError::Character { .. }));
        assert!(matches!(error("a/{b}*"), RepositoryPatternError::Character { .. }));
    }

    proptest! {
        #[test]
        fn a_name_matches_itself_and_what_stars_make_of_it(
            components in proptest::collection::vec("[a-z][a-z0-9]{0,4}", 1..5),
            star in any::<proptest::sample::Index>(),
        ) {
            let name = components.join("/");
            prop_assert!(matches(&name, &name));
            let mut starred = components.clone();
            let index = star.index(starred.len());
            starred[index] = "*".to_owned();
            prop_assert!(matches(&starred.join("/"), &name));
            let front = [&components[..index], &["**".to_owned()]].concat().join("/");
            prop_assert!(matches(&front, &name));
        }
    }
}
