//! The JSON Schema of the document.

use serde_json::{Value, json};

use super::inspected::SCHEMA;

/// What `inspect --json` prints.
pub(crate) fn schema() -> Value {
    let digest = json!({ "type": "string", "pattern": "^[a-z0-9+._-]+:[A-Za-z0-9=_-]+$" });
    let (text, number) =
        (json!({ "type": ["string", "null"] }), json!({ "type": ["integer", "null"], "minimum": 0 }));
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let map = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let required = |names: &[&str]| json!(names);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What `image-syncer inspect --json` prints",
        "type": "object",
        "required": ["schema", "reference", "digest", "mediaType", "size", "totalSize", "platforms", "manifests", "layers", "config", "annotations", "referrers"],
        "properties": {
            "schema": { "const": SCHEMA },
            "reference": { "type": "string", "description": "The name that was asked for, with registry and tag." },
            "digest": digest,
            "mediaType": { "type": "string" },
            "artifactType": text,
            "size": { "type": "integer", "minimum": 0, "description": "Bytes of the manifest." },
            "totalSize": { "type": ["integer", "null"], "minimum": 0, "description": "Bytes of all blobs, each once; null where a manifest does not tell the size of one." },
            "created": { "type": ["string", "null"], "description": "When it was built, as it says itself; of an index that does not say it, when its first image was." },
            "platforms": texts,
            "manifests": { "type": "array", "items": { "$ref": "#/$defs/manifest" } },
            "layers": { "type": "array", "items": { "$ref": "#/$defs/blob" }, "description": "Of all manifests, each once." },
            "config": {
                "type": ["object", "null"],
                "required": required(&["digest", "mediaType", "size", "content"]),
                "properties": { "digest": digest, "mediaType": text, "size": number, "content": { "description": "What stands in it, where that is JSON." } },
            },
            "annotations": map,
            "subject": { "type": ["string", "null"], "description": "The digest that it refers to, where it is a signature or the like." },
            "referrers": {
                "type": ["array", "null"],
                "description": "What refers to it; null where the registry could not be asked.",
                "items": {
                    "type": "object",
                    "required": required(&["digest", "artifactType", "size"]),
                    "properties": {
                        "digest": digest, "artifactType": text, "size": number, "annotations": map,
                        "tag": { "type": "string", "description": "Where cosign keeps it under a tag." },
                    },
                },
            },
            "tags": { "type": ["array", "null"], "items": { "type": "string" }, "description": "All tags of this digest; null where --tags was not given, or the registry does not list them." },
        },
        "$defs": {
            "blob": {
                "type": "object",
                "required": required(&["digest", "mediaType", "size"]),
                "properties": { "digest": digest, "mediaType": text, "size": number },
            },
            "manifest": {
                "type": "object",
                "required": required(&["digest", "mediaType", "size", "platform", "isAttestation", "standing", "totalSize", "config", "layers"]),
                "properties": {
                    "digest": digest, "mediaType": text, "size": number,
                    "platform": text, "osVersion": { "type": "string" },
                    "isAttestation": { "type": "boolean" },
                    "standing": { "enum": ["there", "missing", "unread"] },
                    "totalSize": number,
                    "config": { "anyOf": [{ "$ref": "#/$defs/blob" }, { "type": "null" }] },
                    "layers": { "type": "array", "items": { "$ref": "#/$defs/blob" } },
                    "manifests": { "type": "array", "items": { "$ref": "#/$defs/manifest" } },
                },
            },
        },
    })
}
