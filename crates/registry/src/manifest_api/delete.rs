//! DELETE of tags and manifests. Spec: distribution-spec, end-9.
//!
//! Registries differ: <https://github.com/distribution/distribution> 2.8 takes a tag for a malformed digest, and deletion by
//! digest removes all its tags, even if an index refers to it; Harbor deletes by digest only; Quay only removes tags in either case; and
//! many have deletion disabled. So one table finds the meaning of a refusal from its status, code and text.

use http::{Method, StatusCode};
use oci::{Digest, Tag, WhyKept};

use crate::profile::TagDeletion;
use crate::{Error, Refusal, Repository};

/// The result of deleting a tag or a manifest.
#[derive(Debug)]
pub enum Deletion {
    /// The registry deleted it.
    Done,
    /// It did not exist.
    NotThere,
    /// Nothing was deleted.
    Kept(WhyKept, Error),
}

/// How the request names the content to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    ByTag,
    ByDigest,
}

impl Repository {
    /// Deletes a tag. By the specification its manifest stays; whether it does shows only afterwards.
    ///
    /// # Errors
    /// Failures that do not concern deletion: no answer, no right, too many requests.
    pub async fn delete_tag(&self, tag: &Tag) -> Result<Deletion, Error> {
        // Behind a custom domain, only the first answer shows the registry's kind.
        self.registry().connection().await?;
        let path = match self.registry().profile().tag_deletion {
            TagDeletion::Protocol => return self.delete(Named::ByTag, &format!("manifests/{tag}")).await,
            TagDeletion::Azure => format!("/acr/v1/{}/_tags/{tag}", self.name()),
        };
        // The API takes the protocol's tokens.
        let mut call = self.call(Method::DELETE, &format!("manifests/{tag}")).await?;
        call.url.set_path(&path);
        self.deleted(&call, Named::ByTag).await
    }

    /// Deletes a manifest, and with it all tags that point to it. A registry may do so even if an index
    /// refers to it.
    ///
    /// # Errors
    /// As for [`delete_tag`](Self::delete_tag).
    pub async fn delete_manifest(&self, digest: &Digest) -> Result<Deletion, Error> {
        self.delete(Named::ByDigest, &format!("manifests/{digest}")).await
    }

    async fn delete(&self, named: Named, path: &str) -> Result<Deletion, Error> {
        let call = self.call(Method::DELETE, path).await?;
        self.deleted(&call, named).await
    }

    async fn deleted(&self, call: &crate::client::Call, named: Named) -> Result<Deletion, Error> {
        let done = [StatusCode::ACCEPTED, StatusCode::OK, StatusCode::NO_CONTENT];
        let refusal = match self.registry().expect(call, &done).await {
            Ok(_) => return Ok(Deletion::Done),
            Err(Error::Refused(refusal)) => refusal,
            Err(error) => return Err(error),
        };
        match judge(named, &refusal) {
            Some(Judgement::NotThere) => Ok(Deletion::NotThere),
            Some(Judgement::Kept(why)) => Ok(Deletion::Kept(why, Error::Refused(refusal))),
            None => Err(Error::Refused(refusal)),
        }
    }
}

impl Refusal {
    /// Why the tag was kept, if this refusal says so: also for answers of APIs beside the protocol.
    pub fn why_tag_is_kept(&self) -> Option<WhyKept> {
        match judge(Named::ByTag, self)? {
            Judgement::Kept(why) => Some(why),
            Judgement::NotThere => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    NotThere,
    Kept(WhyKept),
}

/// The meaning of a refusal for a deletion; `None` if it does not concern deletion.
fn judge(named: Named, refusal: &Refusal) -> Option<Judgement> {
    let words: Vec<_> = refusal.errors.iter().map(|error| (&*error.code, &*error.message)).collect();
    judge_words(named, refusal.status, &words)
}

fn judge_words(named: Named, status: StatusCode, errors: &[(&str, &str)]) -> Option<Judgement> {
    let says = |part: &str| {
        errors.iter().any(|(code, message)| {
            code.to_ascii_lowercase().contains(part) || message.to_ascii_lowercase().contains(part)
        })
    };
    let has = |codes: &[&str]| errors.iter().any(|(code, _)| codes.contains(code));
    let off = match named {
        Named::ByTag => WhyKept::NoTagDeletion,
        Named::ByDigest => WhyKept::Off,
    };
    let why = match status.as_u16() {
        404 => return Some(Judgement::NotThere),
        400 | 403 | 405 | 409 | 412 if says("immutab") => WhyKept::Immutable,
        // Harbor: "the deleting artifact is referenced by others"; ECR: `ImageReferencedByManifestList`; Azure, about a
        // locked one: "The operation is disallowed on this registry, repository or image".
        400 | 403 | 405 | 409 | 412 if says("referenced") || says("disallowed on this") => WhyKept::Held,
        409 | 412 | 423 => WhyKept::Held,
        405 | 501 => off,
        400 if errors.is_empty() || has(&["UNSUPPORTED"]) => off,
        400 if named == Named::ByTag && has(&["DIGEST_INVALID", "TAG_INVALID", "MANIFEST_INVALID"]) => off,
        _ => return None,
    };
    Some(Judgement::Kept(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_refusals_of_deletion_mean() {
        use Judgement::{Kept, NotThere};
        use WhyKept::{Held, Immutable, NoTagDeletion, Off};

        let both = |judged| [Some(Kept(judged)), Some(Kept(judged))];
        let off = [Some(Kept(NoTagDeletion)), Some(Kept(Off))];
        let immutable = "Failed to process request due to 'a/b:c' configured as immutable.";
        let locked = "The operation is disallowed on this registry, repository or image.";
        for (status, code, message, expected) in [
            (405, "UNSUPPORTED", "The operation is unsupported.", off),
            (405, "", "", off),
            (400, "UNSUPPORTED", "", off),
            (400, "", "", off),
            (400, "DIGEST_INVALID", "provided digest did not match", [Some(Kept(NoTagDeletion)), None]),
            (400, "NAME_INVALID", "", [None, None]),
            (404, "MANIFEST_UNKNOWN", "", [Some(NotThere), Some(NotThere)]),
            (412, "PRECONDITION", immutable, both(Immutable)),
            (
                412,
                "VIOLATE_FOREIGN_KEY_CONSTRAINT",
                "the deleting artifact is referenced by others",
                both(Held),
            ),
            (400, "ImageReferencedByManifestList", "", both(Held)),
            (405, "UNSUPPORTED", locked, both(Held)),
            (409, "CONFLICT", "", both(Held)),
            (401, "UNAUTHORIZED", "", [None, None]),
            (403, "DENIED", "", [None, None]),
            (429, "TOOMANYREQUESTS", "", [None, None]),
            (503, "", "", [None, None]),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let errors = [(code, message)];
            let errors = if code.is_empty() { &[][..] } else { &errors[..] };
            let judged = [Named::ByTag, Named::ByDigest].map(|named| judge_words(named, status, errors));
            assert_eq!(judged, expected, "{status} {code}");
        }
    }
}
