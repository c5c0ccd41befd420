//! The referrers of a manifest, by `subject`: end-12.

use http::StatusCode;
use serde_json::{Value, json};

use super::WEBSITE;
use crate::answer::{Answer, Refusal};
use crate::builder::referrer::{ReferrerFilters, Referrers};
use crate::call::Call;
use crate::digest;
use crate::store::StoredManifest;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Call<'_> {
    pub(super) fn referrers(&self, repository: &str, digest: &str) -> Result<Answer, Answer> {
        match self.shared.settings.referrers.kind {
            Referrers::Absent => {
                // Registries before OCI 1.1 do not know this endpoint at all.
                let answer = Answer::new(StatusCode::NOT_FOUND).header("content-type", "text/plain");
                Ok(answer.body("404 page not found\n"))
            }
            Referrers::Website => Ok(Answer::new(StatusCode::SEE_OTHER).header("location", WEBSITE)),
            Referrers::Html => Ok(Answer::html(StatusCode::OK, "Packages")),
            _ if !digest::is_valid(digest) => Err(Refusal::DigestInvalid.of(digest)),
            Referrers::Bogus => {
                let found = self.shared.store.manifest(repository, digest);
                let manifest = found.ok_or_else(|| Refusal::ManifestUnknown.of(digest))?;
                let answer = Answer::new(StatusCode::OK).header("content-type", manifest.media_type);
                Ok(answer.body(manifest.bytes))
            }
            Referrers::Empty => Ok(index(&[])),
            Referrers::Api => Ok(self.list(repository, digest)),
        }
    }

    fn list(&self, repository: &str, digest: &str) -> Answer {
        let settings = &self.shared.settings.referrers;
        let filter = self.parameter("artifactType").filter(|_| settings.filters == ReferrerFilters::Applied);
        let after = self.parameter("last").unwrap_or_default();
        let is_wanted = |entry: &Value| {
            filter.as_ref().is_none_or(|wanted| entry["artifactType"] == **wanted)
                && entry["digest"].as_str().is_some_and(|digest| digest > after.as_str())
        };
        // They are sorted by digest.
        let entries = self.shared.store.ask(repository, |found| {
            found.manifests.values().filter_map(|manifest| entry(manifest, digest)).collect()
        });
        let mut entries: Vec<Value> = entries.unwrap_or_default();
        entries.retain(is_wanted);
        let size = settings.page_size.unwrap_or(usize::MAX);
        let is_last = entries.len() <= size;
        entries.truncate(size);
        let next = entries.last().filter(|_| !is_last).and_then(|last| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.append_pair("last", last["digest"].as_str()?);
            if let Some(filter) = self.parameter("artifactType") {
                query.append_pair("artifactType", &filter);
            }
            Some(query.finish())
        });
        let answer = self.link(index(&entries), &format!("/v2/{repository}/referrers/{digest}"), next);
        if filter.is_some() { answer.header("oci-filters-applied", "artifactType") } else { answer }
    }
}

fn index(entries: &[Value]) -> Answer {
    Answer::json_as(INDEX, &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}))
}

/// The descriptor of a manifest, if it refers to `subject`.
fn entry(manifest: &StoredManifest, subject: &str) -> Option<Value> {
    let body: Value = serde_json::from_slice(&manifest.bytes).ok()?;
    if body.pointer("/subject/digest")?.as_str()? != subject {
        return None;
    }
    let mut entry = json!({
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.bytes.len(),
    });
    if let Some(kind) = body.get("artifactType").or_else(|| body.pointer("/config/mediaType")) {
        entry["artifactType"] = kind.clone();
    }
    if let Some(annotations) = body.get("annotations") {
        entry["annotations"] = annotations.clone();
    }
    Some(entry)
}
