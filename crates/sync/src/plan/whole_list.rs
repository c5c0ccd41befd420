//! The complete tag list of a repository.

use std::collections::HashSet;
use std::sync::Arc;

use oci::Tag;

use crate::endpoint::{EndpointError, Tags};
use crate::engine::run::Run;
use crate::{Error, Operation, Side};

/// All tags of a repository.
#[derive(Debug, Default)]
pub(crate) struct WholeList {
    pub(crate) tags: HashSet<Tag>,
    /// Listed names that are no tags, as shown to users.
    pub(crate) invalid: Vec<String>,
}

impl WholeList {
    /// Reads the list to its end.
    ///
    /// # Errors
    /// A page failed permanently: the list would be incomplete.
    pub(crate) async fn read(
        run: &Run,
        (side, name): (Side, &Arc<str>),
        mut pages: Box<dyn Tags>,
    ) -> Result<Self, Arc<Error>> {
        let error = |cause: EndpointError| {
            let (place, operation) = (name.to_string(), Operation::ListTags);
            Error { side, place, operation, cause: cause.into() }
        };
        let mut all = Self::default();
        while let Some(page) = run.retrying_list(name, (&mut *pages, |pages| pages.next()), error).await? {
            all.tags.extend(page.tags);
            all.invalid.extend(page.invalid);
        }
        Ok(all)
    }
}
