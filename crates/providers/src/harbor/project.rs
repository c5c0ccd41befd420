//! A project and its name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use oci::RepositoryName;
use serde::Deserialize;

/// A project's name: the first part of its repositories' names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectName(Arc<str>);

/// Why a text is not a project's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not the name of a project: lower-case letters and digits, with `.`, `_` or `-` between them"
)]
pub struct ProjectNameError {
    /// The text.
    pub text: String,
}

/// A project as Harbor lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its id, which Harbor 1.x uses.
    pub id: u64,
    /// Its name.
    pub name: ProjectName,
    /// Whether it is a proxy cache.
    pub kind: ProjectKind,
    /// Which users may read it.
    pub visibility: Visibility,
}

/// Whether a project is a proxy cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectKind {
    /// Its images were pushed here.
    Own,
    /// It caches what was pulled through it from another registry: nothing can be pushed, a list shows only
    /// what was pulled before, and a read makes Harbor ask the other registry.
    ProxyCache {
        /// The other registry's id in this Harbor.
        registry_id: u64,
    },
}

/// Which users may read a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Its members.
    Private,
    /// All users.
    Public,
}

/// A project in Harbor's answers.
#[derive(Deserialize)]
pub(super) struct ProjectAnswer {
    project_id: u64,
    pub(super) name: String,
    registry_id: Option<i64>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    public: Option<String>,
}

impl ProjectName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The project of a repository; `None` if its name has only one part.
    pub fn of(repository: &RepositoryName) -> Option<Self> {
        let (project, _) = repository.as_str().split_once('/')?;
        Some(Self(project.into()))
    }
}

impl FromStr for ProjectName {
    type Err = ProjectNameError;

    fn from_str(text: &str) -> Result<Self, ProjectNameError> {
        let is_one_part = !text.contains('/') && text.parse::<RepositoryName>().is_ok();
        if is_one_part { Ok(Self(text.into())) } else { Err(ProjectNameError { text: text.to_owned() }) }
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl TryFrom<ProjectAnswer> for Project {
    type Error = ProjectNameError;

    fn try_from(answer: ProjectAnswer) -> Result<Self, ProjectNameError> {
        let registry_id = answer.registry_id.and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
        let public = answer.metadata.and_then(|metadata| metadata.public);
        Ok(Self {
            id: answer.project_id,
            name: answer.name.parse()?,
            kind: registry_id.map_or(ProjectKind::Own, |registry_id| ProjectKind::ProxyCache { registry_id }),
            visibility: match public.as_deref() {
                Some("true") => Visibility::Public,
                _ => Visibility::Private,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Project {
        serde_json::from_str::<ProjectAnswer>(json).unwrap().try_into().unwrap()
    }

    #[test]
    fn proxy_caches_have_a_registry() {
        let cache = read(r#"{"project_id":3,"name":"hub","registry_id":2,"metadata":{"public":"true"}}"#);
        assert_eq!(cache.kind, ProjectKind::ProxyCache { registry_id: 2 });
        assert_eq!(cache.visibility, Visibility::Public);
        let own = read(r#"{"project_id":1,"name":"library","registry_id":0,"metadata":{}}"#);
        assert_eq!((own.kind, own.visibility), (ProjectKind::Own, Visibility::Private));
        assert_eq!(read(r#"{"project_id":1,"name":"library"}"#).kind, ProjectKind::Own);
    }

    #[test]
    fn names_are_one_part() {
        for name in ["library", "1234", "a.b_c-d"] {
            assert_eq!(name.parse::<ProjectName>().unwrap().as_str(), name);
        }
        for text in ["", "a/b", "Library", "-a", "a b", ".."] {
            assert!(text.parse::<ProjectName>().is_err(), "{text}");
        }
        let of = |name: &str| ProjectName::of(&name.parse().unwrap());
        assert_eq!(of("library/a/b").unwrap().as_str(), "library");
        assert_eq!(of("library"), None);
    }
}
