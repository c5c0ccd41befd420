//! The token server, and the grants of its tokens.

mod issued;
mod question;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::json;

use self::issued::{Issued, unguessable};
use self::question::{Proof, Question};
use crate::access::{
    Action, Grant, ScopePolicy, TokenAccess, TokenAnswers, TokenMethods, User, allowed, may,
};
use crate::answer::Answer;
use crate::body::RequestBody;
use crate::gate::CATALOG;

/// The issued tokens.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<Given>);

#[derive(Default)]
struct Given {
    issued: Vec<Issued>,
    /// Refresh tokens, with their users.
    refresh_tokens: HashMap<String, String>,
    requests: Vec<TokenRequest>,
}

/// A request to the token server: for tests that count. It contains no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// The method.
    pub method: Method,
    /// `grant_type`, for a `POST`.
    pub grant_type: Option<String>,
    /// The client's stated id.
    pub client_id: Option<String>,
    /// The scopes, one by one.
    pub scopes: Vec<String>,
    /// The status of the answer.
    pub status: u16,
}

impl Tokens {
    /// Answers a request for a token. A user without a right gets a token without it, not a refusal.
    pub(crate) async fn answer(&self, access: &TokenAccess, head: &Parts, body: &mut RequestBody) -> Answer {
        let question = match Question::read(head, body).await {
            Ok(question) => question,
            Err(refusal) => return refusal,
        };
        let answer = self.judge(access, &question).unwrap_or_else(|refusal| refusal);
        self.lock().requests.push(TokenRequest {
            method: question.method.clone(),
            grant_type: question.parameter("grant_type").map(str::to_owned),
            client_id: question.parameter("client_id").map(str::to_owned),
            scopes: question.scopes(),
            status: answer.status.as_u16(),
        });
        answer
    }

    fn judge(&self, access: &TokenAccess, question: &Question) -> Result<Answer, Answer> {
        let is_taken = match access.methods {
            TokenMethods::Get => question.method == Method::GET,
            TokenMethods::Post => question.method == Method::POST,
            TokenMethods::Both => matches!(question.method, Method::GET | Method::POST),
        };
        if !is_taken {
            let message = "the operation is unsupported";
            return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message));
        }
        if question.parameter("service") != Some(&access.service) {
            return Err(refused(StatusCode::BAD_REQUEST, "BAD_REQUEST", "unknown service"));
        }
        let user = self.user(access, question)?;
        let grants = user.map_or(&access.anonymous, |user| &user.grants);
        let mut wanted = question.scopes();
        if access.scopes == ScopePolicy::FirstOnly {
            wanted.truncate(1);
        }
        let granted: Vec<_> = wanted.iter().filter_map(|scope| grant(grants, scope)).collect();
        if access.scopes == ScopePolicy::AllOrNothing && granted.len() < wanted.len() {
            return Err(refused(
                StatusCode::FORBIDDEN,
                "DENIED",
                "requested access to the resource is denied",
            ));
        }
        Ok(self.issue(access, user, granted))
    }

    fn issue(&self, access: &TokenAccess, user: Option<&User>, granted: Vec<Grant>) -> Answer {
        let name = user.map_or("", |user| user.name.as_str());
        let refresh_token =
            user.filter(|_| access.answers == TokenAnswers::RefreshToken).map(|_| unguessable());
        let issued = Issued::new(access, name, granted);
        let answer = Answer::json(&issued.document(access, refresh_token.as_deref()));
        let mut given = self.lock();
        given.refresh_tokens.extend(refresh_token.map(|token| (token, name.to_owned())));
        given.issued.push(issued);
        answer
    }

    /// The user of the request; `None` without credentials.
    fn user<'a>(&self, access: &'a TokenAccess, question: &Question) -> Result<Option<&'a User>, Answer> {
        let found = match question.proof() {
            Proof::Nothing => return Ok(None),
            Proof::Password(login) => login.user(&access.users),
            Proof::RefreshToken(token) => {
                let mut given = self.lock();
                let owner = match access.answers {
                    TokenAnswers::RefreshToken => given.refresh_tokens.remove(token),
                    _ => given.refresh_tokens.get(token).cloned(),
                };
                owner.and_then(|name| access.users.iter().find(|user| user.name == name))
            }
            Proof::Unknown => {
                return Err(refused(StatusCode::BAD_REQUEST, "UNSUPPORTED", "unknown grant type"));
            }
        };
        let message = "authentication required: incorrect username or password";
        found.map(Some).ok_or_else(|| refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message))
    }

    /// The grants of a token; `None` if it was never issued, or has expired.
    pub(crate) fn grants(&self, token: &str) -> Option<Vec<Grant>> {
        let mut given = self.lock();
        given.issued.retain(Issued::is_alive);
        given.issued.iter().find(|issued| issued.token == token).map(|issued| issued.grants.clone())
    }

    pub(crate) fn requests(&self) -> Vec<TokenRequest> {
        self.lock().requests.clone()
    }

    pub(crate) fn issued(&self) -> Vec<String> {
        self.lock().issued.iter().map(|issued| issued.token.clone()).collect()
    }

    pub(crate) fn add_refresh_token(&self, token: &str, user: &str) {
        self.lock().refresh_tokens.insert(token.to_owned(), user.to_owned());
    }

    pub(crate) fn revoke(&self) {
        self.lock().issued.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(status: StatusCode, code: &str, message: &str) -> Answer {
    Answer::errors(status, &[json!({"code": code, "message": message})])
}

/// The part of the scope `repository:name:pull,push` that `grants` allow.
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
        "delete" => vec![Action::Delete],
        "*" => vec![Action::Pull, Action::Push, Action::Delete],
        _ => Vec::new(),
    };
    actions.split(',').flat_map(action).collect()
}
