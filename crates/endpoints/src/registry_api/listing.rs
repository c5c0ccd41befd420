//! The repositories of a registry: from Harbor's API, Alibaba's, or the protocol's catalog.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::FutureExt as _;
use oci::{ErrorKind, RepositoryName};
use providers::harbor::{self, Harbor, Project, ProjectKind, ProjectName, ProjectPages, RepositoryPages};
use registry::{Catalog, CatalogPages, LoginSearch, Offer, OptionalEndpoint, Refusal};
use sync::endpoint::{Answer, EndpointError};
use sync::listing::{Listing, Repositories};

use super::RegistryApi;
use super::trouble::{self, asked_with};
use crate::judge::judged;

/// Lists a registry's repositories.
pub struct RegistryListing(Arc<RegistryApi>);

impl RegistryListing {
    /// For the registry of `registry_api`.
    pub fn new(registry_api: Arc<RegistryApi>) -> Self {
        Self(registry_api)
    }
}

impl Listing for RegistryListing {
    fn name(&self) -> &str {
        self.0.registry.host().as_str()
    }

    fn tells_sizes(&self) -> Answer<'_, bool> {
        self.0.harbor_tells_sizes().boxed()
    }

    fn repositories(&self, below: &[&str]) -> Box<dyn Repositories> {
        let first = below.first().map(|component| (*component).to_owned());
        Box::new(Walk { registry_api: self.0.clone(), first, way: Way::Unknown, notes: Vec::new() })
    }
}

/// An iteration over the pages of one of the registry's APIs.
struct Walk {
    registry_api: Arc<RegistryApi>,
    /// The first component of all wanted names, if it is the same: a project or namespace.
    first: Option<String>,
    way: Way,
    notes: Vec<String>,
}

enum Way {
    Unknown,
    Harbor(Box<HarborWalk>),
    Catalog(Box<CatalogPages>),
    /// All repositories, from a list that came at once.
    Once(Vec<RepositoryName>),
    End,
}

struct HarborWalk {
    harbor: Harbor,
    projects: Option<ProjectPages>,
    waiting: VecDeque<Project>,
    repositories: Option<RepositoryPages>,
    /// The only wanted project, if this login may not read it.
    only: Option<ProjectName>,
}

impl Repositories for Walk {
    fn next(&mut self) -> Answer<'_, Option<Vec<RepositoryName>>> {
        async {
            let page = self.page().await;
            page.map_err(|error| asked_with(error, self.registry_api.registry.login_search()))
        }
        .boxed()
    }

    fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}

impl Walk {
    async fn page(&mut self) -> Result<Option<Vec<RepositoryName>>, EndpointError> {
        if matches!(self.way, Way::Unknown) {
            self.way = self.find_way().await?;
        }
        match &mut self.way {
            Way::Harbor(walk) => walk.page(&mut self.notes).await,
            Way::Catalog(pages) => match pages.next().await.map_err(judged)? {
                Catalog::Page(page) => {
                    let odd =
                        page.invalid.into_iter().map(|name| format!("`{name}` is no repository's name"));
                    self.notes.extend(odd);
                    Ok(Some(page.repositories))
                }
                Catalog::End => Ok(None),
                Catalog::NotOffered(refusal) if refusal.is_web_page() => {
                    Err(judged(registry::Error::Refused(refusal)))
                }
                Catalog::NotOffered(refusal) => Err(self.registry_api.no_list(&refusal).await),
            },
            Way::Once(names) => {
                let names = std::mem::take(names);
                self.way = Way::End;
                Ok(Some(names))
            }
            Way::End | Way::Unknown => Ok(None),
        }
    }

    async fn find_way(&mut self) -> Result<Way, EndpointError> {
        if let Some(acr) = &self.registry_api.acr {
            let Some(namespace) = &self.first else {
                let host = self.registry_api.registry.host();
                let text = format!(
                    "{host} lists by namespace: begin the pattern with one, as in `{host}/namespace/**`"
                );
                return Err(trouble::permanent(ErrorKind::Rejected, text));
            };
            if let Some((names, notes)) = acr.repositories(namespace).await? {
                self.notes.extend(notes);
                return Ok(Way::Once(names));
            }
        }
        match self.registry_api.harbor().await? {
            Some(harbor) => {
                let walk = HarborWalk::begin(harbor, self.first.as_deref()).await?;
                Ok(Way::Harbor(Box::new(walk)))
            }
            None => Ok(Way::Catalog(Box::new(self.registry_api.registry.catalog()))),
        }
    }
}

impl RegistryApi {
    /// The error for a catalog that is refused.
    async fn no_list(&self, refusal: &Refusal) -> EndpointError {
        let host = self.registry.host();
        if refusal.offer(OptionalEndpoint::Catalog) != Offer::Forbidden {
            // No login helps, so the error does not mention one.
            let text = format!("{host} lists its repositories to nobody ({refusal}): name them one by one");
            return trouble::permanent(ErrorKind::Rejected, text);
        }
        let kind = match self.login_behind(refusal).await {
            Ok(kind) => kind,
            Err(error) => return judged(error),
        };
        let text = format!(
            "{host} does not list its repositories to this login ({refusal}): name them one by one, or use a login that may see the list"
        );
        trouble::permanent(kind, text)
    }

    /// A 401 may concern the login itself, or only its rights: registries with tokens answer 401 for both. If the registry accepts the
    /// login
    /// elsewhere, it lacks the right. The error is that of the refused login.
    async fn login_behind(&self, refusal: &Refusal) -> Result<ErrorKind, registry::Error> {
        let has_login = matches!(self.registry.login_search(), Some(LoginSearch::Found(_)));
        if refusal.kind() != ErrorKind::Unauthorized || !has_login {
            return Ok(refusal.kind());
        }
        self.registry.try_login().await.map(|()| ErrorKind::Denied)
    }
}

impl HarborWalk {
    async fn begin(harbor: Harbor, project: Option<&str>) -> Result<Self, EndpointError> {
        let mut walk =
            Self { projects: None, waiting: VecDeque::new(), repositories: None, only: None, harbor };
        let Some(name) = project else {
            walk.projects = Some(walk.harbor.projects());
            return Ok(walk);
        };
        let missing = || {
            let text = format!("Harbor has no project `{name}` that this login may see");
            trouble::permanent(ErrorKind::NotFound, text)
        };
        let name: ProjectName = name.parse().map_err(|_| missing())?;
        match walk.harbor.project(&name).await {
            Ok(found) => walk.waiting.push_back(found.ok_or_else(missing)?),
            Err(error) if error.kind() == ErrorKind::Denied => {
                // The right to read a project differs from the right to list its repositories.
                walk.repositories = walk.harbor.repositories_of(&name);
                if walk.repositories.is_none() {
                    return Err(trouble::harbor(error));
                }
                walk.only = Some(name);
            }
            Err(error) => return Err(trouble::harbor(error)),
        }
        Ok(walk)
    }

    /// The error for repositories that Harbor does not list.
    fn unlisted(&self, error: harbor::Error) -> EndpointError {
        match (&self.only, error.refusal()) {
            (Some(project), Some(refusal)) if error.kind() == ErrorKind::Denied => {
                let text = format!(
                    "this login has neither the right \"Read Project\" nor \"List Repository\" in Harbor's project `{project}` ({refusal})"
                );
                trouble::permanent(ErrorKind::Denied, text)
            }
            _ => trouble::harbor(error),
        }
    }

    async fn page(&mut self, notes: &mut Vec<String>) -> Result<Option<Vec<RepositoryName>>, EndpointError> {
        loop {
            if let Some(pages) = &mut self.repositories {
                match pages.next().await {
                    Ok(Some(page)) => return Ok(Some(page)),
                    Ok(None) => {}
                    Err(error) => return Err(self.unlisted(error)),
                }
                let odd = pages.invalid().iter().map(|name| format!("`{name}` is no repository's name"));
                notes.extend(odd);
                self.repositories = None;
            }
            if let Some(project) = self.waiting.pop_front() {
                if matches!(project.kind, ProjectKind::ProxyCache { .. }) {
                    let name = &project.name;
                    notes.push(format!("project `{name}` is a cache of another registry: it is left out"));
                } else {
                    self.repositories = Some(self.harbor.repositories(&project));
                }
                continue;
            }
            let Some(projects) = &mut self.projects else { return Ok(None) };
            if let Some(page) = projects.next().await.map_err(trouble::harbor)? {
                self.waiting.extend(page);
            } else {
                notes.extend(projects.invalid().iter().map(|name| format!("`{name}` is no project's name")));
                self.projects = None;
            }
        }
    }
}
