//! Takes tags away from artifacts: what the protocol's DELETE does not offer at Harbor.

use http::StatusCode;
use oci::{RepositoryName, Tag};

use super::api::Call;
use super::artifacts::artifacts_path;
use super::{ApiVersion, Error, Harbor};

/// What became of the wish to take a tag away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untagging {
    /// It is gone, and its artifact is still there.
    Done,
    /// It was not there.
    NotThere,
    /// This Harbor has no such call: it came with 2.0.
    NotOffered,
}

impl Harbor {
    /// Takes a tag away, and nothing else:
    /// `DELETE /projects/{project}/repositories/{repository}/artifacts/{reference}/tags/{tag}`.
    ///
    /// # Errors
    /// Among others 412 where the tag is immutable.
    pub async fn delete_tag(&self, repository: &RepositoryName, tag: &Tag) -> Result<Untagging, Error> {
        let (ApiVersion::Two, Some(path)) = (self.version(), artifacts_path(repository)) else {
            return Ok(Untagging::NotOffered);
        };
        match self.ask(&Call::delete(format!("{path}/{tag}/tags/{tag}")), &[StatusCode::OK]).await {
            Ok(_) => Ok(Untagging::Done),
            Err(error) if error.has_status(&[404]) => Ok(Untagging::NotThere),
            Err(error) => Err(error),
        }
    }
}
