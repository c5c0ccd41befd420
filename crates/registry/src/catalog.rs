//! The repositories of a registry, page by page: `GET /v2/_catalog`, from before the specification.
//!
//! Few registries offer it to everybody: Harbor wants an administrator's Basic login, Docker Hub and Alibaba's
//! ACR have none. <https://distribution.github.io/distribution/spec/api/#listing-repositories>

use oci::RepositoryName;

use crate::auth::scope::Scopes;
use crate::pages::{PAGE_SIZE, Pages};
use crate::{Error, Offer, OptionalEndpoint, Refusal, Registry};

/// One page of a registry's repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogPage {
    /// In the registry's order; each once in all pages.
    pub repositories: Vec<RepositoryName>,
    /// Names that the specification does not allow, and elements that are no texts at all, as they stand in the list.
    pub invalid: Vec<String>,
}

/// What the registry answers to the wish for its repositories.
#[derive(Debug)]
pub enum Catalog {
    /// Some of them; more may follow.
    Page(CatalogPage),
    /// There are no more.
    End,
    /// It does not list them at all, or not for this login. Its words say which.
    NotOffered(Box<Refusal>),
}

/// Walks over the pages of a registry's repositories.
pub struct CatalogPages(Pages);

impl Registry {
    /// The repositories here, as far as the registry and the login allow. Azure's pages have 100 at the most,
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
    /// The next page. A failed page can be asked for again.
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
