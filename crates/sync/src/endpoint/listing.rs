//! What a registry can list beyond the protocol's tags: its repositories, and the digests of many tags at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use oci::{Digest, RepositoryName, Tag};

use crate::endpoint::Answer;

/// The repositories of one registry.
pub trait Listing: Send + Sync {
    /// The registry, for people.
    fn name(&self) -> &str;
    /// Begins to list. `below` are whole components that all wanted repositories begin with.
    fn repositories(&self, below: &[&str]) -> Box<dyn Repositories>;
    /// Whether its repositories tell the bytes of what their tags point at, all at once.
    fn tells_sizes(&self) -> BoxFuture<'_, bool> {
        ready(false).boxed()
    }
}

/// Pages of repositories.
pub trait Repositories: Send {
    /// The next page; `None` after the last. A failed page can be asked for again.
    fn next(&mut self) -> Answer<'_, Option<Vec<RepositoryName>>>;
    /// What people should know about what was listed since this was asked last.
    fn notes(&mut self) -> Vec<String>;
}

/// What is known of all tags of a repository at once.
#[derive(Clone, Debug, Default)]
pub struct BulkListing {
    /// What each tag points at. A tag that is missing here may still be there.
    pub digests: HashMap<Tag, Digest>,
    /// When the registry got what each tag points at, where it tells.
    pub dates: HashMap<Tag, SystemTime>,
    /// The bytes of what each tag points at, with all its layers, where the registry tells.
    pub bytes: HashMap<Tag, u64>,
    /// How many signatures, SBOMs and the like refer to them.
    pub referrers: u64,
    /// Images to which nothing refers, but what stands under a tag of its own.
    pub bare: HashSet<Digest>,
}

/// Gives the digests of all tags of a repository at the price of a few requests.
pub trait BulkDigests: Send + Sync {
    /// All tags. `None` where the registry does not offer it after all: then each tag is asked for.
    fn digests<'a>(&'a self, repository: &'a RepositoryName) -> BoxFuture<'a, Option<Arc<BulkListing>>>;
    /// Whether it gives their bytes, too.
    fn tells_sizes(&self) -> BoxFuture<'_, bool> {
        ready(false).boxed()
    }
}

/// Makes ready what a registry does not make by itself when something is pushed: a project, a namespace.
pub trait Preparation: Send + Sync {
    /// Sees to it that `repository` can be pushed to. Asked once for each.
    fn prepare<'a>(&'a self, repository: &'a RepositoryName) -> Answer<'a, ()>;
    /// Whether `repository` can be pushed to as it is, without [`prepare`](Self::prepare).
    fn is_ready<'a>(&'a self, repository: &'a RepositoryName) -> Answer<'a, bool>;
}
