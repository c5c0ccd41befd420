//! Decides which caller may send which request, and forms the refusals like Harbor, ACR and distribution.

use http::request::Parts;
use http::{Method, StatusCode, header};
use serde_json::json;

use crate::access::{Access, Action, Grant, Login, RefusedBasic, TokenAccess, User, may};
use crate::answer::Answer;
use crate::call::{text_header, unescaped_path};
use crate::place::Place;
use crate::server::Shared;

/// The catalog in the grants. No repository can have this name, and only a grant for `*` covers it.
pub(crate) const CATALOG: &str = "_catalog";

/// The message if user and password are right, but the user lacks the right.
const DENIED: &str = "requested access to the resource is denied";

/// An admitted caller.
pub(crate) enum Caller {
    Anybody,
    /// A caller at the second port.
    Annex,
    Known(Vec<Grant>),
}

impl Caller {
    /// Whether the caller may also read from another repository than the request's.
    pub(crate) fn may_pull(&self, repository: &str) -> bool {
        match self {
            Self::Anybody | Self::Annex => true,
            Self::Known(grants) => may(grants, repository, Action::Pull),
        }
    }
}

/// The right that a request needs.
#[derive(Clone, Copy)]
struct Need<'a> {
    /// `None` for the ping, which any login may send.
    repository: Option<&'a str>,
    action: Action,
}

impl<'a> Need<'a> {
    fn of(head: &Parts, place: Place<'a>) -> Self {
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        let is_pull = is_read && !matches!(place, Place::Upload { .. });
        let action = match (is_pull, place) {
            (true, _) => Action::Pull,
            (false, Place::Manifest { .. }) if head.method == Method::DELETE => Action::Delete,
            (false, _) => Action::Push,
        };
        let repository = if place == Place::Catalog { Some(CATALOG) } else { place.repository() };
        Self { repository, action }
    }

    fn is_met_by(self, grants: &[Grant]) -> bool {
        self.repository.is_none_or(|repository| may(grants, repository, self.action))
    }

    fn actions(self) -> &'static str {
        match self.action {
            Action::Pull => "pull",
            Action::Push => "pull,push",
            Action::Delete => "delete",
        }
    }

    /// The scope in the challenge.
    fn scope(self) -> String {
        match self.repository {
            None => String::new(),
            Some(CATALOG) => ",scope=\"registry:catalog:*\"".to_owned(),
            Some(repository) => format!(",scope=\"repository:{repository}:{}\"", self.actions()),
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    NoLogin,
    InvalidLogin,
    MissingRight,
}

impl Shared {
    /// The caller, or the refusal.
    pub(crate) fn admit(&self, head: &Parts, place: Place<'_>) -> Result<Caller, Answer> {
        let need = Need::of(head, place);
        match &self.settings.access {
            Access::Open => Ok(Caller::Anybody),
            Access::Basic(users) => admit_user(users, head, need),
            Access::Token(access) => {
                let grants = match text_header(head, header::AUTHORIZATION) {
                    None => Err(Trouble::NoLogin),
                    Some(header) => self.grants(access, header).ok_or(Trouble::InvalidLogin),
                };
                grants
                    .and_then(|grants| need.is_met_by(&grants).then_some(grants).ok_or(Trouble::MissingRight))
                    .map(Caller::Known)
                    .map_err(|trouble| refusal(access, head, need, trouble))
            }
        }
    }

    /// The refusal of a mount from a repository that the caller may not read.
    pub(crate) fn refuse_mount(&self, head: &Parts, repository: &str, from: &str) -> Answer {
        let need = Need { repository: Some(from), action: Action::Pull };
        let Access::Token(access) = &self.settings.access else {
            return Answer::errors(StatusCode::FORBIDDEN, &[json!({"code": "DENIED", "message": DENIED})]);
        };
        let scope = format!("\"repository:{repository}:pull,push repository:{from}:pull\"");
        let mut answer = refusal(access, head, need, Trouble::MissingRight);
        for (_, value) in answer.headers.iter_mut().filter(|(name, _)| name == header::WWW_AUTHENTICATE) {
            *value = value.replace(&format!("\"repository:{from}:pull\""), &scope);
        }
        answer
    }

    /// The refusal of this request as if it carried no login. An open registry asks for a login here, too.
    pub(crate) fn challenge(&self, head: &Parts) -> Answer {
        let mut head = head.clone();
        head.headers.remove(header::AUTHORIZATION);
        let path = unescaped_path(&head);
        let refused = self.admit(&head, Place::of(&path)).err();
        refused.unwrap_or_else(|| authenticate("Basic realm=\"embedded\""))
    }

    /// The grants of an `Authorization` header.
    fn grants(&self, access: &TokenAccess, header: &str) -> Option<Vec<Grant>> {
        match Login::read(header) {
            Login::Bearer(token) => self.tokens.grants(token),
            login if access.refused_basic == RefusedBasic::Harbor => {
                login.user(&access.users).map(|user| user.grants.clone())
            }
            _ => None,
        }
    }
}

fn admit_user(users: &[User], head: &Parts, need: Need<'_>) -> Result<Caller, Answer> {
    let login = text_header(head, header::AUTHORIZATION).map(Login::read);
    match login.and_then(|login| login.user(users)) {
        None => Err(authenticate("Basic realm=\"embedded\"")),
        Some(user) if need.is_met_by(&user.grants) => Ok(Caller::Known(user.grants.clone())),
        Some(_) => {
            Err(Answer::errors(StatusCode::FORBIDDEN, &[json!({"code": "DENIED", "message": DENIED})]))
        }
    }
}

fn authenticate(challenge: &str) -> Answer {
    let error = json!({"code": "UNAUTHORIZED", "message": "authentication required", "detail": null});
    Answer::errors(StatusCode::UNAUTHORIZED, &[error]).header("www-authenticate", challenge)
}

/// The refusal by a registry with tokens: always a 401, even if only a right is missing.
fn refusal(access: &TokenAccess, head: &Parts, need: Need<'_>, trouble: Trouble) -> Answer {
    let is_harbor = access.refused_basic == RefusedBasic::Harbor;
    let errors = match trouble {
        Trouble::MissingRight | Trouble::InvalidLogin if is_harbor => {
            vec![json!({"code": "UNAUTHORIZED", "message": harbor_message(need)})]
        }
        Trouble::NoLogin | Trouble::InvalidLogin => vec![authentication_required(need)],
        Trouble::MissingRight => {
            vec![authentication_required(need), json!({"code": "DENIED", "message": DENIED})]
        }
    };
    let challenge = if is_harbor && trouble != Trouble::NoLogin {
        "Basic realm=\"harbor\"".to_owned()
    } else {
        bearer_challenge(access, head, need, trouble)
    };
    Answer::errors(StatusCode::UNAUTHORIZED, &errors).header("www-authenticate", challenge)
}

fn bearer_challenge(access: &TokenAccess, head: &Parts, need: Need<'_>, trouble: Trouble) -> String {
    // As with Harbor: the realm is on the host that the client requested.
    let host = text_header(head, header::HOST).unwrap_or_default();
    let TokenAccess { realm_path, service, .. } = access;
    let error = match trouble {
        Trouble::NoLogin => "",
        Trouble::InvalidLogin => ",error=\"invalid_token\"",
        Trouble::MissingRight => ",error=\"insufficient_scope\"",
    };
    format!("Bearer realm=\"http://{host}{realm_path}\",service=\"{service}\"{}{error}", need.scope())
}

fn authentication_required(need: Need<'_>) -> serde_json::Value {
    let detail = need.repository.map(|repository| {
        json!([{"Type": "repository", "Class": "", "Name": repository, "Action": need.action.name()}])
    });
    json!({"code": "UNAUTHORIZED", "message": "authentication required", "detail": detail})
}

/// Harbor wraps the error in itself, so its message contains everything twice.
fn harbor_message(need: Need<'_>) -> String {
    match need.repository {
        None => "unauthorized".to_owned(),
        Some(repository) => {
            let once =
                format!("unauthorized to access repository: {repository}, action: {}", need.action.name());
            format!("{once}: {once}")
        }
    }
}
