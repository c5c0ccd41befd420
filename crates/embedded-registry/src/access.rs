//! Who may do what, and how the registry wants to be asked.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

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

    /// Reading, writing and deleting.
    pub fn delete(repositories: &str) -> Self {
        let actions = vec![Action::Pull, Action::Push, Action::Delete];
        Self { repositories: repositories.to_owned(), actions }
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
    /// Delete tags and manifests.
    Delete,
}

impl Action {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
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
    /// How requests are refused that carry a login already.
    pub refused_basic: RefusedBasic,
    /// By which methods tokens are given out.
    pub methods: TokenMethods,
    /// What the tokens look like.
    pub form: TokenForm,
    /// What the answers have beside the token.
    pub answers: TokenAnswers,
    /// What becomes of questions with several scopes.
    pub scopes: ScopePolicy,
}

/// By which methods tokens are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenMethods {
    /// `GET` with a Basic login only.
    Get,
    /// The `OAuth2` `POST` only.
    Post,
    /// Both.
    Both,
}

/// What tokens look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenForm {
    /// They tell what they grant.
    Jwt,
    /// They tell nothing.
    Opaque,
}

/// What the answers have beside the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAnswers {
    /// `token`, its life and its time.
    Full,
    /// `access_token` and nothing else.
    AccessTokenOnly,
    /// Also a refresh token, another each time: the one before is used up.
    RefreshToken,
}

/// What becomes of a question with several scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopePolicy {
    /// All are granted that the user has.
    All,
    /// Only the first is looked at, and the token does not say so if it is opaque.
    FirstOnly,
    /// The question is refused if there is one without a grant, as GHCR and Google do.
    AllOrNothing,
}

/// How a request is refused that carries a login which is not good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedBasic {
    /// With the token challenge again, and with the reason. Only tokens are taken as a login.
    Bearer,
    /// With `Basic realm="harbor"`, as Harbor does, which also takes user and password with every request.
    Harbor,
}

impl TokenAccess {
    /// As Harbor does it.
    pub fn harbor(users: Vec<User>) -> Self {
        Self {
            service: "harbor-registry".to_owned(),
            realm_path: "/service/token".to_owned(),
            users,
            anonymous: Vec::new(),
            lifetime: Duration::from_secs(1800),
            refused_basic: RefusedBasic::Harbor,
            methods: TokenMethods::Both,
            form: TokenForm::Jwt,
            answers: TokenAnswers::Full,
            scopes: ScopePolicy::All,
        }
    }

    /// As Alibaba Cloud Container Registry does it; `service` tells region and instance.
    pub fn acr(service: &str, users: Vec<User>) -> Self {
        Self {
            service: service.to_owned(),
            realm_path: "/auth".to_owned(),
            refused_basic: RefusedBasic::Bearer,
            ..Self::harbor(users)
        }
    }
}

/// Those of `wanted` that `grants` allow for a repository.
pub(crate) fn allowed(grants: &[Grant], repository: &str, wanted: &[Action]) -> Vec<Action> {
    let is_allowed = |action: &&Action| {
        grants.iter().any(|grant| grant.covers(repository) && grant.actions.contains(action))
    };
    wanted.iter().filter(is_allowed).copied().collect()
}

/// Whether `grants` allow this.
pub(crate) fn may(grants: &[Grant], repository: &str, action: Action) -> bool {
    !allowed(grants, repository, &[action]).is_empty()
}

/// What an `Authorization` header holds.
pub(crate) enum Login<'a> {
    Basic { name: String, password: String },
    Bearer(&'a str),
    Unreadable,
}

impl<'a> Login<'a> {
    pub(crate) fn read(header: &'a str) -> Self {
        match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Self::Bearer(token),
            Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => {
                Self::basic(encoded).unwrap_or(Self::Unreadable)
            }
            _ => Self::Unreadable,
        }
    }

    fn basic(encoded: &str) -> Option<Self> {
        let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        Some(Self::Basic { name: name.to_owned(), password: password.to_owned() })
    }

    /// The user with this name and password.
    pub(crate) fn user<'u>(&self, users: &'u [User]) -> Option<&'u User> {
        let Self::Basic { name, password } = self else { return None };
        users.iter().find(|user| user.name == *name && user.password == *password)
    }
}
