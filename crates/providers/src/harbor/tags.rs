//! The tags of a repository with what they point at.

use oci::{Digest, RepositoryName, Tag};

use super::{ArtifactPages, Error, Harbor};

/// A tag and the digest of the manifest that it points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagDigest {
    /// The tag.
    pub tag: Tag,
    /// What it pointed at when it was listed.
    pub digest: Digest,
}

/// Walks over the pages of a repository's tags.
pub struct TagPages {
    artifacts: ArtifactPages,
    invalid: Vec<String>,
}

impl Harbor {
    /// The tags of a repository, without the signatures under cosign's tags: [`Harbor::artifacts`] has those.
    pub fn tags(&self, repository: &RepositoryName) -> TagPages {
        TagPages { artifacts: self.artifacts(repository), invalid: Vec::new() }
    }
}

impl TagPages {
    /// The next page; `None` after the last. A failed page can be asked for again.
    ///
    /// # Errors
    /// [`Error::EncodedName`] when something in front of Harbor does not let the name through.
    pub async fn next(&mut self) -> Result<Option<Vec<TagDigest>>, Error> {
        let Some(page) = self.artifacts.next().await? else { return Ok(None) };
        let mut tags = Vec::new();
        for artifact in page {
            self.invalid.extend(artifact.invalid_tags);
            let digest = artifact.digest;
            tags.extend(artifact.tags.into_iter().map(|tag| TagDigest { tag, digest: digest.clone() }));
        }
        Ok(Some(tags))
    }

    /// Names on the pages so far that the specification does not allow: to be reported, not to end a run.
    pub fn invalid(&self) -> &[String] {
        &self.invalid
    }
}
