//! The tags of a repository, page by page. Spec: distribution-spec, end-8.

use serde::Deserialize;

use crate::pages::{PAGE_SIZE, Pages};
use crate::{Error, Repository, Tag};

/// The most that is read of one page: some registries ignore the page size and send everything.
const LARGEST_PAGE: u64 = 64 << 20;

/// One page of a repository's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPage {
    /// In the registry's order, which is nobody's promise; each once in all pages.
    pub tags: Vec<Tag>,
    /// Names that the specification does not allow: to be reported, not to end a run.
    pub invalid: Vec<String>,
}

/// Walks over the pages of a repository's tags.
pub struct TagPages(Pages);

#[derive(Deserialize)]
struct Answer {
    // Go writes an empty list as `null`.
    tags: Option<Vec<String>>,
}

impl Repository {
    /// The tags here. Registries answer 404 for a repository that does not exist, and distribution also for one
    /// without tags: that is an error of the kind [`NotFound`](crate::ErrorKind::NotFound), because nothing
    /// tells the two apart. Who looks at a target takes it for "no tags".
    pub fn tags(&self) -> TagPages {
        let path = format!("/v2/{}/tags/list", self.name());
        TagPages(Pages::new(self.registry().clone(), self.scopes(), path, PAGE_SIZE.to_owned()))
    }
}

impl TagPages {
    /// The next page; `None` after the last. A failed page can be asked for again.
    pub async fn next(&mut self) -> Result<Option<TagPage>, Error> {
        let Some(page) = self.0.fetch(LARGEST_PAGE).await? else { return Ok(None) };
        let answer: Answer = page.json()?;
        let names = self.0.turn(&page, answer.tags.unwrap_or_default(), String::clone)?;
        Ok(Some(sort(names)))
    }
}

fn sort(names: Vec<String>) -> TagPage {
    let mut page = TagPage::default();
    for name in names {
        match name.parse() {
            Ok(tag) => page.tags.push(tag),
            Err(_) => page.invalid.push(name),
        }
    }
    page
}
