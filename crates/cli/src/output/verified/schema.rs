//! The JSON Schema of the document.

use serde_json::{Value, json};

/// The schema of what `verify --json` prints and `verify --report` writes.
pub(crate) fn schema() -> Value {
    let text = || json!({ "type": "string" });
    let text_or_null = || json!({ "type": ["string", "null"] });
    let number = || json!({ "type": "integer", "minimum": 0 });
    let truth = || json!({ "type": "boolean" });
    let mut schema = object(
        "What `image-syncer verify` found.",
        &[
            ("schema", json!({ "enum": ["image-syncer/verify/1"] })),
            ("version", text()),
            ("run", text()),
            ("startedAt", text()),
            ("finishedAt", text()),
            ("exitCode", number()),
            ("outcome", json!({ "enum": ["whole", "different"] })),
            ("against", json!({ "enum": ["source", "itself"] })),
            ("deep", truth()),
            ("repair", truth()),
            ("sample", text_or_null()),
            ("images", json!({ "type": "array", "items": image() })),
            ("failedRules", json!({ "type": "array", "items": failed_rule() })),
            ("refusedRules", json!({ "type": "array", "items": text() })),
            (
                "totals",
                object(
                    "Sums over the images, and what was looked at: each manifest and blob once for each repository",
                    &[
                        ("whole", number()),
                        ("different", number()),
                        ("repaired", number()),
                        ("notInSample", number()),
                        ("leftOut", number()),
                        ("notDone", number()),
                        ("unlistedRules", number()),
                        ("blobs", number()),
                        ("manifests", number()),
                        ("bytesRead", number()),
                        ("bytesMoved", number()),
                    ],
                ),
            ),
        ],
    );
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema
}

fn image() -> Value {
    let text_or_null = || json!({ "type": ["string", "null"] });
    let problem = object(
        "Something that is not as it should be",
        &[
            ("digest", text_or_null()),
            ("kind", json!({ "enum": ["tag", "manifest", "blob", "referrer"] })),
            ("state", json!({ "enum": ["missing", "wrong", "unreadable"] })),
            ("why", text_or_null()),
        ],
    );
    object(
        "An image that was looked at, after it was repaired where that was asked",
        &[
            ("rule", text_or_null()),
            ("source", text_or_null()),
            ("target", json!({ "type": "string" })),
            ("outcome", json!({ "enum": ["whole", "missing", "different", "incomplete", "unreadable"] })),
            ("digest", text_or_null()),
            ("lookedAt", json!({ "type": "string" })),
            ("repaired", json!({ "type": "boolean" })),
            ("problems", json!({ "type": "array", "items": problem })),
            ("error", text_or_null()),
        ],
    )
}

fn failed_rule() -> Value {
    let text = || json!({ "type": "string" });
    object(
        "A rule that gave no images",
        &[("rule", json!({ "type": ["string", "null"] })), ("source", text()), ("why", text())],
    )
}

/// An object that always has all of these keys, and may get others.
fn object(description: &str, properties: &[(&str, Value)]) -> Value {
    let required: Vec<_> = properties.iter().map(|(key, _)| *key).collect();
    let properties: serde_json::Map<String, Value> =
        properties.iter().map(|(key, schema)| ((*key).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "description": description, "required": required, "properties": properties })
}
