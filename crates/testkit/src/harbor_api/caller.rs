//! Who asks, and what they may do.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::Value;

use super::state::{Project, State};
use crate::token_server::TokenUser;

/// Who asks.
pub(super) enum Caller {
    /// Nobody said who they are.
    Silent,
    /// Somebody whom Harbor does not know: to the API the same as nobody.
    Unknown,
    /// By name and password.
    User(TokenUser),
    /// By a token, which counts for the protocol alone.
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

    /// Harbor checks a token by its project alone: one for any repository holds for all of the project.
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

    /// Whether the API knows who asks: tokens are no login there.
    pub(super) fn is_user(&self) -> bool {
        matches!(self, Self::User(_))
    }
}
