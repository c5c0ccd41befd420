//! Blobs: end-2 and end-10, with ranges.

use bytes::Bytes;
use http::{Method, StatusCode, header};

use crate::answer::{Answer, Refusal};
use crate::call::Call;
use crate::digest;
use crate::range::{self, Wanted};

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
        let bytes =
            self.shared.store.blob(repository, digest).ok_or_else(|| Refusal::BlobUnknown.of(digest))?;
        if let Some(base) = &self.shared.settings.blob_redirect {
            let location = format!("{}/{digest}", base.trim_end_matches('/'));
            return Ok(Answer::new(StatusCode::TEMPORARY_REDIRECT).header("location", location));
        }
        let entity_tag = format!("\"{digest}\"");
        // RFC 9110: of another version than the client has the beginning of, it gets the whole.
        let is_same = self.header(header::IF_RANGE).is_none_or(|known| known == entity_tag);
        let wanted = self.header(header::RANGE).filter(|_| is_same);
        Ok(part(&bytes, wanted)
            .header("content-type", "application/octet-stream")
            .header("accept-ranges", "bytes")
            .header("etag", entity_tag)
            .header("docker-content-digest", digest))
    }
}

fn part(bytes: &Bytes, header: Option<&str>) -> Answer {
    let length = bytes.len();
    match range::wanted(header, length) {
        Wanted::Whole => Answer::new(StatusCode::OK).body(bytes.clone()),
        Wanted::Part(start, end) => Answer::new(StatusCode::PARTIAL_CONTENT)
            .header("content-range", format!("bytes {start}-{}/{length}", end - 1))
            .body(bytes.slice(start..end)),
        Wanted::Outside => Answer::new(StatusCode::RANGE_NOT_SATISFIABLE)
            .header("content-range", format!("bytes */{length}")),
    }
}
