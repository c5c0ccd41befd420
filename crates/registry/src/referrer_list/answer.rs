//! Checks whether an answer to the request for referrers is a list. The status is not enough: GitLab answers
//! with the image itself (<https://github.com/oras-project/oras-go/issues/2148>), others with a web page.

use oci::{Descriptor, Digest, MediaType, lenient};
use serde::Deserialize;

use crate::{Error, Offer, OptionalEndpoint, Problem};

/// The meaning of an answer that is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The registry keeps no lists: it sends who asks for one to a web site.
    SentAway,
    /// The answer is no list, as of a registry that keeps none, or of something before the registry.
    NoList,
    /// The registry keeps no lists, or this login may not read them.
    Forbidden,
    /// The registry does not know the repository or the subject.
    NoneHere,
    /// The registry may keep lists; this request failed.
    Failure,
}

/// The server that answered.
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
    /// A body with an index's type that does not parse is damaged; any other body was never meant as a list.
    pub(super) fn meaning(&self, from: From) -> Meaning {
        match (self, from) {
            (Self::Json(_), _) => Meaning::Failure,
            (Self::Type(_) | Self::IsSubject, From::Elsewhere) => Meaning::SentAway,
            (Self::Type(_) | Self::IsSubject, From::Registry) => Meaning::NoList,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape<'a> {
    #[serde(default, deserialize_with = "lenient::filled")]
    media_type: Option<MediaType>,
    #[serde(borrow)]
    manifests: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct Entries<'a> {
    #[serde(borrow)]
    manifests: Option<Vec<&'a serde_json::value::RawValue>>,
}

/// What is on a page.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) entries: Vec<Descriptor>,
    /// Why some entries cannot be read; the others are still returned.
    pub(super) unreadable: Vec<String>,
}

/// The entries of a page.
pub(super) fn read(content_type: &MediaType, body: &[u8], subject: &Digest) -> Result<Listed, Wrong> {
    let shape: Option<Shape<'_>> = serde_json::from_slice(body).ok();
    let says_index = *content_type == MediaType::OCI_INDEX;
    let is_index = shape.as_ref().is_some_and(|shape| match &shape.media_type {
        Some(own) => *own == MediaType::OCI_INDEX,
        None => says_index || shape.manifests.is_some_and(|list| list.get().starts_with('[')),
    });
    let is_damaged_index = shape.is_none() && says_index;
    if !is_index && !is_damaged_index {
        let own = shape.and_then(|shape| shape.media_type);
        return Err(Wrong::Type(own.unwrap_or_else(|| content_type.clone())));
    }
    if subject.algorithm().digest(body) == *subject {
        return Err(Wrong::IsSubject);
    }
    let page: Entries<'_> = serde_json::from_slice(body).map_err(Wrong::Json)?;
    let mut listed = Listed::default();
    for entry in page.manifests.unwrap_or_default() {
        match serde_json::from_str(entry.get()) {
            Ok(entry) => listed.entries.push(entry),
            Err(error) => listed.unreadable.push(error.to_string()),
        }
    }
    Ok(listed)
}

/// The meaning of a refusal or a failure.
pub(super) fn meaning_of(error: &Error, from: From) -> Meaning {
    // A redirect is the registry's own answer; but trouble of the other server says nothing about the registry.
    let is_sent_away = match error {
        Error::Refused(_) => from == From::Elsewhere && !error.is_retryable(),
        Error::Protocol { problem: Problem::Redirect { .. }, .. } => true,
        _ => false,
    };
    match error.offer(OptionalEndpoint::Referrers) {
        Offer::NothingHere => Meaning::NoneHere,
        _ if is_sent_away => Meaning::SentAway,
        Offer::Absent => Meaning::NoList,
        Offer::Forbidden => Meaning::Forbidden,
        Offer::Unclear => Meaning::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(content_type: &str, body: &str) -> Result<usize, Meaning> {
        let content_type = MediaType::new(content_type);
        let subject = Digest::sha256(br#"{"manifests":[],"is":"subject"}"#);
        read(&content_type, body.as_bytes(), &subject)
            .map(|list| list.entries.len())
            .map_err(|wrong| wrong.meaning(From::Registry))
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
        assert_eq!(meaning(&index, r#"{"manifests":{}}"#), Err(Meaning::Failure));
        assert_eq!(meaning(&index, "{\"manifests\":["), Err(Meaning::Failure), "cut off");
    }

    #[test]
    fn p4_one_bad_entry_costs_no_other() {
        let entry = format!(r#"{{"digest":"{}","size":1}}"#, Digest::sha256(b"1"));
        let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        let body = format!(r#"{{"manifests":[null,{{}},{{"digest":"md5:1"}},{deep},{entry}]}}"#);
        let listed = read(&MediaType::OCI_INDEX, body.as_bytes(), &Digest::sha256(b"")).unwrap();
        assert_eq!((listed.entries.len(), listed.unreadable.len()), (1, 4), "{:?}", listed.unreadable);
    }

    #[test]
    fn c59_a_web_page_is_no_list() {
        assert_eq!(meaning("text/html", "<html>"), Err(Meaning::NoList));
        assert_eq!(meaning("text/html", ""), Err(Meaning::NoList));
    }
}
