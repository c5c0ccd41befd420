//! Lists of tags and of repositories: end-8 and the old catalog.

use serde_json::{Value, json};

use crate::answer::{Answer, Refusal};
use crate::call::Call;

/// Names to give now, and the address of those that follow.
struct Page {
    names: Vec<String>,
    next: Option<String>,
}

impl Call<'_> {
    pub(super) fn tags(&self, repository: &str) -> Result<Answer, Answer> {
        // What only holds blobs is a repository without tags. (Distribution does not know it before its first tag.)
        if self.shared.store.ask(repository, |_| ()).is_none() {
            return Err(Refusal::NameUnknown.of(json!({"name": repository})));
        }
        let page = self.page(self.shared.store.tags(repository), &format!("/v2/{repository}/tags/list"))?;
        Ok(page.answer(&json!({"name": repository, "tags": page.names})))
    }

    pub(super) fn catalog(&self) -> Result<Answer, Answer> {
        let page = self.page(self.shared.store.repositories(), "/v2/_catalog")?;
        Ok(page.answer(&json!({"repositories": page.names})))
    }

    /// The page that was asked for, of sorted names.
    fn page(&self, names: Vec<String>, path: &str) -> Result<Page, Answer> {
        let after = self.parameter("last").unwrap_or_default();
        let mut names: Vec<_> = names.into_iter().filter(|name| *name > after).collect();
        let Some(limit) = self.page_size()? else { return Ok(Page { names, next: None }) };
        let is_last = names.len() <= limit;
        names.truncate(limit);
        let next = names.last().filter(|_| !is_last).map(|last| {
            let last: String = url::form_urlencoded::byte_serialize(last.as_bytes()).collect();
            format!("<{path}?last={last}&n={limit}>; rel=\"next\"")
        });
        Ok(Page { names, next })
    }

    /// What the client asks for, but no more than the registry gives.
    fn page_size(&self) -> Result<Option<usize>, Answer> {
        let Some(asked) = self.parameter("n") else { return Ok(self.shared.settings.tag_page_size) };
        let asked = asked.parse().map_err(|_| Refusal::PageInvalid.of(json!({"n": asked})))?;
        Ok(Some(self.shared.settings.tag_page_size.map_or(asked, |most| most.min(asked))))
    }
}

impl Page {
    fn answer(&self, document: &Value) -> Answer {
        let answer = Answer::json(document);
        match &self.next {
            Some(next) => answer.header("link", next.as_str()),
            None => answer,
        }
    }
}
