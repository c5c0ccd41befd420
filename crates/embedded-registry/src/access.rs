//! Access control: which caller may do what, and which login the registry asks for.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The kind of login that the registry asks for.
#[derive(Clone, Debug)]
pub enum Access {
    /// Every caller may do everything.
    Open,
    /// User and password with every request.
    Basic(Vec<User>),
    /// Tokens from a token server of its own.
    Token(TokenAccess),
}

/// A user with a password.
#[derive(Clone)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
    /// The user's rights.
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

/// Actions that are allowed in some repositories.
#[derive(Clone, Debug)]
pub struct Grant {
    /// A repository, `project/*` for all in a project, or `*`.
    pub repositories: String,
    /// The allowed actions.
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

/// An action on a repository.
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

/// The settings of a registry that uses tokens.
#[derive(Clone, Debug)]
pub struct TokenAccess {
    /// The token server's name for the registry.
    pub service: String,
    /// The token server's path on this host.
    pub realm_path: String,
    /// The users that may log in.
    pub users: Vec<User>,
    /// The rights without a login.
    pub anonymous: Vec<Grant>,
    /// The lifetime of tokens.
    pub lifetime: Duration,
    /// How requests are refused that carry a login already.
    pub refused_basic: RefusedBasic,
    /// The methods by which the token server can be called.
    pub methods: TokenMethods,
    /// The form of the tokens.
    pub form: TokenForm,
    /// The fields of the token server's answers.
    pub answers: TokenAnswers,
    /// How requests with several scopes are answered.
    pub scopes: ScopePolicy,
}

/// The methods by which the token server can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenMethods {
    /// `GET` with a Basic login only.
    Get,
    /// The `OAuth2` `POST` only.
    Post,
    /// Both.
    Both,
}

/// The form of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenForm {
    /// Tokens state their grants.
    Jwt,
    /// Tokens state nothing.
    Opaque,
}

/// The fields of the token server's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAnswers {
    /// `token`, its lifetime and its issue time.
    Full,
    /// Only `access_token`.
    AccessTokenOnly,
    /// Also a refresh token, a new one each time: the previous one becomes invalid.
    RefreshToken,
}

/// How a request with several scopes is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopePolicy {
    /// The token gets all scopes that the user has.
    All,
    /// The token gets only the first scope; an opaque token does not show that.
    FirstOnly,
    /// The request is refused if the user lacks one of the scopes, as by GHCR and Google.
    AllOrNothing,
}

/// How a request is refused that carries an insufficient login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedBasic {
    /// With the token challenge again, and with the reason. Only tokens are accepted as a login.
    Bearer,
    /// With `Basic realm="harbor"`, as Harbor does, which also accepts user and password with every request.
    Harbor,
}

impl TokenAccess {
    /// Like Harbor.
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

    /// Like Alibaba Cloud Container Registry; `service` states region and instance.
    pub fn acr(service: &str, users: Vec<User>) -> Self {
        Self {
            service: service.to_owned(),
            realm_path: "/auth".to_owned(),
            refused_basic: RefusedBasic::Bearer,
            ..Self::harbor(users)
        }
    }
}

/// The actions in `wanted` that `grants` allow for a repository.
pub(crate) fn allowed(grants: &[Grant], repository: &str, wanted: &[Action]) -> Vec<Action> {
    let is_allowed = |action: &&Action| {
        grants.iter().any(|grant| grant.covers(repository) && grant.actions.contains(action))
    };
    wanted.iter().filter(is_allowed).copied().collect()
}

/// Whether `grants` allow this action.
pub(crate) fn may(grants: &[Grant], repository: &str, action: Action) -> bool {
    !allowed(grants, repository, &[action]).is_empty()
}

/// The login in an `Authorization` header.
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
