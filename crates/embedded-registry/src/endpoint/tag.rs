//! Lists of tags and of repositories: end-8 and the old catalog.

use serde_json::json;

use crate::answer::{Answer, Refusal};
use crate::builder::listing::{Catalog, EmptyTags};
use crate::call::Call;

/// The names of this page, and the query for the next one.
struct Page {
    names: Vec<String>,
    next: Option<String>,
}

impl Call<'_> {
    pub(super) fn tags(&self, repository: &str) -> Result<Answer, Answer> {
        let settings = &self.shared.settings.listings;
        let unknown = || Refusal::NameUnknown.of(json!({"name": repository}));
        // A repository with only blobs is one without tags. (Distribution does not know it before its first tag.)
        if self.shared.store.ask(repository, |_| ()).is_none() {
            return Err(unknown());
        }
        let mut page = self.page(self.shared.store.tags(repository), settings.tag_page_size)?;
        if page.next.is_none() {
            page.names.extend_from_slice(&settings.extra_tags);
        }
        let document = match settings.empty_tags {
            EmptyTags::Unknown if page.names.is_empty() => return Err(unknown()),
            EmptyTags::Null if page.names.is_empty() => json!({"name": repository, "tags": null}),
            EmptyTags::Missing if page.names.is_empty() => json!({"name": repository}),
            _ => json!({"name": repository, "tags": page.names}),
        };
        Ok(self.link(Answer::json(&document), &format!("/v2/{repository}/tags/list"), page.next))
    }

    pub(super) fn catalog(&self) -> Result<Answer, Answer> {
        let settings = &self.shared.settings.listings;
        if let Catalog::Refused(status) = settings.catalog {
            return Err(Refusal::Unsupported.with_status(status));
        }
        let size = settings.catalog_page_size.or(settings.tag_page_size);
        let page = self.page(self.shared.store.repositories(), size)?;
        Ok(self.link(Answer::json(&json!({"repositories": page.names})), "/v2/_catalog", page.next))
    }

    /// The requested page of sorted names.
    fn page(&self, names: Vec<String>, size: Option<usize>) -> Result<Page, Answer> {
        let after = self.parameter("last").unwrap_or_default();
        let mut names: Vec<_> = names.into_iter().filter(|name| *name > after).collect();
        let Some(limit) = self.page_size(size)? else { return Ok(Page { names, next: None }) };
        let is_last = names.len() <= limit;
        names.truncate(limit);
        let next = names.last().filter(|_| !is_last).map(|last| {
            let last: String = url::form_urlencoded::byte_serialize(last.as_bytes()).collect();
            format!("last={last}&n={limit}")
        });
        Ok(Page { names, next })
    }

    /// The size that the client requests, but at most the registry's own.
    fn page_size(&self, most: Option<usize>) -> Result<Option<usize>, Answer> {
        let Some(asked) = self.parameter("n") else { return Ok(most) };
        let asked = asked.parse().map_err(|_| Refusal::PageInvalid.of(json!({"n": asked})))?;
        if self.shared.settings.listings.largest_page.is_some_and(|largest| asked > largest) {
            return Err(Refusal::PageTooLarge.into());
        }
        Ok(Some(most.map_or(asked, |most| most.min(asked))))
    }
}
