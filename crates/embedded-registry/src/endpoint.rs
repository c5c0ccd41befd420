//! The endpoints of the distribution specification. One file for each family.

mod blob;
mod manifest;
mod referrer;
mod tag;
mod upload;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};

use crate::access::{Access, Action, allowed, basic_user};
use crate::answer::Answer;
use crate::server::Shared;
use crate::token::Worth;

/// One request, read whole.
pub(crate) struct Asked {
    pub(crate) head: Parts,
    pub(crate) place: Place,
    pub(crate) body: Bytes,
    /// Whether the body came to its end.
    pub(crate) complete: bool,
}

/// What a path speaks of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Root,
    Catalog,
    Manifest { repository: String, reference: String },
    Blob { repository: String, digest: String },
    Uploads { repository: String },
    Upload { repository: String, id: String },
    Tags { repository: String },
    Referrers { repository: String, digest: String },
    Elsewhere,
}

impl Place {
    pub(crate) fn of(head: &Parts) -> Self {
        let path = head.uri.path();
        let Some(rest) = path.strip_prefix("/v2/") else { return Self::Elsewhere };
        let split = |middle: &str| {
            rest.rsplit_once(middle).map(|(repository, last)| (repository.to_owned(), last.to_owned()))
        };
        if rest.is_empty() {
            Self::Root
        } else if rest == "_catalog" {
            Self::Catalog
        } else if let Some((repository, id)) = split("/blobs/uploads/") {
            if id.is_empty() { Self::Uploads { repository } } else { Self::Upload { repository, id } }
        } else if let Some((repository, reference)) = split("/manifests/") {
            Self::Manifest { repository, reference }
        } else if let Some((repository, digest)) = split("/blobs/") {
            Self::Blob { repository, digest }
        } else if let Some((repository, digest)) = split("/referrers/") {
            Self::Referrers { repository, digest }
        } else if let Some(repository) = rest.strip_suffix("/tags/list") {
            Self::Tags { repository: repository.to_owned() }
        } else {
            Self::Elsewhere
        }
    }

    fn repository(&self) -> Option<&str> {
        match self {
            Self::Manifest { repository, .. }
            | Self::Blob { repository, .. }
            | Self::Uploads { repository }
            | Self::Upload { repository, .. }
            | Self::Tags { repository }
            | Self::Referrers { repository, .. } => Some(repository),
            Self::Root | Self::Catalog | Self::Elsewhere => None,
        }
    }
}

impl Asked {
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let query = self.head.uri.query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.query().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn wanted(&self) -> Action {
        if matches!(self.head.method, Method::GET | Method::HEAD)
            && !matches!(self.place, Place::Upload { .. })
        {
            Action::Pull
        } else {
            Action::Push
        }
    }
}

impl Shared {
    /// Checks who asks, then answers.
    pub(crate) fn answer(&self, asked: &Asked) -> Answer {
        if let Access::Token(access) = &self.access
            && asked.head.uri.path() == access.realm_path
        {
            return self.tokens.answer(access, &asked.query(), asked.header("authorization"));
        }
        match self.refuse(asked) {
            Some(refusal) => refusal,
            None => self.route(asked),
        }
    }

    fn route(&self, asked: &Asked) -> Answer {
        match &asked.place {
            Place::Root => Answer::json(&serde_json::json!({})),
            Place::Catalog => self.catalog(asked),
            Place::Manifest { repository, reference } => self.manifest(asked, repository, reference),
            Place::Blob { repository, digest } => self.blob(asked, repository, digest),
            Place::Uploads { repository } => self.start_upload(asked, repository),
            Place::Upload { repository, id } => self.upload(asked, repository, id),
            Place::Tags { repository } => self.tags(asked, repository),
            Place::Referrers { repository, digest } => self.referrers(repository, digest),
            Place::Elsewhere => Answer::error(StatusCode::NOT_FOUND, "UNSUPPORTED", "no such endpoint"),
        }
    }

    /// The refusal for who may not ask this.
    fn refuse(&self, asked: &Asked) -> Option<Answer> {
        let login = asked.header("authorization");
        match &self.access {
            Access::Open => None,
            Access::Basic(users) => {
                let user = login.and_then(|login| basic_user(users, login));
                let Some(user) = user else {
                    return Some(unauthorized("Basic realm=\"embedded\"", "UNAUTHORIZED"));
                };
                let repository = asked.place.repository()?;
                let may = !allowed(&user.grants, repository, &[asked.wanted()]).is_empty();
                (!may).then(|| {
                    Answer::error(
                        StatusCode::FORBIDDEN,
                        "DENIED",
                        "requested access to the resource is denied",
                    )
                })
            }
            Access::Token(access) => {
                let worth = login.map(|login| self.tokens.worth(login));
                let repository = asked.place.repository();
                let may = match (&worth, repository) {
                    (Some(Worth::Grants(_)), None) => true,
                    (Some(Worth::Grants(grants)), Some(repository)) => {
                        !allowed(grants, repository, &[asked.wanted()]).is_empty()
                    }
                    _ => false,
                };
                if may {
                    return None;
                }
                // Harbor: a refused login is challenged with Basic, not with Bearer.
                if access.is_harbor() && worth.is_some() {
                    let action = asked.wanted().name();
                    let message = format!(
                        "unauthorized to access repository: {}, action: {action}",
                        repository.unwrap_or("-")
                    );
                    return Some(challenged("Basic realm=\"harbor\"", "UNAUTHORIZED", &message));
                }
                let host = asked.header("host").unwrap_or_default();
                let scope =
                    repository.map(|name| format!(",scope=\"repository:{name}:{}\"", asked.wanted().name()));
                let error = match worth {
                    None => "",
                    Some(Worth::Unknown) => ",error=\"invalid_token\"",
                    Some(Worth::Grants(_)) => ",error=\"insufficient_scope\"",
                };
                let challenge = format!(
                    "Bearer realm=\"http://{host}{}\",service=\"{}\"{}{error}",
                    access.realm_path,
                    access.service,
                    scope.unwrap_or_default(),
                );
                Some(if worth.is_some() {
                    challenged(&challenge, "DENIED", "requested access to the resource is denied")
                } else {
                    unauthorized(&challenge, "UNAUTHORIZED")
                })
            }
        }
    }

    /// Whether the asker may pull from another repository, for mounts.
    pub(crate) fn may_pull(&self, asked: &Asked, repository: &str) -> bool {
        let login = asked.header("authorization").unwrap_or_default();
        let grants = match &self.access {
            Access::Open => return true,
            Access::Basic(users) => basic_user(users, login).map(|user| user.grants.clone()),
            Access::Token(_) => match self.tokens.worth(login) {
                Worth::Grants(grants) => Some(grants),
                Worth::Unknown => None,
            },
        };
        !allowed(&grants.unwrap_or_default(), repository, &[Action::Pull]).is_empty()
    }
}

fn unauthorized(challenge: &str, code: &str) -> Answer {
    challenged(challenge, code, "authentication required")
}

fn challenged(challenge: &str, code: &str, message: &str) -> Answer {
    Answer::error(StatusCode::UNAUTHORIZED, code, message).header("www-authenticate", challenge)
}

pub(crate) fn method_not_allowed() -> Answer {
    Answer::error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "the operation is unsupported")
}
