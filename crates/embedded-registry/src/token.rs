//! The token server, and what its tokens allow.

mod issued;

use std::sync::{Mutex, PoisonError};

use http::request::Parts;
use http::{StatusCode, header};
use serde_json::json;

use self::issued::Issued;
use crate::access::{Action, Grant, Login, TokenAccess, allowed, may};
use crate::answer::Answer;
use crate::call::{parameters, text_header};
use crate::gate::CATALOG;

/// Tokens that were given out.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<Vec<Issued>>);

impl Tokens {
    /// Answers a request for a token. Who lacks a right gets a token without it, not a refusal.
    pub(crate) fn answer(&self, access: &TokenAccess, head: &Parts) -> Answer {
        if parameters(head).find(|(name, _)| name == "service").is_none_or(|(_, name)| name != access.service)
        {
            return refused(StatusCode::BAD_REQUEST, "BAD_REQUEST", "unknown service");
        }
        let login = text_header(head, header::AUTHORIZATION).map(Login::read);
        let (subject, grants) = match login.map(|login| login.user(&access.users)) {
            None => ("", &access.anonymous),
            Some(Some(user)) => (user.name.as_str(), &user.grants),
            Some(None) => {
                let message = "authentication required: incorrect username or password";
                return refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
            }
        };
        let granted = parameters(head)
            .filter(|(name, _)| name == "scope")
            .flat_map(|(_, scopes)| scopes.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .filter_map(|scope| grant(grants, &scope))
            .collect();
        let issued = Issued::new(access, subject, granted);
        let answer = Answer::json(&issued.document(access.lifetime));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(issued);
        answer
    }

    /// What a token allows; nothing where it was never given out, or where its time is over.
    pub(crate) fn grants(&self, token: &str) -> Option<Vec<Grant>> {
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        issued.retain(Issued::is_alive);
        issued.iter().find(|issued| issued.token == token).map(|issued| issued.grants.clone())
    }
}

fn refused(status: StatusCode, code: &str, message: &str) -> Answer {
    Answer::errors(status, &[json!({"code": code, "message": message})])
}

/// What `grants` leave of the scope `repository:name:pull,push`.
fn grant(grants: &[Grant], scope: &str) -> Option<Grant> {
    if scope == "registry:catalog:*" {
        return may(grants, CATALOG, Action::Pull).then(|| Grant::pull(CATALOG));
    }
    let (repository, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
    let actions = allowed(grants, repository, &wanted(actions));
    (!actions.is_empty()).then(|| Grant { repositories: repository.to_owned(), actions })
}

fn wanted(actions: &str) -> Vec<Action> {
    let action = |name| match name {
        "pull" => vec![Action::Pull],
        "push" => vec![Action::Push],
        "*" => vec![Action::Pull, Action::Push],
        _ => Vec::new(),
    };
    actions.split(',').flat_map(action).collect()
}
