//! The rights of users, and the access that tokens grant for scopes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::Habit;

/// A user who can request tokens. It has no `Debug`, so that no password gets into a test's output.
#[derive(Clone)]
pub struct TokenUser {
    /// The login name.
    pub name: String,
    /// The password.
    pub password: String,
    /// Repositories (`library/app`, `library/*` or `*`), and the allowed actions: `pull`, `push`.
    pub grants: Vec<(String, Vec<&'static str>)>,
}

impl TokenUser {
    /// A user without any rights.
    pub fn new(name: &str, password: &str) -> Self {
        Self { name: name.to_owned(), password: password.to_owned(), grants: Vec::new() }
    }

    /// Allows `actions` in the repositories that match `pattern`. The pattern `*` includes the catalog.
    #[must_use]
    pub fn grant(mut self, pattern: &str, actions: &[&'static str]) -> Self {
        self.grants.push((pattern.to_owned(), actions.to_vec()));
        self
    }

    pub(crate) fn actions(&self, kind: &str, name: &str) -> Vec<&'static str> {
        if kind == "registry" {
            let everywhere = self.grants.iter().any(|(pattern, _)| pattern == "*");
            return if everywhere { vec!["*"] } else { Vec::new() };
        }
        let matching = self.grants.iter().filter(|(pattern, _)| matches(pattern, name));
        let mut actions: Vec<&'static str> = matching.flat_map(|(_, actions)| actions.clone()).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }
}

/// The users of a server. Clones share them.
#[derive(Clone)]
pub(crate) struct UserList(Arc<Mutex<Vec<TokenUser>>>);

impl UserList {
    pub(super) fn new(users: Vec<TokenUser>) -> Self {
        Self(Arc::new(Mutex::new(users)))
    }

    pub(crate) fn add(&self, user: TokenUser) {
        self.lock().push(user);
    }

    pub(super) fn remove(&self, name: &str) {
        self.lock().retain(|user| user.name != name);
    }

    /// The user with this name and password. A name may have several passwords.
    pub(super) fn find(&self, name: &str, password: &str) -> Option<TokenUser> {
        self.lock().iter().find(|user| user.name == name && user.password == password).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<TokenUser>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The `access` claim. Anonymous callers get an empty one, which is no error: the registry refuses later.
pub(super) fn access(habit: Habit, user: Option<&TokenUser>, scopes: &[String]) -> Value {
    let entries = scopes.iter().filter_map(|scope| {
        // The name may contain a port, so the actions follow the last colon.
        let (resource, asked) = scope.rsplit_once(':')?;
        let (kind, name) = resource.split_once(':')?;
        let mut actions = user.map(|user| user.actions(kind, name)).unwrap_or_default();
        if habit == Habit::Acr {
            actions.retain(|action| asked.split(',').any(|wanted| wanted == *action));
        }
        let named = habit == Habit::Harbor || !actions.is_empty();
        named.then(|| json!({"type": kind, "name": name, "actions": actions}))
    });
    Value::Array(entries.collect())
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(habit: Habit, scope: &str) -> Value {
        let user = TokenUser::new("robot", "x").grant("library/*", &["push", "pull"]);
        access(habit, Some(&user), &[scope.to_owned()])
    }

    #[test]
    fn harbor_grants_all_that_the_user_has() {
        let expected = json!([{"type": "repository", "name": "library/app", "actions": ["pull", "push"]}]);
        assert_eq!(claim(Habit::Harbor, "repository:library/app:pull"), expected);
        let nothing = json!([{"type": "repository", "name": "other/app", "actions": []}]);
        assert_eq!(claim(Habit::Harbor, "repository:other/app:pull"), nothing);
    }

    #[test]
    fn acr_grants_what_was_asked() {
        let expected = json!([{"type": "repository", "name": "library/app", "actions": ["pull"]}]);
        assert_eq!(claim(Habit::Acr, "repository:library/app:pull"), expected);
        assert_eq!(claim(Habit::Acr, "repository:other/app:pull"), json!([]));
    }

    #[test]
    fn anonymous_gets_nothing() {
        assert_eq!(access(Habit::Acr, None, &["repository:library/app:pull".to_owned()]), json!([]));
    }
}
