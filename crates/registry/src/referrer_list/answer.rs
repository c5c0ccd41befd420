//! Whether an answer to the request for referrers is a list of them. Statuses are not enough: GitLab answers
//! with the image itself (<https://github.com/oras-project/oras-go/issues/2148>), others with a web page.

use serde::Deserialize;

use crate::{Descriptor, Digest, Error, MediaType, Offer, OptionalEndpoint};

/// What an answer that is no list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The registry keeps no lists.
    NoList,
    /// It keeps none, or this login may not see them.
    Forbidden,
    /// It does not know the repository or the subject.
    NoneHere,
    /// It may keep lists; this request failed.
    Failure,
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Registry,
    /// A redirect led to another host.
    Elsewhere,
}

/// Why a body is no list.
#[derive(Debug, thiserror::Error)]
pub(super) enum Wrong {
    #[error("an image index was expected, but {0} came")]
    Type(MediaType),
    #[error("the list of referrers was expected, but the subject itself came")]
    IsSubject,
    #[error("{0}")]
    Json(serde_json::Error),
}

impl Wrong {
    /// What calls itself an index and cannot be read is damaged; all else was never meant as a list.
    pub(super) fn meaning(&self) -> Meaning {
        match self {
            Self::Type(_) | Self::IsSubject => Meaning::NoList,
            Self::Json(_) => Meaning::Failure,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    media_type: Option<MediaType>,
    manifests: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Entries {
    manifests: Option<Vec<Descriptor>>,
}

/// The entries of a page.
pub(super) fn read(
    content_type: &MediaType,
    body: &[u8],
    subject: &Digest,
) -> Result<Vec<Descriptor>, Wrong> {
    let shape: Option<Shape> = serde_json::from_slice(body).ok();
    let says_index = *content_type == MediaType::OCI_INDEX;
    let is_index = shape.as_ref().is_some_and(|shape| match &shape.media_type {
        Some(own) => *own == MediaType::OCI_INDEX,
        None => says_index || shape.manifests.as_ref().is_some_and(serde_json::Value::is_array),
    });
    let is_damaged_index = shape.is_none() && says_index;
    if !is_index && !is_damaged_index {
        let own = shape.and_then(|shape| shape.media_type);
        return Err(Wrong::Type(own.unwrap_or_else(|| content_type.clone())));
    }
    if subject.algorithm().digest(body) == *subject {
        return Err(Wrong::IsSubject);
    }
    let entries: Entries = serde_json::from_slice(body).map_err(Wrong::Json)?;
    Ok(entries.manifests.unwrap_or_default())
}

/// What a refusal or a failure says.
pub(super) fn meaning_of(error: &Error, from: From) -> Meaning {
    if from == From::Elsewhere && matches!(error, Error::Refused(_)) {
        return Meaning::NoList;
    }
    match error.offer(OptionalEndpoint::Referrers) {
        Offer::Absent => Meaning::NoList,
        Offer::Forbidden => Meaning::Forbidden,
        Offer::NothingHere => Meaning::NoneHere,
        Offer::Unclear => Meaning::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(content_type: &str, body: &str) -> Result<usize, Meaning> {
        let content_type = MediaType::new(content_type);
        let subject = Digest::sha256(br#"{"manifests":[],"is":"subject"}"#);
        read(&content_type, body.as_bytes(), &subject).map(|list| list.len()).map_err(|wrong| wrong.meaning())
    }

    #[test]
    fn c58_only_an_index_that_is_not_the_subject_is_a_list() {
        let index = MediaType::OCI_INDEX.to_string();
        let entry = format!(r#"{{"digest":"{}","size":1}}"#, Digest::sha256(b"1"));
        let body = format!(r#"{{"mediaType":"{index}","manifests":[{entry}]}}"#);
        assert_eq!(meaning(&index, &body), Ok(1));
        assert_eq!(meaning("application/json", &body), Ok(1));
        assert_eq!(meaning(&format!("{index}; charset=utf-8"), r#"{"manifests":null}"#), Ok(0));
        assert_eq!(meaning("application/json", r#"{"manifests":[]}"#), Ok(0));

        let image = format!(r#"{{"mediaType":"{}","layers":[]}}"#, MediaType::OCI_MANIFEST);
        assert_eq!(meaning(MediaType::OCI_MANIFEST.as_str(), &image), Err(Meaning::NoList));
        assert_eq!(meaning(&index, &image), Err(Meaning::NoList), "GitLab");
        assert_eq!(meaning(&index, r#"{"manifests":[],"is":"subject"}"#), Err(Meaning::NoList));
        assert_eq!(meaning("application/json", "{}"), Err(Meaning::NoList));
        assert_eq!(meaning(&index, r#"{"manifests":[{}]}"#), Err(Meaning::Failure));
        assert_eq!(meaning(&index, "{\"manifests\":["), Err(Meaning::Failure), "cut off");
    }

    #[test]
    fn c59_a_web_page_is_no_list() {
        assert_eq!(meaning("text/html", "<html>"), Err(Meaning::NoList));
        assert_eq!(meaning("text/html", ""), Err(Meaning::NoList));
    }
}
