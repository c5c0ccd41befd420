//! The caller of a request, and its rights.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::Value;

use super::state::{Project, State};
use crate::token_server::TokenUser;

/// The caller of a request.
pub(super) enum Caller {
    /// Without credentials.
    Silent,
    /// With wrong credentials: for the API the same as without.
    Unknown,
    /// With name and password.
    User(TokenUser),
    /// With a token, which only the registry protocol accepts.
    Token(Value),
}

impl Caller {
    pub(super) fn of(state: &State, headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(AUTHORIZATION) else { return Self::Silent };
        let value = value.to_str().unwrap_or_default();
        if let Some(token) = value.strip_prefix("Bearer ") {
            return state.signer.claims(token).map_or(Self::Unknown, Self::Token);
        }
        let login = value.strip_prefix("Basic ").and_then(|value| BASE64_STANDARD.decode(value).ok());
        let login = login.and_then(|login| String::from_utf8(login).ok()).unwrap_or_default();
        let (name, password) = login.split_once(':').unwrap_or_default();
        let user = state.users.iter().find(|user| user.name == name && user.password == password);
        user.map_or(Self::Unknown, |user| Self::User(user.clone()))
    }

    pub(super) fn is_known(&self) -> bool {
        matches!(self, Self::User(_) | Self::Token(_))
    }

    /// Whether the caller has a right. Harbor checks only the project of a token: a token for any repository is valid
    /// for the whole project.
    pub(super) fn may(&self, action: &str, repository: &str, project: &Project) -> bool {
        if project.public && action == "pull" && !matches!(self, Self::Silent) {
            return true;
        }
        match self {
            Self::Silent | Self::Unknown => false,
            Self::User(user) => user.actions("repository", repository).contains(&action),
            Self::Token(claims) => claims["access"].as_array().into_iter().flatten().any(|entry| {
                let name = entry["name"].as_str().unwrap_or_default();
                let actions = entry["actions"].as_array().into_iter().flatten();
                name.split('/').next() == Some(&project.name) && actions.into_iter().any(|one| one == action)
            }),
        }
    }

    /// Whether the API shows a project.
    pub(super) fn sees(&self, project: &Project) -> bool {
        let member = match self {
            Self::User(user) => !user.actions("repository", &format!("{}/any", project.name)).is_empty(),
            _ => false,
        };
        member || project.public
    }

    pub(super) fn is_administrator(&self) -> bool {
        matches!(self, Self::User(user) if !user.actions("registry", "catalog").is_empty())
    }

    /// Whether the API knows the caller: it does not accept tokens.
    pub(super) fn is_user(&self) -> bool {
        matches!(self, Self::User(_))
    }
}
