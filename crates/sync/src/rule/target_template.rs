//! How the repository at the target is called that a pattern's match goes to.

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
    Place { what: What, joined_by: Option<String> },
}

/// Which part of the source's repository goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// All of its path.
    Path,
    /// Its path past the first component.
    Repository,
    /// The last component.
    Name,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetTemplateError {
    /// A brace without its partner.
    #[error("`{text}` has a `{{` or `}}` without its partner")]
    Brace {
        /// What was read.
        text: String,
    },
    /// A placeholder that does not exist.
    #[error(
        "`{{{name}}}` is no placeholder: there are {{path}}, {{repository}}, {{name}}, and {{path:_}} to join components"
    )]
    Unknown {
        /// What stands between the braces.
        name: String,
    },
}

impl TargetTemplate {
    /// Reads a template.
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

    /// Whether the text says itself where the source's name goes.
    pub fn has_placeholders(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Place { .. }))
    }

    /// What all targets' texts begin with, whatever the repository: whole components.
    pub fn front(&self) -> &str {
        match &self.pieces[..] {
            [Piece::Text(text)] => text.trim_end_matches('/'),
            [Piece::Text(text), ..] => text.rsplit_once('/').map_or("", |(front, _)| front),
            _ => "",
        }
    }

    /// The target's text for a repository: with placeholders filled in, or as a prefix with what the pattern matched
    /// past its literal front behind it.
    pub fn fill(&self, pattern: &RepositoryPattern, repository: &RepositoryName) -> String {
        let filled: String = self.pieces.iter().map(|piece| piece.fill(repository)).collect();
        if self.has_placeholders() {
            return filled;
        }
        format!("{}/{}", filled.trim_end_matches('/'), pattern.below_front(repository))
    }
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
    fn fill(&self, repository: &RepositoryName) -> String {
        match self {
            Self::Text(text) => text.clone(),
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
