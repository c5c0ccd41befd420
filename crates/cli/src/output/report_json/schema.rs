//! The JSON Schema of a report.

use serde_json::{Value, json};

use crate::output::json_schema::{
    document, list, number, numbers, object, selection, text, text_or_null, word,
};

/// The schema of the output of `--report FILE`, `sync --json` and `copy --json`.
pub(crate) fn schema() -> Value {
    let failed_rule = [("rule", text_or_null()), ("source", text()), ("error", error())];
    let unlisted_rule = [("rule", text_or_null()), ("source", text())];
    let left_out = [("source", text()), ("tag", text()), ("reason", text())];
    let properties = [
        ("run", text()),
        ("command", text()),
        ("config", text_or_null()),
        ("startedAt", text()),
        ("finishedAt", text()),
        ("exitCode", number()),
        ("stopped", stopped()),
        ("shard", shard()),
        ("totals", totals_schema()),
        ("rules", list(&rule())),
        ("images", list(&image())),
        ("leftOut", list(&object("A tag that its rule left out for what its name does not tell", &left_out))),
        ("leftOutMore", number_or_null()),
        (
            "failedRules",
            list(&object(
                "A list that failed: of a whole rule, or of one of its repositories while the others gave images",
                &failed_rule,
            )),
        ),
        ("unlistedRules", list(&object("A rule that a stopped run did not list to its end", &unlisted_rule))),
        ("refusedRules", list(&text())),
        ("registries", list(&registry())),
        ("failures", list(&failure_group())),
        ("timeline", list(&point())),
        ("workers", list(&worker())),
        ("parts", list(&part())),
    ];
    document("report", "What a run of image-syncer did.", &properties)
}

pub(in crate::output) fn totals_schema() -> Value {
    let totals = [
        "copied",
        "unchanged",
        "skipped",
        "failed",
        "notDone",
        "wouldCopy",
        "unlistedRules",
        "failedRules",
        "refused",
        "bytesMoved",
        "bytesMounted",
        "bytesPresent",
        "requests",
        "referrers",
        "referrersLeft",
    ];
    object(
        "Sums of the images; `unlistedRules`, `failedRules` and `refused` are beside them: rules that were not listed to their end, lists that failed, and rules or images of a plan that cannot be carried out",
        &numbers(&totals),
    )
}

fn stopped() -> Value {
    let kinds = ["interrupted", "calledOff", "brokenOff", "notBegun"];
    let properties = [("kind", word(&kinds)), ("message", text()), ("hint", text())];
    or_null(&object("Why a run did not go on to its end, and what to do", &properties))
}

fn worker() -> Value {
    object(
        "What a worker of a fleet brought, and what was lost with it: `bytesWithoutResult` are not in `totals`",
        &[
            ("name", text()),
            ("images", number()),
            ("failed", number()),
            ("notDone", number()),
            ("bytesMoved", number()),
            ("timesSilent", number()),
            ("jobsWithoutResult", list(&text())),
            ("bytesWithoutResult", number()),
        ],
    )
}

fn shard() -> Value {
    let properties = [("number", number()), ("of", number()), ("split", text_or_null())];
    let shard = object(
        "Which part of all images this run brought; `split` is equal where shards were split alike",
        &properties,
    );
    json!({ "anyOf": [shard, { "type": "null" }] })
}

fn rule() -> Value {
    let properties = [
        ("name", text_or_null()),
        ("source", text()),
        ("partOf", text_or_null()),
        ("selection", selection()),
    ];
    object(
        "What a rule chose of the tags that its sources listed; of --retry-failed, `partOf` is the name, or else the source, of the rule of which this is a part",
        &properties,
    )
}

pub(in crate::output) fn image() -> Value {
    let outcomes = ["copied", "unchanged", "skipped", "failed", "notDone", "wouldCopy"];
    object(
        "How an image ended at a target",
        &[
            ("rule", text_or_null()),
            ("source", text()),
            ("target", text()),
            ("outcome", word(&outcomes)),
            ("note", text_or_null()),
            ("digest", text_or_null()),
            ("sourceDigest", text_or_null()),
            ("replacedDigest", text_or_null()),
            ("bytesMoved", number()),
            ("bytesMounted", number()),
            ("bytesPresent", number()),
            ("referrers", number()),
            ("referrersLeft", number()),
            ("seconds", json!({ "type": "number" })),
            ("attempts", number()),
            ("worker", text_or_null()),
            ("error", or_null(&error())),
        ],
    )
}

pub(in crate::output) fn error() -> Value {
    object(
        "What went wrong, and what to do",
        &[
            ("kind", text()),
            ("side", text()),
            ("host", text()),
            ("operation", text()),
            ("status", number_or_null()),
            ("code", text_or_null()),
            ("message", text()),
            ("requestId", text_or_null()),
            ("hint", text()),
            ("cause", text()),
        ],
    )
}

fn failure_group() -> Value {
    object(
        "What failed for one reason, the most frequent first",
        &[
            ("kind", text()),
            ("hint", text()),
            ("count", number()),
            ("examples", list(&text())),
            ("cause", text_or_null()),
            ("side", text()),
            ("host", text()),
            ("message", text()),
        ],
    )
}

fn point() -> Value {
    object(
        "What moved and ended since the point before; `seconds` are those since the beginning",
        &[("seconds", json!({ "type": "number" })), ("bytes", number()), ("images", number())],
    )
}

fn part() -> Value {
    object(
        "A run of a report that was put together of several",
        &[
            ("startedAt", text()),
            ("finishedAt", text()),
            ("run", text()),
            ("command", text()),
            ("exitCode", number()),
            ("shard", shard()),
            ("stopped", stopped()),
        ],
    )
}

fn registry() -> Value {
    let limit = [("host", text()), ("requests", text()), ("atOnce", number()), ("tooMuch", number())];
    object(
        "What was asked of a registry, with its token server and storage",
        &[
            ("host", text()),
            ("kind", text()),
            ("requests", number()),
            ("bytesRead", number()),
            ("bytesSent", number()),
            ("waitedSeconds", json!({ "type": "number" })),
            ("warnings", list(&text())),
            ("pullsLeft", number_or_null()),
            ("pullLimit", number_or_null()),
            ("limits", list(&object("How many requests at once it got in the end", &limit))),
        ],
    )
}

pub(in crate::output) fn number_or_null() -> Value {
    json!({ "type": ["integer", "null"], "minimum": 0 })
}

fn or_null(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}
