//! Pages of lists of names: tags, and repositories. Names are parsed while the page comes, so that a page takes only as much
//! memory as its new names. An invalid name is reported and does not prevent reading the others.

use std::collections::HashSet;
use std::fmt::Display;
use std::str::FromStr;

use http::StatusCode;
use oci::ErrorKind;

use crate::client::Call;
use crate::error::Problem;
use crate::http::body::{for_each_piece, foreign_encoding};
use crate::list_scanner::{Broken, ListScanner};
use crate::pages::{Entries, Origin, Page, Pages};
use crate::{Error, RedactedUrl, Refusal};

/// The most bytes that are read of one page: some registries ignore the page size and send everything.
const LARGEST_PAGE: u64 = 64 << 20;
/// The most names in one list: more are an attack, or do not fit into memory.
const MOST_NAMES: usize = 1_000_000;
/// The most characters that are shown of an element that is no string.
const MOST_SHOWN: usize = 80;

/// The names that were on no earlier page.
pub(crate) struct Names<T> {
    pub(crate) names: Vec<T>,
    /// Invalid names; an element that is no string as it is in the list.
    pub(crate) invalid: Vec<String>,
}

impl From<Broken> for Problem {
    fn from(broken: Broken) -> Self {
        Self::Json(broken.to_string())
    }
}

impl Pages {
    /// The next page of the list under `key`; `None` after the last. A page that failed can be requested again.
    pub(crate) async fn names<T: FromStr + Display>(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Names<T>>, Error> {
        let Some(call) = self.call().await? else { return Ok(None) };
        let answered = self.registry.expect(&call, &[StatusCode::OK]).await;
        let response = answered.map_err(|error| self.of_later_page(&call, error))?;
        let (headers, from) = (response.headers().clone(), Origin::of(&response));
        if let Some(encoding) = foreign_encoding(&headers) {
            return Err(call.protocol(Problem::Encoding(encoding)));
        }
        let mut found = Names { names: Vec::new(), invalid: Vec::new() };
        let (mut scanner, mut count) = (ListScanner::new(key), 0_usize);
        let mut each = |element: &[u8]| {
            count += 1;
            sort(&mut self.seen, element, &mut found)
        };
        let take = |piece: &[u8]| scanner.push(piece, &mut each);
        let read = for_each_piece(&call.method, response, LARGEST_PAGE, take).await;
        let page = Page { call, from, headers };
        let checked = read.and_then(|()| check(key, &page, &scanner.rest()));
        let turned = checked
            .and_then(|()| self.go_on(&page, Entries::of(count, found.names.len() + found.invalid.len())));
        if let Err(error) = turned {
            self.forget(&found);
            return Err(error);
        }
        Ok(Some(found))
    }

    /// Only the first request can show that there is no list. If a registry does not have a page that its own link names, the list
    /// is incomplete.
    fn of_later_page(&self, call: &Call, error: Error) -> Error {
        match error {
            Error::Refused(refusal) if !self.is_at_start() && refusal.kind() == ErrorKind::NotFound => {
                let words = refusal.words().map(|words| format!(" ({words})")).unwrap_or_default();
                call.protocol(Problem::LostPage(format!("{}{words}", refusal.status)))
            }
            error => error,
        }
    }

    /// The names of a failed page are new again on the next attempt.
    fn forget<T: Display>(&mut self, found: &Names<T>) {
        for name in &found.names {
            self.seen.remove(name.to_string().as_str());
        }
        for text in &found.invalid {
            self.seen.remove(text.as_str());
            self.seen.remove(&no_text(text));
        }
    }
}

/// Adds an element to the names or the invalid ones, unless it was `seen` before.
pub(crate) fn sort<T: FromStr>(
    seen: &mut HashSet<Box<str>>,
    element: &[u8],
    found: &mut Names<T>,
) -> Result<(), Problem> {
    if seen.len() >= MOST_NAMES {
        return Err(Problem::NoEnd(MOST_NAMES));
    }
    match serde_json::from_slice::<String>(element) {
        Ok(text) if seen.insert(text.as_str().into()) => match text.parse() {
            Ok(name) => found.names.push(name),
            Err(_) => found.invalid.push(text),
        },
        Ok(_) => {}
        Err(_) => {
            let shown: String = String::from_utf8_lossy(element).trim().chars().take(MOST_SHOWN).collect();
            if seen.insert(no_text(&shown)) {
                found.invalid.push(shown);
            }
        }
    }
    Ok(())
}

/// Names begin with no such character: so the element `null` differs from the tag `null`.
fn no_text(shown: &str) -> Box<str> {
    format!("\0{shown}").into()
}

/// Checks the rest of the document beside the list.
fn check(key: &'static str, page: &Page, rest: &[u8]) -> Result<(), Error> {
    let call = &page.call;
    match judge(key, rest).map_err(|problem| page.protocol(problem))? {
        Answer::List => Ok(()),
        Answer::Errors => {
            let url = RedactedUrl::from(&call.url);
            let refusal = Refusal::of_body(&call.method, url, StatusCode::OK, &page.headers, rest);
            Err(Error::Refused(Box::new(refusal)))
        }
    }
}

/// The kind of document that came as a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    List,
    /// An error document, though the status is 200.
    Errors,
}

/// Judges a document by the rest beside its list under `key`.
pub(crate) fn judge(key: &'static str, rest: &[u8]) -> Result<Answer, Problem> {
    let read: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_slice(rest);
    let document = read.map_err(|error| Problem::unreadable(rest, &error))?;
    let (list, errors) = (document.get(key), document.get("errors"));
    let has_errors = errors.is_some_and(|errors| errors.as_array().is_some_and(|errors| !errors.is_empty()));
    match list {
        Some(serde_json::Value::Array(_)) => Ok(Answer::List),
        _ if has_errors => Ok(Answer::Errors),
        // Go writes an empty list as `null`, or leaves it out.
        Some(serde_json::Value::Null) => Ok(Answer::List),
        Some(_) => Err(Problem::Field { name: key, why: "is no list" }),
        None if document.contains_key("name") => Ok(Answer::List),
        None => Err(Problem::Field { name: key, why: "is missing" }),
    }
}
