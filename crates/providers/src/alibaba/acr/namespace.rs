//! Namespaces, in which pushes may create repositories.

use serde::Deserialize;
use serde_json::json;

use super::Acr;
use super::answer::{text, truth};
use crate::alibaba::error::Error;

/// Whether a push to a repository that does not exist creates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoCreateRepository {
    /// The push creates it.
    Enabled,
    /// The push is refused.
    Disabled,
}

/// Which users may pull from repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryType {
    /// Authorized users.
    Private,
    /// All users.
    Public,
}

/// Whether a tag may be overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImmutableTags {
    /// It may not.
    Enabled,
    /// It may.
    Disabled,
}

/// The wanted settings of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamespaceSettings {
    /// Whether pushes create repositories.
    pub auto_create: AutoCreateRepository,
    /// The type of these repositories.
    pub repository_type: RepositoryType,
    /// Whether tags in these may be overwritten.
    pub immutable_tags: ImmutableTags,
}

/// An existing namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its id, which some calls need.
    pub id: String,
    /// `NORMAL` or `DELETING`.
    pub status: String,
    /// Whether pushes create repositories.
    pub auto_create: AutoCreateRepository,
    /// The type of these repositories; `None` if the API names an unknown one.
    pub repository_type: Option<RepositoryType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default, deserialize_with = "text")]
    namespace_id: String,
    #[serde(default, deserialize_with = "text")]
    namespace_status: String,
    #[serde(default, deserialize_with = "truth")]
    auto_create_repo: bool,
    #[serde(default, deserialize_with = "text")]
    default_repo_type: String,
}

impl RepositoryType {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Private => "PRIVATE",
            Self::Public => "PUBLIC",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Private, Self::Public].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Pushes create private repositories, and tags may be overwritten.
impl Default for NamespaceSettings {
    fn default() -> Self {
        Self {
            auto_create: AutoCreateRepository::Enabled,
            repository_type: RepositoryType::Private,
            immutable_tags: ImmutableTags::Disabled,
        }
    }
}

impl From<Answer> for Namespace {
    fn from(answer: Answer) -> Self {
        let auto_create = if answer.auto_create_repo {
            AutoCreateRepository::Enabled
        } else {
            AutoCreateRepository::Disabled
        };
        Self {
            id: answer.namespace_id,
            status: answer.namespace_status,
            auto_create,
            repository_type: RepositoryType::parse(&answer.default_repo_type),
        }
    }
}

impl Acr {
    /// `GetNamespace`; `None` if there is none of this name.
    pub async fn namespace(&self, name: &str) -> Result<Option<Namespace>, Error> {
        let answer: Option<Answer> = self.look("GetNamespace", &[("NamespaceName", name)]).await?;
        Ok(answer.map(Namespace::from))
    }

    /// `CreateNamespace`; returns the namespace. An existing one is not changed.
    pub async fn create_namespace(
        &self,
        name: &str,
        settings: NamespaceSettings,
    ) -> Result<Namespace, Error> {
        let action = "CreateNamespace";
        self.make(action, &parameters(name, settings, &configuration(settings))).await?;
        self.namespace(name).await?.ok_or_else(|| self.missing(action, "the namespace"))
    }
}

fn configuration(settings: NamespaceSettings) -> String {
    let immutable = settings.immutable_tags == ImmutableTags::Enabled;
    json!({"RepoType": settings.repository_type.as_str(), "TagImmutability": immutable}).to_string()
}

/// The type is sent in two places: older versions of the API know only the one outside the configuration.
fn parameters<'a>(
    name: &'a str,
    settings: NamespaceSettings,
    configuration: &'a str,
) -> [(&'a str, &'a str); 4] {
    let auto_create = match settings.auto_create {
        AutoCreateRepository::Enabled => "true",
        AutoCreateRepository::Disabled => "false",
    };
    [
        ("NamespaceName", name),
        ("AutoCreateRepo", auto_create),
        ("DefaultRepoType", settings.repository_type.as_str()),
        ("DefaultRepoConfiguration", configuration),
    ]
}
