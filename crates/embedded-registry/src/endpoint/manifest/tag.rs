//! The tags of a pushed manifest: which ones, and whether they may be moved.

use http::StatusCode;
use serde_json::json;

use crate::answer::Answer;
use crate::builder::manifest::{ImmutableTags, SameDigest, TagParameters};
use crate::call::{Call, parameters};
use crate::name;

impl Call<'_> {
    /// The tags in the query, if the registry supports them.
    pub(super) fn tags_to_put(&self, reference: &str) -> Vec<String> {
        let is_taken = self.shared.settings.manifests.tag_parameters == TagParameters::Taken;
        if !is_taken || !reference.contains(':') {
            return Vec::new();
        }
        let tags = parameters(self.head).filter(|(name, tag)| name == "tag" && name::is_tag(tag));
        tags.map(|(_, tag)| tag).collect()
    }

    /// Refuses to move an immutable tag.
    pub(super) fn check_tag(&self, repository: &str, tag: &str, digest: &str) -> Result<(), Answer> {
        let settings = &self.shared.settings.manifests;
        let known = self.shared.store.ask(repository, |found| found.tags.get(tag).cloned()).flatten();
        let Some(known) = known else { return Ok(()) };
        if known == digest && settings.same_digest == SameDigest::Taken {
            return Ok(());
        }
        match settings.immutable_tags {
            ImmutableTags::None => Ok(()),
            ImmutableTags::Harbor => Err(immutable(repository, tag)),
            ImmutableTags::Ecr => {
                let message = format!(
                    "The image tag '{tag}' already exists in the '{repository}' repository and cannot be \
                     overwritten because the repository is immutable."
                );
                let error = json!({"code": "TAG_INVALID", "message": message});
                Err(Answer::errors(StatusCode::BAD_REQUEST, &[error]))
            }
        }
    }
}

/// Harbor's refusal to move or delete an immutable tag.
pub(super) fn immutable(repository: &str, tag: &str) -> Answer {
    let message = format!("Failed to process request due to '{repository}:{tag}' configured as immutable.");
    let error = json!({"code": "PRECONDITION", "message": message});
    Answer::errors(StatusCode::PRECONDITION_FAILED, &[error])
}
