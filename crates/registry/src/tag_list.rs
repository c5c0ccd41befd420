//! The tags of a repository, page by page. Spec: distribution-spec, end-8.

use http::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::client::Call;
use crate::error::Problem;
use crate::http::body::read_to_limit;
use crate::http::limit::RequestKind;
use crate::http::link_header;
use crate::http::redirect::is_same_origin;
use crate::{Error, Repository, Tag};

/// Tags asked for at once: the most that Amazon's registry allows.
const PAGE_SIZE: &str = "1000";
/// The most that is read of one page: some registries ignore the page size and send everything.
const LARGEST_PAGE: u64 = 64 << 20;
/// More pages than this are a loop.
const MOST_PAGES: usize = 100_000;

/// One page of a repository's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPage {
    /// In the registry's order, which is nobody's promise.
    pub tags: Vec<Tag>,
    /// Names that the specification does not allow: to be reported, not to end a run.
    pub invalid: Vec<String>,
}

/// Walks over the pages of a repository's tags.
pub struct TagPages {
    repository: Repository,
    next: Next,
    pages: usize,
}

enum Next {
    First,
    Link(Url),
    Nothing,
}

#[derive(Deserialize)]
struct Answer {
    // Go writes an empty list as `null`.
    tags: Option<Vec<String>>,
}

impl Repository {
    /// The tags here. Registries answer 404 for a repository that does not exist, some also for an empty one.
    pub fn tags(&self) -> TagPages {
        TagPages { repository: self.clone(), next: Next::First, pages: 0 }
    }
}

impl TagPages {
    /// The next page; `None` after the last. A failed page can be asked for again.
    pub async fn next(&mut self) -> Result<Option<TagPage>, Error> {
        let url = match &self.next {
            Next::Nothing => return Ok(None),
            Next::Link(url) => url.clone(),
            Next::First => {
                let mut url = self.repository.url("tags/list").await?;
                url.set_query(Some(&format!("n={PAGE_SIZE}")));
                url
            }
        };
        let call = Call::new(Method::GET, url, self.repository.scopes()).kind(RequestKind::Look);
        let response = self.repository.registry().expect(&call, &[StatusCode::OK]).await?;
        let link = link_header::next(response.headers());
        let body = read_to_limit(&Method::GET, response, LARGEST_PAGE).await?;
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|error| call.protocol(Problem::Json(error.to_string())))?;
        self.advance(&call, link)?;
        Ok(Some(page(answer.tags.unwrap_or_default())))
    }

    fn advance(&mut self, call: &Call, link: Option<String>) -> Result<(), Error> {
        self.pages += 1;
        let Some(link) = link else {
            self.next = Next::Nothing;
            return Ok(());
        };
        let unusable = |why| call.protocol(Problem::Page(why));
        let mut url = call.url.join(&link).map_err(|_| unusable("it cannot be read"))?;
        // Behind a proxy that ends TLS, registries write absolute links with the wrong scheme or port.
        if url.host_str() == call.url.host_str() {
            let _ = url.set_scheme(call.url.scheme());
            let _ = url.set_port(call.url.port());
        }
        if !is_same_origin(&url, &call.url) {
            return Err(unusable("it leads to another host"));
        }
        if url == call.url || self.pages >= MOST_PAGES {
            return Err(unusable("it leads in a circle"));
        }
        self.next = Next::Link(url);
        Ok(())
    }
}

fn page(names: Vec<String>) -> TagPage {
    let mut page = TagPage::default();
    for name in names {
        match name.parse() {
            Ok(tag) => page.tags.push(tag),
            Err(_) => page.invalid.push(name),
        }
    }
    page
}
