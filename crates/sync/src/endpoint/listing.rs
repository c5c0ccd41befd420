//! What a registry can list beyond the protocol's tags: its repositories, and the digests of many tags in one request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use oci::{Digest, RepositoryName, Tag};

use crate::endpoint::Answer;

/// The repositories of one registry.
pub trait Listing: Send + Sync {
    /// The registry, as shown to users.
    fn name(&self) -> &str;
    /// Begins to list. `below` are path components that all wanted repositories begin with.
    fn repositories(&self, below: &[&str]) -> Box<dyn Repositories>;
    /// Whether its repositories report the sizes of all tagged images in their listing.
    fn tells_sizes(&self) -> Answer<'_, bool> {
        ready(Ok(false)).boxed()
    }
}

/// Pages of repositories.
pub trait Repositories: Send {
    /// The next page; `None` after the last. A failed page can be asked for again.
    fn next(&mut self) -> Answer<'_, Option<Vec<RepositoryName>>>;
    /// Notes for the user about what was listed since the last call.
    fn notes(&mut self) -> Vec<String>;
}

/// What is known of all tags of a repository from one listing.
#[derive(Clone, Debug, Default)]
pub struct BulkListing {
    /// The digest of each tag. A tag that is missing here may still exist.
    pub digests: HashMap<Tag, Digest>,
    /// When the registry received the image of each tag, if it reports that.
    pub dates: HashMap<Tag, SystemTime>,
    /// The size of the image of each tag with all its layers, if the registry reports that.
    pub bytes: HashMap<Tag, u64>,
    /// How many referrers, such as signatures and SBOMs, these images have.
    pub referrers: u64,
    /// Images without referrers, apart from those that have their own tag.
    pub bare: HashSet<Digest>,
}

/// Returns the digests of all tags of a repository with a few requests.
pub trait BulkDigests: Send + Sync {
    /// All tags. `None` if the registry does not offer the listing after all: then each tag is resolved alone.
    fn digests<'a>(&'a self, repository: &'a RepositoryName) -> BoxFuture<'a, Option<Arc<BulkListing>>>;
    /// The same for a caller that must not mistake a failed request for a listing that is not offered.
    fn try_digests<'a>(&'a self, repository: &'a RepositoryName) -> Answer<'a, Option<Arc<BulkListing>>> {
        self.digests(repository).map(Ok).boxed()
    }
    /// Whether the listing has the sizes, too.
    fn tells_sizes(&self) -> Answer<'_, bool> {
        ready(Ok(false)).boxed()
    }
}

/// Creates what a registry does not create by itself at a push: a project, a namespace.
pub trait Preparation: Send + Sync {
    /// Prepares `repository` for pushes. The engine calls it for each image: all that wait for it share one attempt and
    /// its failure.
    fn prepare<'a>(&'a self, repository: &'a RepositoryName) -> Answer<'a, ()>;
    /// Whether `repository` accepts pushes as it is, without [`prepare`](Self::prepare).
    fn is_ready<'a>(&'a self, repository: &'a RepositoryName) -> Answer<'a, bool>;
}
