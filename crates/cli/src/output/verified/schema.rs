//! The JSON Schema of the document.

use serde_json::{Value, json};

use crate::output::json_schema::{document, list, number, numbers, object, text, text_or_null, word};

/// The schema of what `verify --json` prints and `verify --report` writes.
pub(crate) fn schema() -> Value {
    let totals = [
        "whole",
        "different",
        "repaired",
        "notInSample",
        "leftOut",
        "notDone",
        "unlistedRules",
        "blobs",
        "manifests",
        "bytesRead",
        "bytesMoved",
    ];
    let what =
        "Sums over the images, and what was looked at: each manifest and blob once for each repository";
    let failed_rule = [("rule", text_or_null()), ("source", text()), ("why", text())];
    let properties = [
        ("run", text()),
        ("startedAt", text()),
        ("finishedAt", text()),
        ("exitCode", number()),
        ("outcome", word(&["whole", "different"])),
        ("against", word(&["source", "itself"])),
        ("deep", truth()),
        ("repair", truth()),
        ("sample", text_or_null()),
        ("images", list(&image())),
        ("failedRules", list(&object("A rule that gave no images", &failed_rule))),
        ("refusedRules", list(&text())),
        ("totals", object(what, &numbers(&totals))),
    ];
    document("verify", "What `image-syncer verify` found.", &properties)
}

fn image() -> Value {
    let of_what = json!({
        "type": ["string", "null"],
        "description": "What has the problem; of a tag, and of a signature's tag, what it should point at",
    });
    let problem = [
        ("digest", of_what),
        ("kind", word(&["tag", "manifest", "blob", "referrer"])),
        ("state", word(&["missing", "wrong", "unreadable"])),
        ("why", text_or_null()),
    ];
    let properties = [
        ("rule", text_or_null()),
        ("source", text_or_null()),
        ("target", text()),
        ("outcome", word(&["whole", "missing", "different", "incomplete", "unreadable"])),
        ("digest", text_or_null()),
        ("lookedAt", text()),
        ("repaired", truth()),
        ("problems", list(&object("Something that is not as it should be", &problem))),
        ("error", text_or_null()),
    ];
    object("An image that was looked at, after it was repaired where that was asked", &properties)
}

fn truth() -> Value {
    json!({ "type": "boolean" })
}
