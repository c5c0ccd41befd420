//! Converts the manifests of a repository to Harbor's artifacts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::content::Content;

/// The default push time, so that answers are the same in every run.
const PUSH_TIME: &str = "2026-11-24T12:00:00.000Z";

/// Which artifacts a listing has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    Tagged,
    All,
}

/// Which details each artifact has.
#[derive(Clone, Copy)]
pub(super) struct Details {
    pub(super) tags: bool,
    pub(super) accessories: bool,
}

/// The content of a repository, read once.
pub(super) struct Artifacts {
    tags: Vec<(String, String)>,
    manifests: BTreeMap<String, Manifest>,
    /// Tags with another push time.
    push_times: Vec<(String, String)>,
}

struct Manifest {
    value: Value,
    /// Its subject, and the kind of relation.
    subject: Option<(String, &'static str)>,
}

impl Artifacts {
    pub(super) fn read(content: &Content, repository: &str) -> Self {
        let tags = content.tags(repository);
        let manifests = content.manifests(repository).into_iter().filter_map(|digest| {
            let value = content.manifest(&digest)?;
            let subject = subject(&value).or_else(|| signed(&tags, &digest));
            Some((digest, Manifest { value, subject }))
        });
        let manifests = manifests.collect();
        Self { tags, manifests, push_times: Vec::new() }
    }

    /// The same with other push times.
    pub(super) fn pushed_at(self, push_times: Vec<(String, String)>) -> Self {
        Self { push_times, ..self }
    }

    fn push_time(&self, tag: &str) -> &str {
        let set = self.push_times.iter().rev().find(|(name, _)| name == tag);
        set.map_or(PUSH_TIME, |(_, time)| time)
    }

    /// The artifacts. Accessories are none, and children of an index have no tags.
    pub(super) fn list(&self, listed: Listed, details: Details) -> Vec<Value> {
        let own = self.manifests.iter().filter(|(_, manifest)| manifest.subject.is_none());
        own.filter(|(digest, _)| {
            listed == Listed::All || self.tags.iter().any(|(_, target)| target == *digest)
        })
        .map(|(digest, manifest)| self.artifact(digest, &manifest.value, details))
        .collect()
    }

    /// One artifact, by its digest or a tag.
    pub(super) fn find(&self, reference: &str, details: Details) -> Option<Value> {
        let tagged = self.tags.iter().find(|(tag, _)| tag == reference);
        let digest = tagged.map_or(reference, |(_, digest)| digest);
        let manifest = self.manifests.get(digest)?;
        Some(self.artifact(digest, &manifest.value, details))
    }

    /// The list of the referrers API, which Harbor has since 2.8.
    pub(super) fn referrers(&self, content: &Content, of_digest: &str) -> Value {
        let refers = |manifest: &Value| manifest["subject"]["digest"] == of_digest;
        let of_subject = self.manifests.iter().filter(|(_, manifest)| refers(&manifest.value));
        let descriptors = of_subject.map(|(digest, Manifest { value, .. })| {
            json!({
                "mediaType": value["mediaType"], "digest": digest, "size": content.size(digest),
                "artifactType": value["artifactType"],
            })
        });
        json!({
            "schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors.collect::<Vec<_>>(),
        })
    }

    fn artifact(&self, digest: &str, manifest: &Value, details: Details) -> Value {
        let tags = self.tags.iter().filter(|(_, target)| target == digest);
        let tags =
            tags.map(|(tag, _)| json!({"name": tag, "immutable": false, "push_time": self.push_time(tag)}));
        let children = manifest["manifests"].as_array().into_iter().flatten();
        let children =
            children.map(|child| json!({"child_digest": child["digest"], "platform": child["platform"]}));
        let accessories = if details.accessories { self.accessories(digest) } else { Vec::new() };
        json!({
            "type": "IMAGE",
            "digest": digest,
            "media_type": manifest["config"]["mediaType"],
            "manifest_media_type": manifest["mediaType"],
            "size": manifest.to_string().len(),
            "push_time": PUSH_TIME,
            "tags": or_null(if details.tags { tags.collect() } else { Vec::new() }),
            "labels": null,
            "references": or_null(children.collect()),
            "accessories": or_null(accessories),
        })
    }

    fn accessories(&self, of_digest: &str) -> Vec<Value> {
        let described = |(digest, manifest): (&String, &Manifest)| {
            let (subject, kind) = manifest.subject.as_ref()?;
            (subject == of_digest).then(
                || json!({"digest": digest, "type": kind, "size": 1, "subject_artifact_digest": of_digest}),
            )
        };
        self.manifests.iter().filter_map(described).collect()
    }
}

/// The media type of a list of referrers.
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Go writes an empty list as `null`.
fn or_null(list: Vec<Value>) -> Value {
    if list.is_empty() { Value::Null } else { Value::Array(list) }
}

fn subject(manifest: &Value) -> Option<(String, &'static str)> {
    Some((manifest["subject"]["digest"].as_str()?.to_owned(), "subject.accessory"))
}

/// Recognizes signatures by cosign's tag.
fn signed(tags: &[(String, String)], digest: &str) -> Option<(String, &'static str)> {
    let mut tags = tags.iter().filter(|(_, target)| target == digest).map(|(tag, _)| tag);
    let hex = tags.find_map(|tag| tag.strip_prefix("sha256-")?.strip_suffix(".sig"))?;
    Some((format!("sha256:{hex}"), "signature.cosign"))
}
