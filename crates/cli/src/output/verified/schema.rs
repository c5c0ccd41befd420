//! The JSON Schema of the document.

use serde_json::{Value, json};

use crate::output::json_schema::{
    described, document, list, number, numbers, object, selection, text, text_or_null, word,
};

/// The schema of the output of `verify --json` and `verify --report`.
pub(crate) fn schema() -> Value {
    let totals = [
        "whole",
        "different",
        "kept",
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
    let rule =
        [("name", text_or_null()), ("source", text()), ("selection", selection()), ("images", number())];
    let rule = object("How many images of a rule were looked at, and what its registry listed for it", &rule);
    let properties = [
        ("run", text()),
        ("startedAt", text()),
        ("finishedAt", text()),
        ("exitCode", number()),
        ("outcome", word(&["whole", "different", "interrupted", "empty"])),
        ("against", word(&["source", "itself"])),
        ("deep", truth()),
        ("repair", truth()),
        ("sample", text_or_null()),
        ("rules", list(&rule)),
        ("images", list(&image())),
        (
            "failedRules",
            list(&object(
                "A list that failed: of a whole rule, or of one of its repositories while the others gave images",
                &failed_rule,
            )),
        ),
        (
            "refusedRules",
            described(list(&text()), "Rules, or names on the command line, that cannot be carried out"),
        ),
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
    let subjects = json!({
        "type": ["array", "null"],
        "items": text(),
        "description": "Of a broken list of referrers: the images that it is about, as far as they were looked at",
    });
    let properties = [
        ("rule", text_or_null()),
        ("source", text_or_null()),
        ("target", text()),
        ("outcome", word(&["whole", "missing", "different", "kept", "incomplete", "unreadable"])),
        ("digest", text_or_null()),
        ("lookedAt", text()),
        ("repaired", truth()),
        ("problems", list(&object("Something that is not as it should be", &problem))),
        ("error", text_or_null()),
        ("referrersOf", subjects),
    ];
    object("An image that was looked at, after it was repaired where that was asked", &properties)
}

fn truth() -> Value {
    json!({ "type": "boolean" })
}
