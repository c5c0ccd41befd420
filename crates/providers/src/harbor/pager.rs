//! Iterates over the pages of a list.
//!
//! Harbor's `Link` is not followed: its query is not encoded, and behind a proxy it may name another port.

use bytes::Bytes;
use registry::Problem;
use serde::de::DeserializeOwned;

use super::api::{Answer, Call};
use super::{Error, Harbor};
use crate::entries::Entries;

/// The largest page size of Harbor; it answers 422 to a larger one.
pub(super) const PAGE_SIZE: usize = 100;

/// More pages than any Harbor has: a longer list is a loop.
const MOST_PAGES: u64 = 10_000;

/// How often a list is read again after it shrank.
const MOST_RESTARTS: u32 = 5;

/// A list and the current position. A page that failed can be requested again.
///
/// Pages have numbers: if an entry of a page that was read is deleted, all following entries move, and the first entry of the
/// next page is missed. The total shows this: if it falls, the list is read again from its beginning. So entries
/// may come more than once.
pub(super) struct Pager {
    harbor: Harbor,
    path: String,
    query: Vec<(&'static str, String)>,
    next: Option<u64>,
    seen: u64,
    total: Option<u64>,
    restarts: u32,
    last: Bytes,
}

impl Pager {
    pub(super) fn new(harbor: &Harbor, path: impl Into<String>) -> Self {
        let (harbor, path) = (harbor.clone(), path.into());
        let (query, last) = Default::default();
        Self { harbor, path, query, next: Some(1), seen: 0, total: None, restarts: 0, last }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// The next page; `None` after the last.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<Entries<T>>, Error> {
        let Some(page) = self.next else { return Ok(None) };
        let mut call = Call::get(self.path.as_str());
        for (name, value) in &self.query {
            call = call.query(name, value.as_str());
        }
        let call = call.query("page", page.to_string()).query("page_size", PAGE_SIZE.to_string());
        let answer = self.harbor.ask(&call, &[http::StatusCode::OK]).await?;
        let entries = answer.json::<Entries<T>>()?;
        if entries.len() > 0 && *answer.body() == self.last {
            return Err(answer.broken(Problem::Page("it is the page before")));
        }
        if page > MOST_PAGES {
            return Err(answer.broken(Problem::Page("the list has no end")));
        }
        let total = total(&answer);
        if has_shrunk(self.total, total) {
            self.restarts += 1;
            if self.restarts > MOST_RESTARTS {
                return Err(answer.broken(Problem::Page("entries vanish while the list is read")));
            }
            (self.seen, self.total, self.next, self.last) = (0, None, Some(1), Bytes::new());
            return Ok(Some(entries));
        }
        let seen = self.seen + entries.len() as u64;
        let more = goes_on(entries.len(), seen, total);
        (self.seen, self.total, self.next) = (seen, total, more.then_some(page + 1));
        self.last = answer.body().clone();
        Ok(Some(entries))
    }
}

/// Whether entries were deleted between two pages.
fn has_shrunk(before: Option<u64>, now: Option<u64>) -> bool {
    matches!((before, now), (Some(before), Some(now)) if now < before)
}

fn total(answer: &Answer) -> Option<u64> {
    answer.headers().get("x-total-count")?.to_str().ok()?.trim().parse().ok()
}

/// Whether there is another page. Deletions meanwhile make the total too high, so an empty
/// page always ends the list.
fn goes_on(length: usize, seen: u64, total: Option<u64>) -> bool {
    length > 0 && total.map_or(length >= PAGE_SIZE, |total| seen < total)
}

#[cfg(test)]
mod tests {
    use super::{goes_on, has_shrunk};

    #[test]
    fn p13_only_a_total_that_fell_moves_pages() {
        assert!(has_shrunk(Some(130), Some(129)));
        for (before, now) in
            [(Some(130), Some(130)), (Some(130), Some(131)), (None, Some(1)), (Some(1), None)]
        {
            assert!(!has_shrunk(before, now), "{before:?} {now:?}");
        }
    }

    #[test]
    fn the_total_or_a_short_page_ends_a_list() {
        assert!(goes_on(100, 100, Some(130)) && !goes_on(30, 130, Some(130)));
        assert!(!goes_on(100, 200, Some(200)), "no request for an empty page");
        assert!(goes_on(50, 50, Some(130)), "a server may give fewer than were asked for");
        assert!(goes_on(100, 100, None) && !goes_on(30, 130, None));
        assert!(!goes_on(0, 129, Some(130)));
    }
}
