//! The repositories of a registry, page by page: `GET /v2/_catalog`, from before the specification.
//!
//! Few registries offer it to all users: Harbor wants an administrator's Basic login, Docker Hub and Alibaba's
//! ACR have none. <https://distribution.github.io/distribution/spec/api/#listing-repositories>

use oci::RepositoryName;

use crate::auth::scope::Scopes;
use crate::pages::{PAGE_SIZE, Pages};
use crate::{Error, Offer, OptionalEndpoint, Refusal, Registry};

/// One page of a registry's repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogPage {
    /// In the registry's order; each only once over all pages.
    pub repositories: Vec<RepositoryName>,
    /// Names that the specification does not allow, and elements that are no strings, as they are in the list.
    pub invalid: Vec<String>,
}

/// The registry's answer to a request for its repositories.
#[derive(Debug)]
pub enum Catalog {
    /// Some repositories; more may follow.
    Page(CatalogPage),
    /// There are no more repositories.
    End,
    /// The registry has no list, or not for this login. The refusal's words say which.
    NotOffered(Box<Refusal>),
}

/// Iterates over the pages of a registry's repositories.
pub struct CatalogPages(Pages);

impl Registry {
    /// The repositories of this registry, as far as the registry and the login allow. Azure's pages have 100 at the most,
    /// others up to 1000.
    pub fn catalog(&self) -> CatalogPages {
        CatalogPages(Pages::new(
            self.clone(),
            Scopes::catalog(),
            "/v2/_catalog".to_owned(),
            PAGE_SIZE.to_owned(),
        ))
    }
}

impl CatalogPages {
    /// The next page. After an error, the same page can be requested again.
    pub async fn next(&mut self) -> Result<Catalog, Error> {
        match self.0.names("repositories").await {
            Ok(Some(page)) => {
                Ok(Catalog::Page(CatalogPage { repositories: page.names, invalid: page.invalid }))
            }
            Ok(None) => Ok(Catalog::End),
            Err(Error::Refused(refusal))
                if self.0.is_at_start() && refusal.offer(OptionalEndpoint::Catalog) != Offer::Unclear =>
            {
                Ok(Catalog::NotOffered(refusal))
            }
            Err(error) => Err(error),
        }
    }
}
