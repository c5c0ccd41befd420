//! Turns the manifests of a repository into what Harbor calls artifacts.

use serde_json::{Value, json};

use super::content::Content;

/// A moment for everything, so that answers are the same in every run.
const PUSH_TIME: &str = "2026-11-24T12:00:00.000Z";

/// Which artifacts a list has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    Tagged,
    All,
}

/// What goes into each artifact.
#[derive(Clone, Copy)]
pub(super) struct Details {
    pub(super) tags: bool,
    pub(super) accessories: bool,
}

/// A repository's artifacts. Accessories are none, and children of an index have no tags.
pub(super) fn artifacts(content: &Content, repository: &str, listed: Listed, details: Details) -> Vec<Value> {
    let manifests = content.manifests(repository).into_iter();
    let manifests = manifests.filter(|digest| subject(content, repository, digest).is_none());
    manifests
        .filter_map(|digest| artifact(content, repository, &digest, details))
        .filter(|(has_tags, _)| *has_tags || listed == Listed::All)
        .map(|(_, artifact)| artifact)
        .collect()
}

/// One artifact, and whether it has tags.
pub(super) fn artifact(
    content: &Content,
    repository: &str,
    digest: &str,
    details: Details,
) -> Option<(bool, Value)> {
    if !content.manifests(repository).iter().any(|one| one == digest) {
        return None;
    }
    let manifest = content.manifest(digest)?;
    let tags: Vec<Value> = content
        .tags(repository)
        .into_iter()
        .filter(|(_, target)| target == digest)
        .map(|(tag, _)| json!({"name": tag, "immutable": false, "push_time": PUSH_TIME}))
        .collect();
    let has_tags = !tags.is_empty();
    // Go writes an empty list as `null`.
    let or_null = |list: Vec<Value>| if list.is_empty() { Value::Null } else { Value::Array(list) };
    let children = manifest["manifests"].as_array().into_iter().flatten();
    let children =
        children.map(|child| json!({"child_digest": child["digest"], "platform": child["platform"]}));
    let artifact = json!({
        "type": "IMAGE",
        "digest": digest,
        "media_type": manifest["config"]["mediaType"],
        "manifest_media_type": manifest["mediaType"],
        "size": manifest.to_string().len(),
        "push_time": PUSH_TIME,
        "tags": if details.tags { or_null(tags) } else { Value::Null },
        "labels": null,
        "references": or_null(children.collect()),
        "accessories": if details.accessories { or_null(accessories(content, repository, digest)) } else { Value::Null },
    });
    Some((has_tags, artifact))
}

fn accessories(content: &Content, repository: &str, of_digest: &str) -> Vec<Value> {
    let described = |digest: String| {
        let (subject, kind) = subject(content, repository, &digest)?;
        (subject == of_digest)
            .then(|| json!({"digest": digest, "type": kind, "size": 1, "subject_artifact_digest": of_digest}))
    };
    content.manifests(repository).into_iter().filter_map(described).collect()
}

/// What a manifest belongs to, and as what: by its `subject`, or by the tag that cosign gives to signatures.
fn subject(content: &Content, repository: &str, digest: &str) -> Option<(String, &'static str)> {
    if let Some(subject) = content.manifest(digest)?["subject"]["digest"].as_str() {
        return Some((subject.to_owned(), "subject.accessory"));
    }
    let tags = content.tags(repository).into_iter().filter(|(_, target)| target == digest);
    let hex = |tag: String| Some(tag.strip_prefix("sha256-")?.strip_suffix(".sig")?.to_owned());
    let hex = tags.map(|(tag, _)| tag).find_map(hex)?;
    Some((format!("sha256:{hex}"), "signature.cosign"))
}
