//! Decides which repositories share a token: pure bookkeeping, nothing is fetched here.
//!
//! A need gets a page when it is announced or first used. One token is fetched for each page, so that N repositories
//! take N divided by the profile's `scopes_per_token` token requests. When a registry refuses foreign or unknown
//! scopes (Google, GHCR), each need gets a page of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::failed_token::FailedToken;
use super::scope::Scopes;
use super::token::{Occasion, Token};
use crate::Error;

/// The most bytes of a shared token's scopes: a token repeats them, with about as much around each.
const MOST_TEXT: usize = 1200;

/// Maps the needs of one registry to tokens.
pub(super) struct TokenBook {
    /// The most repositories that share a token: tokens grow with each, and some registries refuse long headers.
    most_scopes: usize,
    sharing: Sharing,
    pages: Vec<Page>,
    by_need: HashMap<Scopes, usize>,
    /// The pages that name a resource: so a page is found at once among ten thousand repositories.
    by_resource: HashMap<Arc<str>, Vec<usize>>,
    /// The page to which the next need is added.
    open_page: Option<usize>,
    /// Needs for which the registry wants more scopes than we asked for.
    widened: HashMap<Scopes, Scopes>,
}

/// Whether needs may share a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sharing {
    #[default]
    Shared,
    Apart,
}

struct Page {
    scopes: Scopes,
    /// The length of the scopes' texts.
    text_length: usize,
    /// Whether the page takes further needs.
    sharing: Sharing,
    slot: Slot,
}

/// A token's slot. The lock is held while the token is fetched: so other tasks wait for it.
pub(super) type Slot = Arc<tokio::sync::Mutex<Held>>;

/// The content of a token's slot.
#[derive(Default)]
pub(super) struct Held {
    pub(super) token: Option<Token>,
    /// Why the token was, or will be, fetched.
    pub(super) occasion: Occasion,
    failed: Option<FailedToken>,
}

impl Held {
    /// Takes a token that was just fetched.
    pub(super) fn put(&mut self, token: Token) -> &Token {
        if self.token.is_some() {
            // The previous token was not refused: it had expired, or more scopes are needed.
            self.occasion = Occasion::Usual;
        }
        self.failed = None;
        self.token.insert(token)
    }

    /// Remembers that no token for `asked` could be fetched.
    pub(super) fn fail(&mut self, asked: &Scopes, error: &Error) {
        self.failed = FailedToken::of(asked, error);
    }

    /// Why no token for `need` could be fetched, and the requested scopes, if a task that arrived at `arrival` should not try again.
    pub(super) fn failure(&self, need: &Scopes, arrival: Instant) -> Option<(Scopes, Error)> {
        self.failed.as_ref()?.told(need, arrival)
    }

    /// Forgets a token that was refused.
    pub(super) fn drop_refused(&mut self) {
        self.token = None;
        self.occasion = Occasion::Refusal;
    }
}

impl TokenBook {
    pub(super) fn new(most_scopes: usize) -> Self {
        let (sharing, pages, by_need, by_resource, open_page, widened) = Default::default();
        Self { most_scopes, sharing, pages, by_need, by_resource, open_page, widened }
    }

    /// How many repositories share a token at most.
    pub(super) fn most_scopes(&self) -> usize {
        self.most_scopes
    }

    /// Lets fewer repositories share a token, before the first one is fetched.
    pub(super) fn limit(&mut self, most_scopes: usize) {
        if most_scopes >= self.most_scopes {
            return;
        }
        self.most_scopes = most_scopes;
        self.pages.clear();
        self.by_resource.clear();
        self.open_page = None;
        for need in std::mem::take(&mut self.by_need).into_keys() {
            self.page(&need);
        }
    }

    /// The need with the scopes that the registry wants in addition.
    pub(super) fn need(&self, scopes: &Scopes) -> Scopes {
        self.widened.get(scopes).unwrap_or(scopes).clone()
    }

    /// From now on, requests `wanted` where `scopes` are needed.
    pub(super) fn widen(&mut self, scopes: &Scopes, wanted: Scopes) {
        self.widened.insert(scopes.clone(), wanted);
    }

    /// The page that serves a need.
    pub(super) fn page(&mut self, need: &Scopes) -> usize {
        if let Some(page) = self.by_need.get(need) {
            return *page;
        }
        if need.is_catalog() {
            // Few users may list the catalog, and a server may refuse a token for it together with allowed scopes.
            return self.apart(need);
        }
        let page = self.find(need).unwrap_or_else(|| self.add(need, self.sharing));
        self.by_need.insert(need.clone(), page);
        page
    }

    fn find(&mut self, need: &Scopes) -> Option<usize> {
        if self.sharing == Sharing::Apart {
            return self.named_in(need).find(|page| self.pages[*page].scopes == *need);
        }
        if let Some(page) = self.named_in(need).find(|page| self.pages[*page].scopes.covers(need)) {
            return Some(page);
        }
        let open = self.open_page?;
        let page = &mut self.pages[open];
        let (count, text_length) = if need.resources().any(|resource| page.scopes.names(resource)) {
            let union = page.scopes.union(need);
            (union.count(), union.text_length())
        } else {
            // The usual case: no copy is made for the check.
            (page.scopes.count() + need.count(), page.text_length + need.text_length())
        };
        if count > self.most_scopes || text_length > MOST_TEXT {
            return None;
        }
        page.scopes.extend(need);
        page.text_length = text_length;
        self.index(need, open);
        Some(open)
    }

    /// The pages on which a need may be: those that name one of its resources, the oldest first.
    fn named_in(&self, need: &Scopes) -> impl Iterator<Item = usize> + '_ {
        let first = need.resources().next().and_then(|resource| self.by_resource.get(resource));
        first.into_iter().flatten().copied()
    }

    fn index(&mut self, need: &Scopes, page: usize) {
        for resource in need.resources() {
            let pages = self.by_resource.entry(resource.clone()).or_default();
            if !pages.contains(&page) {
                pages.push(page);
            }
        }
    }

    fn add(&mut self, need: &Scopes, sharing: Sharing) -> usize {
        let page = self.pages.len();
        let (scopes, text_length, slot) = (need.clone(), need.text_length(), Slot::default());
        self.pages.push(Page { scopes, text_length, sharing, slot });
        self.index(need, page);
        if sharing == Sharing::Shared {
            self.open_page = Some(page);
        }
        page
    }

    /// Gives a need a token of its own from now on.
    pub(super) fn apart(&mut self, need: &Scopes) -> usize {
        let is_own =
            |page: &usize| self.pages[*page].sharing == Sharing::Apart && self.pages[*page].scopes == *need;
        // A need without resources is in no index, so only `by_need` finds it.
        let known = self.by_need.get(need).copied().filter(is_own);
        let own = known.or_else(|| self.named_in(need).find(is_own));
        let own = own.unwrap_or_else(|| self.add(need, Sharing::Apart));
        self.by_need.insert(need.clone(), own);
        own
    }

    /// Stops sharing: this registry refuses several repositories in one token.
    pub(super) fn stop_sharing(&mut self) {
        self.sharing = Sharing::Apart;
        let pages = &self.pages;
        self.by_need.retain(|need, page| pages[*page].scopes == *need);
    }

    /// The slot of a page's token.
    pub(super) fn slot(&self, page: usize) -> Slot {
        self.pages[page].slot.clone()
    }

    /// The scopes for which a page's token is requested.
    pub(super) fn scopes(&self, page: usize) -> Scopes {
        self.pages[page].scopes.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST_SCOPES: usize = 8;

    fn scopes(text: &str) -> Scopes {
        Scopes::parse(text)
    }

    fn repository(number: usize) -> Scopes {
        scopes(&format!("repository:team/app-{number}:pull"))
    }

    fn asked(book: &mut TokenBook, need: &Scopes) -> Scopes {
        let page = book.page(need);
        book.scopes(page)
    }

    #[test]
    fn c76_many_repositories_fill_few_pages() {
        let mut book = TokenBook::new(MOST_SCOPES);
        let mut pages: Vec<_> = (0..100).map(|number| book.page(&repository(number))).collect();
        let again: Vec<_> = (0..100).map(|number| book.page(&repository(number))).collect();
        assert_eq!(pages, again);
        pages.dedup();
        assert_eq!(pages.len(), 100_usize.div_ceil(MOST_SCOPES));
        assert!(book.pages.iter().all(|page| page.scopes.count() <= MOST_SCOPES));
    }

    #[test]
    fn c13_a_page_is_found_without_looking_at_all_others() {
        let mut book = TokenBook::new(MOST_SCOPES);
        for number in 0..10_000 {
            book.page(&repository(number));
        }
        let most = book.by_resource.values().map(Vec::len).max();
        assert_eq!((most, book.by_resource.len()), (Some(1), 10_000));
        assert_eq!(book.page(&scopes("repository:team/app-17:pull")), 17 / MOST_SCOPES);
    }

    #[test]
    fn c76_long_names_fill_a_page_sooner() {
        let mut book = TokenBook::new(MOST_SCOPES);
        let long = |number: usize| scopes(&format!("repository:{}/{number}:pull", "n".repeat(700)));
        assert_ne!(book.page(&long(1)), book.page(&long(2)));
    }

    #[test]
    fn a_mount_between_repositories_of_a_page_needs_no_page_of_its_own() {
        let mut book = TokenBook::new(MOST_SCOPES);
        let (one, two) = (scopes("repository:a:pull,push"), scopes("repository:b:pull,push"));
        let page = book.page(&one);
        book.page(&two);
        assert_eq!(book.page(&one.union(&scopes("repository:b:pull"))), page);
        assert_eq!(asked(&mut book, &one), one.union(&two));
    }

    #[test]
    fn c75_who_gets_a_token_for_itself_keeps_it_and_leaves_the_others_alone() {
        let mut book = TokenBook::new(MOST_SCOPES);
        let shared = book.page(&repository(1));
        assert_eq!(book.page(&repository(2)), shared);
        let own = book.apart(&repository(2));
        assert_ne!(own, shared);
        assert_eq!((book.page(&repository(2)), book.apart(&repository(2))), (own, own));
        assert_eq!((book.page(&repository(1)), book.page(&repository(3))), (shared, shared));
    }

    #[test]
    fn c13_a_need_without_resources_keeps_its_page() {
        let mut book = TokenBook::new(MOST_SCOPES);
        let nothing = Scopes::default();
        book.page(&repository(1));
        book.page(&nothing);
        let own = book.apart(&nothing);
        assert_eq!((book.apart(&nothing), book.page(&nothing), book.pages.len()), (own, own, 2));
    }

    #[test]
    fn c76_a_registry_without_sharing_gets_one_page_for_each_need() {
        let mut book = TokenBook::new(MOST_SCOPES);
        book.page(&repository(1));
        book.page(&repository(2));
        book.stop_sharing();
        for number in 1..4 {
            assert_eq!(asked(&mut book, &repository(number)), repository(number));
        }
    }

    #[test]
    fn c75_a_widened_need_is_another_need() {
        let mut book = TokenBook::new(MOST_SCOPES);
        let (pull, delete) = (scopes("repository:a:pull"), scopes("repository:a:delete,pull"));
        book.page(&pull);
        book.widen(&pull, delete.clone());
        let need = book.need(&pull);
        assert_eq!(asked(&mut book, &need), delete);
    }

    #[test]
    fn c59_a_registry_that_turns_out_to_want_fewer_gets_fewer() {
        let mut book = TokenBook::new(MOST_SCOPES);
        let needs: Vec<_> = (0..6).map(repository).collect();
        for need in &needs {
            book.page(need);
        }
        book.limit(2);
        let asked: Vec<_> = needs.iter().map(|need| asked(&mut book, need)).collect();
        assert!(asked.iter().all(|asked| asked.count() == 2));
        assert!(needs.iter().zip(&asked).all(|(need, asked)| asked.covers(need)));
    }
}
