//! The ids of repositories in Alibaba's API: listed a hundred a call, because calls are limited to 15 a second.

use std::collections::HashMap;

use providers::alibaba::{Acr, Error, ErrorKind};
use tokio::sync::Mutex;

/// The known repositories of all namespaces so far.
#[derive(Default)]
pub(super) struct RepositoryIds(Mutex<HashMap<String, Known>>);

/// The known repositories of one namespace.
#[derive(Default)]
struct Known {
    ids: HashMap<String, String>,
    listed: usize,
    rest: Rest,
}

/// How to find repositories that are not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// On this page of the list, or after it.
    From(u32),
    /// There are none: the list was read to its end.
    None,
    /// Only by name: this user may not list.
    ByName,
}

impl Default for Rest {
    fn default() -> Self {
        Self::From(1)
    }
}

impl RepositoryIds {
    /// The id of a repository; `None` if there is no such repository.
    pub(super) async fn find(&self, acr: &Acr, namespace: &str, name: &str) -> Result<Option<String>, Error> {
        // Locked while a page is read, so that it is read once.
        let mut all = self.0.lock().await;
        let known = all.entry(namespace.to_owned()).or_default();
        // At most one page for each lookup: a few lookups in a large namespace do not read all of it.
        if let (None, Rest::From(page)) = (known.ids.get(name), known.rest) {
            known.read(acr, namespace, page).await?;
        }
        if known.ids.contains_key(name) || known.rest == Rest::None {
            return Ok(known.ids.get(name).cloned());
        }
        let found = acr.repository(namespace, name).await?.map(|found| found.id);
        known.ids.extend(found.clone().map(|id| (name.to_owned(), id)));
        Ok(found)
    }
}

impl Known {
    async fn read(&mut self, acr: &Acr, namespace: &str, page: u32) -> Result<(), Error> {
        let listed = match acr.repository_page(namespace, page).await {
            Ok(listed) => listed,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.rest = Rest::None;
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::NoPermission => {
                self.rest = Rest::ByName;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.listed += listed.len();
        let is_last = listed.len() == 0 || self.listed as u64 >= listed.total;
        self.rest = if is_last { Rest::None } else { Rest::From(page + 1) };
        self.ids.extend(listed.entries.into_iter().map(|found| (found.name, found.id)));
        Ok(())
    }
}
