//! DELETE of a tag or a manifest: end-9, with registries' differences.

use http::StatusCode;
use serde_json::Value;

use super::completeness::list;
use super::tag::immutable;
use crate::answer::{Answer, Refusal};
use crate::builder::manifest::ImmutableTags;
use crate::call::Call;
use crate::deletion::{DigestDeletion, IndexChildren, TagDeletion};
use crate::store::Repository;

impl Call<'_> {
    pub(super) fn delete_manifest(&self, repository: &str, reference: &str) -> Result<Answer, Answer> {
        let settings = &self.shared.settings.deletion;
        let mut content = self.shared.store.content();
        let Some(found) = content.repositories.get_mut(repository) else {
            return Err(Refusal::ManifestUnknown.of(reference));
        };
        let is_digest = reference.contains(':');
        match settings.by_tag {
            _ if is_digest => {}
            TagDeletion::DigestInvalid => return Err(Refusal::DigestInvalid.of(reference)),
            TagDeletion::Unsupported => return Err(Refusal::Unsupported.with_status(400)),
            TagDeletion::Off => return Err(Refusal::Unsupported.into()),
            TagDeletion::Untags | TagDeletion::UntagsToTheLast | TagDeletion::DeletesManifest => {}
        }
        if !is_digest && settings.by_tag != TagDeletion::DeletesManifest {
            return self.untag(found, repository, reference, StatusCode::ACCEPTED);
        }
        if settings.by_digest == DigestDeletion::Off {
            return Err(Refusal::Unsupported.into());
        }
        let digest = found.tags.get(reference).map_or(reference, String::as_str).to_owned();
        if !found.manifests.contains_key(&digest) {
            return Err(Refusal::ManifestUnknown.of(reference));
        }
        self.check_deletion(found, repository, &digest)?;
        match settings.by_digest {
            DigestDeletion::OnlyTagged if !found.has_tag_of(&digest) => {
                return Err(Refusal::ManifestUnknown.of(reference));
            }
            // The manifest stays readable until it is collected.
            DigestDeletion::OnlyTagged => found.tags.retain(|_, tagged| *tagged != digest),
            DigestDeletion::WithFamily => found.delete_family(&digest),
            DigestDeletion::Alone | DigestDeletion::Off => found.delete(&digest),
        }
        Ok(Answer::new(StatusCode::ACCEPTED))
    }

    /// Deletes a tag, by the protocol or an API.
    pub(in crate::endpoint) fn untag(
        &self,
        found: &mut Repository,
        repository: &str,
        tag: &str,
        done: StatusCode,
    ) -> Result<Answer, Answer> {
        let Some(digest) = found.tags.get(tag).cloned() else {
            return Err(Refusal::ManifestUnknown.of(tag));
        };
        if self.shared.settings.manifests.immutable_tags == ImmutableTags::Harbor {
            return Err(immutable(repository, tag));
        }
        if self.shared.settings.deletion.by_tag == TagDeletion::UntagsToTheLast {
            let is_last = found.tags.values().filter(|tagged| **tagged == digest).count() == 1;
            if is_last {
                self.check_deletion(found, repository, &digest)?;
                found.delete(&digest);
            }
        }
        found.tags.remove(tag);
        Ok(Answer::new(done))
    }

    /// Refuses to delete a manifest that an index refers to, or an immutable tag, if the registry does so.
    fn check_deletion(&self, found: &Repository, repository: &str, digest: &str) -> Result<(), Answer> {
        let children = self.shared.settings.deletion.children;
        let index = found.manifests.values().find(|manifest| names(&manifest.bytes, digest));
        if let Some(index) = index {
            match children {
                IndexChildren::Unguarded => {}
                IndexChildren::GuardedByHarbor => return Err(Refusal::ReferencedByOthers.into()),
                IndexChildren::GuardedByEcr => {
                    return Err(Refusal::ReferencedByList.of(index.digest.as_str()));
                }
            }
        }
        let tag = found.tags.iter().find(|(_, tagged)| *tagged == digest);
        match tag {
            Some((tag, _)) if self.shared.settings.manifests.immutable_tags == ImmutableTags::Harbor => {
                Err(immutable(repository, tag))
            }
            _ => Ok(()),
        }
    }
}

impl Repository {
    fn has_tag_of(&self, digest: &str) -> bool {
        self.tags.values().any(|tagged| tagged == digest)
    }

    fn delete(&mut self, digest: &str) {
        self.manifests.remove(digest);
        self.tags.retain(|_, tagged| tagged != digest);
    }

    /// Deletes it with its accessories, and children that no tag and no other index refers to.
    fn delete_family(&mut self, digest: &str) {
        let Some(manifest) = self.manifests.get(digest) else { return };
        let children = digests(&manifest.bytes, "manifests");
        let refers = |bytes: &[u8]| {
            let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
            body.pointer("/subject/digest").and_then(Value::as_str) == Some(digest)
        };
        let accessories = self.manifests.values().filter(|other| refers(&other.bytes));
        let accessories: Vec<_> = accessories.map(|other| other.digest.clone()).collect();
        self.delete(digest);
        for accessory in accessories {
            self.delete_family(&accessory);
        }
        for child in children {
            let is_needed =
                self.has_tag_of(&child) || self.manifests.values().any(|other| names(&other.bytes, &child));
            if !is_needed {
                self.delete_family(&child);
            }
        }
    }
}

/// Whether an index refers to a manifest.
fn names(index: &[u8], digest: &str) -> bool {
    digests(index, "manifests").iter().any(|child| child == digest)
}

fn digests(manifest: &[u8], list_name: &str) -> Vec<String> {
    let body: Value = serde_json::from_slice(manifest).unwrap_or_default();
    let digests = list(&body, list_name).filter_map(|entry| entry.get("digest").and_then(Value::as_str));
    digests.map(str::to_owned).collect()
}
