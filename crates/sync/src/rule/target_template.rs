//! Templates for the target repository of a pattern's match.

use oci::RepositoryName;

use crate::RepositoryPattern;

/// A target's repository as it is written: a prefix, or a text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetTemplate {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place {
        what: What,
        joined_by: Option<String>,
    },
    /// A group of the regular expression.
    Group(usize),
}

/// Which part of the source's repository is inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// The whole path.
    Path,
    /// The path after the first component.
    Repository,
    /// The last component.
    Name,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetTemplateError {
    /// A brace without its counterpart.
    #[error("`{text}` has a `{{` or `}}` without its partner")]
    Brace {
        /// The text.
        text: String,
    },
    /// An unknown placeholder.
    #[error(
        "`{{{name}}}` is no placeholder: there are {{path}}, {{repository}}, {{name}}, and {{path:_}} to join components"
    )]
    Unknown {
        /// The text between the braces.
        name: String,
    },
    /// `$` with a group that does not exist.
    #[error("`${name}` stands for nothing: the source's groups are {}", groups(*.last))]
    Group {
        /// The text after the `$`.
        name: String,
        /// The number of the last group.
        last: usize,
    },
}

fn groups(last: usize) -> String {
    match last {
        0 => "none".to_owned(),
        1 => "$1".to_owned(),
        last => format!("$1 to ${last}"),
    }
}

impl TargetTemplate {
    /// Parses a template.
    pub fn new(text: &str) -> Result<Self, TargetTemplateError> {
        let unbalanced = || TargetTemplateError::Brace { text: text.to_owned() };
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(start) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(start);
            let inside = brace.strip_prefix('{').ok_or_else(unbalanced)?;
            let (name, behind) = inside.split_once('}').ok_or_else(unbalanced)?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(place(name)?);
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// Parses a template for a pattern: if the pattern is a regular expression, the template may use its groups as `$1`.
    pub fn of(pattern: &RepositoryPattern, text: &str) -> Result<Self, TargetTemplateError> {
        let template = Self::new(text)?;
        let Some(regex) = pattern.as_regex() else { return Ok(template) };
        let last = regex.captures_len() - 1;
        let mut pieces = Vec::new();
        for piece in template.pieces {
            match piece {
                Piece::Text(text) => with_groups(&text, last, &mut pieces)?,
                piece => pieces.push(piece),
            }
        }
        Ok(Self { pieces })
    }

    /// Whether the text says where the source's name is inserted.
    pub fn has_placeholders(&self) -> bool {
        self.pieces.iter().any(|piece| !matches!(piece, Piece::Text(_)))
    }

    /// The prefix that all targets have, whatever the repository: whole components.
    pub fn front(&self) -> &str {
        match &self.pieces[..] {
            [Piece::Text(text)] => text.trim_end_matches('/'),
            [Piece::Text(text), ..] => text.rsplit_once('/').map_or("", |(front, _)| front),
            _ => "",
        }
    }

    /// The target for a repository: with placeholders filled in, or as a prefix followed by the part of the
    /// repository below the pattern's literal front.
    pub fn fill(&self, pattern: &RepositoryPattern, repository: &RepositoryName) -> String {
        let filled: String = self.pieces.iter().map(|piece| piece.fill(pattern, repository)).collect();
        if self.has_placeholders() {
            return filled;
        }
        format!("{}/{}", filled.trim_end_matches('/'), pattern.below_front(repository))
    }
}

impl TargetTemplate {
    /// The repository that matches the pattern and gives this target. `None` if there is none, or if the target does
    /// not tell, because the template has several placeholders or uses groups.
    pub fn take_back(&self, pattern: &RepositoryPattern, text: &str) -> Option<RepositoryName> {
        let paths = self.paths_in(text)?;
        let front = pattern.literal_front();
        let names = paths.iter().flat_map(|path| {
            // The path may lack the whole front, its first component, or nothing.
            let fronts =
                [front.join("/"), front.first().copied().unwrap_or_default().to_owned(), String::new()];
            fronts.map(|front| format!("{front}/{path}").trim_start_matches('/').parse().ok())
        });
        let fits = |name: &RepositoryName| pattern.matches(name) && self.fill(pattern, name) == text;
        names.flatten().find(fits)
    }

    /// Paths that may have been inserted to give the text: at the template's only placeholder, or after a prefix.
    fn paths_in(&self, text: &str) -> Option<Vec<String>> {
        let is_place = |piece: &Piece| !matches!(piece, Piece::Text(_));
        let text_of = |pieces: &[Piece]| -> Option<String> {
            let texts = pieces.iter().map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                Piece::Place { .. } | Piece::Group(_) => None,
            });
            texts.collect()
        };
        let Some(place) = self.pieces.iter().position(is_place) else {
            let prefix = text_of(&self.pieces)?;
            let below = text.strip_prefix(prefix.trim_end_matches('/'))?.strip_prefix('/')?;
            return Some(vec![below.to_owned()]);
        };
        let (before, behind) = (text_of(&self.pieces[..place])?, text_of(&self.pieces[place + 1..])?);
        let part = text.strip_prefix(&*before)?.strip_suffix(&*behind)?;
        let Piece::Place { joined_by, .. } = &self.pieces[place] else { return None };
        let mut paths = vec![part.to_owned()];
        // Names may contain the joining text themselves: any repository that gives the target is right.
        let joint = joined_by.as_deref().filter(|joint| !joint.is_empty());
        paths.extend(joint.map(|joint| part.replace(joint, "/")));
        Some(paths)
    }
}

/// Splits a text at its `$1`, with at most `last` groups.
fn with_groups(text: &str, last: usize, pieces: &mut Vec<Piece>) -> Result<(), TargetTemplateError> {
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        let (name, after) = behind.split_at(digits);
        let group = name.parse().ok().filter(|group| (1..=last).contains(group));
        let group = group.ok_or_else(|| TargetTemplateError::Group { name: name.to_owned(), last })?;
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        pieces.push(Piece::Group(group));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(())
}

fn place(text: &str) -> Result<Piece, TargetTemplateError> {
    let (name, joined_by) = match text.split_once(':') {
        Some((name, joined_by)) => (name, Some(joined_by.to_owned())),
        None => (text, None),
    };
    let what = match name {
        "path" => What::Path,
        "repository" => What::Repository,
        "name" => What::Name,
        _ => return Err(TargetTemplateError::Unknown { name: text.to_owned() }),
    };
    Ok(Piece::Place { what, joined_by })
}

impl Piece {
    fn fill(&self, pattern: &RepositoryPattern, repository: &RepositoryName) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Group(group) => {
                let captures = pattern.as_regex().and_then(|regex| regex.captures(repository.as_str()));
                // A repository that does not match is only a sample, used before any repository is known.
                let Some(captures) = captures else { return "any".to_owned() };
                captures.get(*group).map_or_else(String::new, |part| part.as_str().to_owned())
            }
            Self::Place { what, joined_by } => {
                let path = repository.as_str();
                let part = match what {
                    What::Path => path,
                    What::Repository => path.split_once('/').map_or(path, |(_, below)| below),
                    What::Name => path.rsplit_once('/').map_or(path, |(_, name)| name),
                };
                joined_by.as_ref().map_or_else(|| part.to_owned(), |joint| part.replace('/', joint))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str, pattern: &str, repository: &str) -> String {
        let pattern = pattern.parse().unwrap();
        TargetTemplate::new(template).unwrap().fill(&pattern, &repository.parse().unwrap())
    }

    #[test]
    fn a_prefix_gets_what_the_pattern_matched() {
        assert_eq!(fill("acr/image-syncer", "library/**", "library/a/b"), "acr/image-syncer/a/b");
        assert_eq!(fill("acr/image-syncer/", "library/*", "library/nginx"), "acr/image-syncer/nginx");
        assert_eq!(fill("acr/all", "**", "library/nginx"), "acr/all/library/nginx");
    }

    #[test]
    fn placeholders_give_full_control() {
        let fill = |template| fill(template, "**", "library/a/b");
        assert_eq!(fill("acr/{path}"), "acr/library/a/b");
        assert_eq!(fill("acr/ns/{repository}"), "acr/ns/a/b");
        assert_eq!(fill("acr/ns/{name}"), "acr/ns/b");
        assert_eq!(fill("acr/ns/{path:_}"), "acr/ns/library_a_b");
        assert_eq!(fill("acr/ns/x-{repository:-}-y"), "acr/ns/x-a-b-y");
        assert_eq!(fill("acr/ns/{path:}"), "acr/ns/libraryab");
    }

    #[test]
    fn groups_of_a_regular_expression_go_where_they_are_written() {
        let pattern = RepositoryPattern::regex("library/(.+)-v([0-9]+)").unwrap();
        let fill = |template: &str, repository: &str| {
            TargetTemplate::of(&pattern, template).unwrap().fill(&pattern, &repository.parse().unwrap())
        };
        assert_eq!(fill("acr/$2/$1", "library/a/b-v7"), "acr/7/a/b");
        assert_eq!(fill("acr/$1x/{name}", "library/a-v7"), "acr/ax/a-v7");
        assert_eq!(fill("acr/mirror", "library/a-v7"), "acr/mirror/a-v7", "as a prefix");
        let error = |template| TargetTemplate::of(&pattern, template).unwrap_err().to_string();
        assert_eq!(error("acr/$3"), "`$3` stands for nothing: the source's groups are $1 to $2");
        assert!(error("acr/$0").contains("`$0`") && error("acr/$x").contains("`$`"));
        assert_eq!(TargetTemplate::of(&pattern, "acr/x/$1").unwrap().front(), "acr/x");
        assert_eq!(pattern.to_string(), "(library/(.+)-v([0-9]+))/");
    }

    #[test]
    fn a_filled_text_tells_which_repository_it_was_filled_with() {
        let source = |template: &str, pattern: &str, text: &str| {
            let pattern = pattern.parse().unwrap();
            let source = TargetTemplate::new(template).unwrap().take_back(&pattern, text);
            source.map(|name| name.to_string()).unwrap_or_default()
        };
        assert_eq!(source("acr/mirror", "library/**", "acr/mirror/a/b"), "library/a/b");
        assert_eq!(source("acr/mirror/", "**", "acr/mirror/a/b"), "a/b");
        assert_eq!(source("acr/mirror", "library/*", "acr/mirror/a/b"), "", "it does not match");
        assert_eq!(source("acr/mirror", "library/**", "acr/mirrored/a"), "");
        assert_eq!(source("acr/{path}", "library/**", "acr/library/a"), "library/a");
        assert_eq!(source("acr/{path}", "library/**", "acr/other/a"), "");
        assert_eq!(source("acr/ns/{repository}", "library/x/**", "acr/ns/x/a"), "library/x/a");
        assert_eq!(source("acr/ns/{name}", "library/x/*", "acr/ns/a"), "library/x/a");
        assert_eq!(source("acr/ns/x-{path:_}-y", "library/**", "acr/ns/x-library_a_b-y"), "library/a/b");
        assert_eq!(source("acr/ns/{repository:-}", "library/*", "acr/ns/a-b"), "library/a-b");
        assert_eq!(source("acr/{name}/{path}", "**", "acr/a/a"), "", "two places");
        let pattern = RepositoryPattern::regex("library/(.+)").unwrap();
        let groups = TargetTemplate::of(&pattern, "acr/$1").unwrap();
        assert_eq!(groups.take_back(&pattern, "acr/a"), None);
    }

    #[test]
    fn the_front_is_what_all_targets_lie_below() {
        let front = |template| TargetTemplate::new(template).unwrap().front().to_owned();
        assert_eq!(front("acr/backup/"), "acr/backup");
        assert_eq!(front("acr/ns/x-{name}-y"), "acr/ns");
        assert_eq!(front("acr/{path}"), "acr");
        assert_eq!(front("{path}"), "");
    }

    #[test]
    fn wrong_templates_are_told() {
        for text in ["a/{path", "a/path}", "a/}{"] {
            assert!(matches!(TargetTemplate::new(text), Err(TargetTemplateError::Brace { .. })), "{text}");
        }
        let error = TargetTemplate::new("a/{tag}").unwrap_err().to_string();
        assert!(error.starts_with("`{tag}` is no placeholder") && error.contains("{path:_}"), "{error}");
    }
}
