//! Deletes tags of artifacts, which the protocol's DELETE does not support at Harbor.

use http::StatusCode;
use oci::{RepositoryName, Tag};

use super::api::Call;
use super::artifacts::artifacts_path;
use super::{ApiVersion, Error, Harbor};

/// The result of deleting a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untagging {
    /// The tag is gone, and its artifact still exists.
    Done,
    /// The tag did not exist.
    NotThere,
    /// This Harbor has no such call: 2.0 introduced it.
    NotOffered,
}

impl Harbor {
    /// Deletes a tag, and nothing else:
    /// `DELETE /projects/{project}/repositories/{repository}/artifacts/{reference}/tags/{tag}`.
    ///
    /// # Errors
    /// Among others 412 if the tag is immutable.
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
