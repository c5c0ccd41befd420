//! Iterates over a list that comes in pages: tags, repositories, referrers.
//! Spec: distribution-spec, "Listing Tags"; RFC 8288 for the links.

use std::collections::HashSet;

use http::{HeaderMap, Method};
use url::Url;

use crate::auth::scope::Scopes;
use crate::client::{Answered, Call, Party};
use crate::concern::Endpoint;
use crate::error::Problem;
use crate::http::limit::RequestKind;
use crate::http::link_header;
use crate::http::origin::{as_reached, is_same_origin};
use crate::proven::Proven;
use crate::{Error, Registry};

/// Entries per page: the most that Amazon's registry allows.
pub(crate) const PAGE_SIZE: &str = "n=1000";
/// More pages are a loop.
const MOST_PAGES: usize = 100_000;
/// Filters may leave pages empty, but not this many in a row.
const MOST_EMPTY_PAGES: usize = 100;

/// The position in a list.
pub(crate) struct Pages {
    pub(crate) registry: Registry,
    scopes: Scopes,
    next: Next,
    /// All addresses that were requested: the same one twice is a loop.
    asked: HashSet<String>,
    /// All entries so far: lists may repeat some, but each page must bring new ones.
    pub(crate) seen: HashSet<Box<str>>,
    empty_in_a_row: usize,
}

enum Next {
    First {
        path: String,
        query: String,
    },
    /// A link, and the party that named it.
    Link(Url, Party),
    Nothing,
}

/// An answer that is a page.
pub(crate) struct Page {
    pub(crate) call: Call,
    pub(crate) from: Origin,
    pub(crate) headers: HeaderMap,
}

/// Where a page came from: the registry, or another server to which it redirected.
pub(crate) struct Origin {
    url: Url,
    party: Party,
    proven: Proven,
}

impl Page {
    /// An error for a page that breaks the protocol.
    pub(crate) fn protocol(&self, problem: Problem) -> Error {
        self.call.nonsense(problem, self.from.proven)
    }
}

impl Origin {
    pub(crate) fn of(response: &reqwest::Response) -> Self {
        let Answered { by: party, proven, .. } = Answered::of(response);
        Self { url: response.url().clone(), party, proven }
    }

    pub(crate) fn party(&self) -> Party {
        self.party
    }
}

/// The entries of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entries {
    None,
    /// All of them were on earlier pages.
    Known,
    /// Some were on no earlier page.
    New,
}

impl Entries {
    /// Of `all` entries, `new` were on no earlier page.
    pub(crate) fn of(all: usize, new: usize) -> Self {
        match (all, new) {
            (0, _) => Self::None,
            (_, 0) => Self::Known,
            _ => Self::New,
        }
    }
}

impl Pages {
    /// Begins at `path?query` of a registry.
    pub(crate) fn new(registry: Registry, scopes: Scopes, path: String, query: String) -> Self {
        let (asked, seen) = Default::default();
        Self { registry, scopes, next: Next::First { path, query }, asked, seen, empty_in_a_row: 0 }
    }

    /// Whether no page was requested so far.
    pub(crate) fn is_at_start(&self) -> bool {
        matches!(self.next, Next::First { .. })
    }

    /// The request for the next page; `None` after the last.
    pub(crate) async fn call(&self) -> Result<Option<Call>, Error> {
        let (url, party) = match &self.next {
            Next::Nothing => return Ok(None),
            Next::Link(url, party) => (url.clone(), *party),
            Next::First { path, query } => {
                let mut url = self.registry.connection().await?.url.clone();
                url.set_path(path);
                url.set_query(Some(query.as_str()).filter(|query| !query.is_empty()));
                (url, Party::Registry)
            }
        };
        let endpoint = if self.scopes.is_catalog() { Endpoint::Catalog } else { Endpoint::List };
        let call = Call::new(Method::GET, url, self.scopes.clone()).kind(RequestKind::Look);
        Ok(Some(call.endpoint(endpoint).named_by(party)))
    }

    /// Moves on to the next page: returns the entries of this page that were on no earlier one.
    ///
    /// Call it only after the page was read, so that a failed page can be requested again.
    pub(crate) fn turn<T>(
        &mut self,
        page: &Page,
        entries: Vec<T>,
        name: impl Fn(&T) -> String,
    ) -> Result<Vec<T>, Error> {
        let all = entries.len();
        let mut news = entries;
        news.retain(|entry| self.seen.insert(name(entry).into()));
        self.go_on(page, Entries::of(all, news.len()))?;
        Ok(news)
    }

    /// Follows the page's link; its entries are noted already.
    pub(crate) fn go_on(&mut self, page: &Page, entries: Entries) -> Result<(), Error> {
        let next = self.follow(page, link_header::next(&page.headers))?;
        self.empty_in_a_row = if entries == Entries::None { self.empty_in_a_row + 1 } else { 0 };
        let idle = entries == Entries::Known || self.empty_in_a_row > MOST_EMPTY_PAGES;
        if idle && matches!(next, Next::Link(..)) {
            return Err(page.protocol(Problem::Page("it leads in a circle")));
        }
        self.asked.insert(page.call.url.to_string());
        self.next = next;
        Ok(())
    }

    /// The target of a page's link. Without a link the list is complete, however many entries the page has.
    fn follow(&self, page: &Page, link: Option<String>) -> Result<Next, Error> {
        let Some(link) = link else { return Ok(Next::Nothing) };
        let unusable = |why| page.protocol(Problem::Page(why));
        let url = resolve(&page.from.url, &link).map_err(unusable)?;
        let is_known = url == page.call.url || self.asked.contains(url.as_str());
        if is_known || self.asked.len() >= MOST_PAGES {
            return Err(unusable("it leads in a circle"));
        }
        Ok(Next::Link(url, page.from.party))
    }
}

/// The address of a link on a page from `from`. Pages may only link to pages of the same server.
fn resolve(from: &Url, link: &str) -> Result<Url, &'static str> {
    let url = from.join(link).map_err(|_| "it cannot be read")?;
    as_reached(from, url).filter(|url| is_same_origin(url, from)).ok_or("it leads to another host")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, Transport};

    #[test]
    fn c16_links_of_every_form_are_resolved() {
        let from = Url::parse("https://r.io/v2/a/tags/list?n=2").unwrap();
        let expected = "https://r.io/v2/a/tags/list?last=b&n=2";
        for link in [
            "https://r.io/v2/a/tags/list?last=b&n=2",
            "http://r.io:5000/v2/a/tags/list?last=b&n=2",
            "//r.io/v2/a/tags/list?last=b&n=2",
            "/v2/a/tags/list?last=b&n=2",
            "list?last=b&n=2",
            "?last=b&n=2",
        ] {
            assert_eq!(resolve(&from, link).map(String::from), Ok(expected.to_owned()), "{link}");
        }
    }

    #[test]
    fn c18_a_list_of_ever_new_pages_is_a_circle_in_the_end() {
        let registry =
            Registry::new(Settings::new("r.io".parse().unwrap()), Transport::new("test", &[]).unwrap());
        let mut pages = Pages::new(registry, Scopes::default(), String::new(), String::new());
        let call = Call::new(Method::GET, Url::parse("https://r.io/p?0").unwrap(), Scopes::default());
        pages.asked.extend((1..MOST_PAGES).map(|number| number.to_string()));
        let from = Origin { url: call.url.clone(), party: Party::Registry, proven: Proven::NotYet };
        let page = Page { call, from, headers: HeaderMap::new() };
        let next = || Some("?next".to_owned());
        assert!(matches!(pages.follow(&page, next()), Ok(Next::Link(..))));
        pages.asked.insert("one more".to_owned());
        assert!(pages.follow(&page, next()).is_err());
    }

    #[test]
    fn c20_other_hosts_and_schemes_are_refused() {
        let from = Url::parse("https://r.io/v2/a/tags/list").unwrap();
        for link in
            ["https://evil.io/v2/a/tags/list?x", "//evil.io/x", "file:///etc/passwd", "https://r.io.evil/x"]
        {
            assert_eq!(resolve(&from, link), Err("it leads to another host"), "{link}");
        }
        assert_eq!(resolve(&from, "https://[/"), Err("it cannot be read"));
    }
}
