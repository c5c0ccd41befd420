//! The tags of a repository, page by page. Spec: distribution-spec, end-8.

use oci::Tag;

use crate::pages::{PAGE_SIZE, Pages};
use crate::{Error, Repository};

/// One page of a repository's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPage {
    /// In the registry's order, which is not guaranteed; each only once over all pages.
    pub tags: Vec<Tag>,
    /// Names that the specification does not allow, and elements that are no strings, as they are in the
    /// list: they are reported and do not end a run.
    pub invalid: Vec<String>,
}

/// Iterates over the pages of a repository's tags.
pub struct TagPages(Pages);

impl Repository {
    /// The tags of this repository. Registries answer 404 for a repository that does not exist, and distribution also for one
    /// without tags: both are an error of the kind [`NotFound`](oci::ErrorKind::NotFound), because the answers
    /// are the same. A caller that lists a target takes it for "no tags". Only the first page can fail this way: if a
    /// later page is missing, the list is incomplete.
    pub fn tags(&self) -> TagPages {
        let path = format!("/v2/{}/tags/list", self.name());
        TagPages(Pages::new(self.registry().clone(), self.scopes(), path, PAGE_SIZE.to_owned()))
    }
}

impl TagPages {
    /// The next page; `None` after the last. A page that failed can be requested again.
    pub async fn next(&mut self) -> Result<Option<TagPage>, Error> {
        let page = self.0.names("tags").await?;
        Ok(page.map(|page| TagPage { tags: page.names, invalid: page.invalid }))
    }
}
