//! The tags of a repository, page by page. Spec: distribution-spec, end-8.

use oci::Tag;

use crate::pages::{PAGE_SIZE, Pages};
use crate::{Error, Repository};

/// One page of a repository's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPage {
    /// In the registry's order, which is nobody's promise; each once in all pages.
    pub tags: Vec<Tag>,
    /// Names that the specification does not allow, and elements that are no texts at all, as they stand in the
    /// list: to be reported, not to end a run.
    pub invalid: Vec<String>,
}

/// Walks over the pages of a repository's tags.
pub struct TagPages(Pages);

impl Repository {
    /// The tags here. Registries answer 404 for a repository that does not exist, and distribution also for one
    /// without tags: that is an error of the kind [`NotFound`](oci::ErrorKind::NotFound), because nothing
    /// tells the two apart. Who looks at a target takes it for "no tags". It comes of the first page alone: a list that has
    /// begun is never complete because a page of it is not there.
    pub fn tags(&self) -> TagPages {
        let path = format!("/v2/{}/tags/list", self.name());
        TagPages(Pages::new(self.registry().clone(), self.scopes(), path, PAGE_SIZE.to_owned()))
    }
}

impl TagPages {
    /// The next page; `None` after the last. A failed page can be asked for again.
    pub async fn next(&mut self) -> Result<Option<TagPage>, Error> {
        let page = self.0.names("tags").await?;
        Ok(page.map(|page| TagPage { tags: page.names, invalid: page.invalid }))
    }
}
