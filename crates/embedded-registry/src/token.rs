//! The token server, and what its tokens allow.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use crate::access::{Action, Grant, TokenAccess, allowed, basic_user};
use crate::answer::Answer;

/// Tokens that were given out.
#[derive(Default)]
pub(crate) struct Tokens {
    issued: Mutex<HashMap<String, Issued>>,
    number: AtomicU64,
}

struct Issued {
    expires: Instant,
    grants: Vec<Grant>,
}

/// What a token is worth.
pub(crate) enum Worth {
    Unknown,
    Grants(Vec<Grant>),
}

impl Tokens {
    /// Answers a request for a token. Who lacks a right gets a token without it, not a refusal.
    pub(crate) fn answer(
        &self,
        access: &TokenAccess,
        query: &[(String, String)],
        login: Option<&str>,
    ) -> Answer {
        let service = query.iter().find(|(name, _)| name == "service").map(|(_, value)| value.as_str());
        if service != Some(&access.service) {
            return Answer::error(StatusCode::BAD_REQUEST, "BAD_REQUEST", "unknown service");
        }
        let user = login.map(|header| basic_user(&access.users, header));
        let grants = match user {
            None => &access.anonymous,
            Some(Some(user)) => &user.grants,
            Some(None) => {
                let message = "authentication required: incorrect username or password";
                return Answer::error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
            }
        };
        let scopes = query.iter().filter(|(name, _)| name == "scope");
        let granted =
            scopes.flat_map(|(_, value)| value.split(' ')).filter_map(|scope| grant(grants, scope)).collect();
        self.issue(access, granted)
    }

    fn issue(&self, access: &TokenAccess, grants: Vec<Grant>) -> Answer {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let entry = |grant: &Grant| {
            let actions: Vec<_> = grant.actions.iter().map(|action| action.name()).collect();
            json!({"type": "repository", "name": grant.repositories, "actions": actions})
        };
        let claims = json!({"jti": number, "access": grants.iter().map(entry).collect::<Vec<_>>()});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        // Not signed: the registry and the token server are one, and remember what they gave out.
        let token = format!("{}.{}.embedded", part(&json!({"typ": "JWT", "alg": "none"})), part(&claims));
        let issued = Issued { expires: Instant::now() + access.lifetime, grants };
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), issued);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Answer::json(
            &json!({"token": token, "expires_in": access.lifetime.as_secs(), "issued_at": now.to_string()}),
        )
    }

    /// What the token in an `Authorization` header is worth.
    pub(crate) fn worth(&self, header: &str) -> Worth {
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let found = header.strip_prefix("Bearer ").and_then(|token| issued.get(token));
        match found.filter(|issued| issued.expires > Instant::now()) {
            Some(issued) => Worth::Grants(issued.grants.clone()),
            None => Worth::Unknown,
        }
    }
}

/// What `grants` leave of the scope `repository:name:pull,push`.
fn grant(grants: &[Grant], scope: &str) -> Option<Grant> {
    let rest = scope.strip_prefix("repository:")?;
    let (repository, actions) = rest.rsplit_once(':')?;
    let wanted: Vec<_> = actions
        .split(',')
        .filter_map(|action| match action {
            "pull" => Some(Action::Pull),
            "push" => Some(Action::Push),
            _ => None,
        })
        .collect();
    let actions = allowed(grants, repository, &wanted);
    (!actions.is_empty()).then(|| Grant { repositories: repository.to_owned(), actions })
}
