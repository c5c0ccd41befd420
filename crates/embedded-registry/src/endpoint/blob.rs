//! Blobs: end-2 and end-10, with ranges.

use bytes::Bytes;
use http::{Method, StatusCode, header};

use crate::answer::{Answer, Refusal};
use crate::builder::blob::{BlobHeads, EntityTags};
use crate::call::Call;
use crate::digest;
use crate::part::part;

impl Call<'_> {
    pub(super) fn blob(&self, repository: &str, digest: &str) -> Result<Answer, Answer> {
        if !digest::is_valid(digest) {
            return Err(Refusal::DigestInvalid.of(digest));
        }
        match self.head.method {
            Method::GET | Method::HEAD => self.read_blob(repository, digest),
            Method::DELETE if self.shared.store.remove_blob(repository, digest) => {
                Ok(Answer::new(StatusCode::ACCEPTED))
            }
            Method::DELETE => Err(Refusal::BlobUnknown.of(digest)),
            _ => Err(Refusal::Unsupported.into()),
        }
    }

    fn read_blob(&self, repository: &str, digest: &str) -> Result<Answer, Answer> {
        let settings = &self.shared.settings.blobs;
        if let BlobHeads::Refused(status) = settings.heads
            && self.head.method == Method::HEAD
        {
            return Err(Refusal::Unsupported.with_status(status));
        }
        let bytes =
            self.shared.store.blob(repository, digest).ok_or_else(|| Refusal::BlobUnknown.of(digest))?;
        if let Some(location) = self.elsewhere(digest, &bytes) {
            let status = settings.redirect_status.unwrap_or(StatusCode::TEMPORARY_REDIRECT);
            return Ok(Answer::new(status).header("location", location));
        }
        let entity_tag = self.entity_tag(digest);
        // RFC 9110: if the client has the beginning of another version, it gets the whole. Only a strong
        // validator decides.
        let strong = entity_tag.as_deref().filter(|entity_tag| !entity_tag.starts_with("W/"));
        let is_same = self.header(header::IF_RANGE).is_none_or(|known| Some(known) == strong);
        let wanted = self.header(header::RANGE).filter(|_| is_same);
        let answer = part(&bytes, wanted, settings.ranges)
            .header("content-type", "application/octet-stream")
            .header("accept-ranges", "bytes")
            .header("docker-content-digest", digest);
        Ok(match entity_tag {
            Some(entity_tag) => answer.header("etag", entity_tag),
            None => answer,
        })
    }

    /// The URL of the blob, if it is served elsewhere.
    fn elsewhere(&self, digest: &str, bytes: &Bytes) -> Option<String> {
        let settings = &self.shared.settings.blobs;
        if let Some(storage) = &settings.storage {
            return Some(storage.sign(digest, bytes.clone()));
        }
        settings.redirect.as_ref().map(|base| format!("{}/{digest}", base.trim_end_matches('/')))
    }

    fn entity_tag(&self, digest: &str) -> Option<String> {
        match self.shared.settings.blobs.entity_tags {
            EntityTags::Strong => Some(format!("\"{digest}\"")),
            EntityTags::Weak => Some(format!("W/\"{digest}\"")),
            EntityTags::Missing => None,
            EntityTags::Changing => Some(format!("\"{}\"", self.shared.number())),
        }
    }
}
