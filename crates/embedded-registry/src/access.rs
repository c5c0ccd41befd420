//! Who may do what.

use std::fmt;
use std::time::Duration;

/// How the registry wants to be asked.
#[derive(Clone, Debug)]
pub enum Access {
    /// Anybody may do anything.
    Open,
    /// User and password with every request.
    Basic(Vec<User>),
    /// Tokens from a token server of its own.
    Token(TokenAccess),
}

/// Somebody with a password.
#[derive(Clone)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
    /// What the user may do.
    pub grants: Vec<Grant>,
}

impl User {
    /// A user with these grants.
    pub fn new(name: &str, password: &str, grants: Vec<Grant>) -> Self {
        Self { name: name.to_owned(), password: password.to_owned(), grants }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("User")
            .field("name", &self.name)
            .field("grants", &self.grants)
            .finish_non_exhaustive()
    }
}

/// What may be done where.
#[derive(Clone, Debug)]
pub struct Grant {
    /// A repository, `project/*` for all in a project, or `*`.
    pub repositories: String,
    /// What may be done there.
    pub actions: Vec<Action>,
}

impl Grant {
    /// Reading.
    pub fn pull(repositories: &str) -> Self {
        Self { repositories: repositories.to_owned(), actions: vec![Action::Pull] }
    }

    /// Reading and writing.
    pub fn push(repositories: &str) -> Self {
        Self { repositories: repositories.to_owned(), actions: vec![Action::Pull, Action::Push] }
    }

    fn covers(&self, repository: &str) -> bool {
        match self.repositories.strip_suffix('*') {
            Some(prefix) => repository.starts_with(prefix),
            None => self.repositories == repository,
        }
    }
}

/// What may be done with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read.
    Pull,
    /// Write.
    Push,
}

impl Action {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
        }
    }
}

/// A registry that wants tokens.
#[derive(Clone, Debug)]
pub struct TokenAccess {
    /// What the token server calls the registry.
    pub service: String,
    /// Where on this host the token server answers.
    pub realm_path: String,
    /// Who may log in.
    pub users: Vec<User>,
    /// What may be done without a login.
    pub anonymous: Vec<Grant>,
    /// How long tokens live.
    pub lifetime: Duration,
}

impl TokenAccess {
    /// As Harbor does it. When a request carried a login and is refused, the challenge is Basic, not Bearer.
    pub fn harbor(users: Vec<User>) -> Self {
        Self::new("harbor-registry", "/service/token", users)
    }

    /// As Alibaba Cloud Container Registry does it; `service` tells region and instance.
    pub fn acr(service: &str, users: Vec<User>) -> Self {
        Self::new(service, "/auth", users)
    }

    fn new(service: &str, realm_path: &str, users: Vec<User>) -> Self {
        Self {
            service: service.to_owned(),
            realm_path: realm_path.to_owned(),
            users,
            anonymous: Vec::new(),
            lifetime: Duration::from_secs(1800),
        }
    }

    pub(crate) fn is_harbor(&self) -> bool {
        self.service == "harbor-registry"
    }
}

/// Those of `wanted` that `grants` allow for a repository.
pub(crate) fn allowed(grants: &[Grant], repository: &str, wanted: &[Action]) -> Vec<Action> {
    let is_allowed = |action: &&Action| {
        grants.iter().any(|grant| grant.covers(repository) && grant.actions.contains(action))
    };
    wanted.iter().filter(is_allowed).copied().collect()
}

/// The user whose name and password stand in a Basic header.
pub(crate) fn basic_user<'a>(users: &'a [User], header: &str) -> Option<&'a User> {
    use base64::Engine as _;

    let encoded = header.strip_prefix("Basic ")?;
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    users.iter().find(|user| user.name == name && user.password == password)
}
