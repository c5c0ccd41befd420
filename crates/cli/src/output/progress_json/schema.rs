//! The JSON Schema of a line.

use serde_json::{Value, json};

use crate::output::json_schema::{
    failures, list, number, numbers, object, text, text_or_null, with_optional,
};
use crate::output::report_json::{error, image, number_or_null, totals_schema};

/// The schema of each line that `--progress json` writes to stderr.
pub(crate) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "image-syncer/progress/1",
        "description": "A line that `--progress json` writes to stderr: `type` says what it tells.",
        "oneOf": [status(), of_image(), of_error(), warning(), note(), summary()],
    })
}

/// A line of this type, with the fields that every line has.
fn line(kind: &str, description: &str, properties: &[(&str, Value)]) -> Value {
    let all = [("type", json!({ "const": kind })), ("time", text())];
    let all: Vec<_> =
        all.into_iter().chain(properties.iter().map(|(key, schema)| (*key, schema.clone()))).collect();
    object(description, &all)
}

fn status() -> Value {
    let in_work = [
        ("source", text()),
        ("target", text()),
        ("seconds", number()),
        ("bytesDone", number()),
        ("bytesTotal", number_or_null()),
    ];
    let mut properties =
        numbers(&["secondsElapsed", "bytesDone", "bytesTotal", "imagesDone", "imagesTotal", "imagesFailed"]);
    properties.extend([
        ("secondsRemaining", number_or_null()),
        ("bytesPerSecond", number_or_null()),
        ("listing", json!({ "type": "boolean" })),
    ]);
    let status = line(
        "status",
        "How far the run is, at most once a second: totals are those that are known so far, and while `listing` is true, more images may come. What is sent again counts once in `bytesDone`, which becomes less where a target did not keep what it got",
        &properties,
    );
    let status =
        with_optional(status, "inWork", list(&object("An image in work, where SIGUSR1 asked", &in_work)));
    with_optional(status, "fleet", fleet())
}

/// For a run with workers.
fn fleet() -> Value {
    let worker = [("name", text()), ("silent", json!({ "type": "boolean" })), ("jobs", list(&text()))];
    let mut properties = numbers(&["jobsWaiting", "jobsInWork", "jobsDone"]);
    properties.push(("workers", list(&object("A worker, and what it is at", &worker))));
    object("Jobs and workers of a run by `--fleet`, where SIGUSR1 asked", &properties)
}

/// An image, as in reports.
fn of_image() -> Value {
    let image = image();
    let properties = image["properties"].as_object().into_iter().flatten();
    let properties: Vec<_> = properties.map(|(key, schema)| (key.as_str(), schema.clone())).collect();
    line("image", "How an image ended at a target", &properties)
}

fn of_error() -> Value {
    let with_parts = [
        ("message", text()),
        ("rule", text_or_null()),
        ("source", text()),
        ("target", text_or_null()),
        ("secondsUntilRetry", json!({ "type": ["number", "null"], "minimum": 0 })),
        ("error", error()),
    ];
    // An error without an image or a rule has only a message.
    let mut said = line("error", "What failed, or will be tried again", &[("message", text())]);
    for (key, schema) in with_parts.into_iter().skip(1) {
        said = with_optional(said, key, schema);
    }
    said
}

fn warning() -> Value {
    line("warning", "What is odd, and no failure", &[("message", text())])
}

fn note() -> Value {
    line("note", "What is neither odd nor a failure", &[("message", text())])
}

fn summary() -> Value {
    let properties = [
        ("schema", json!({ "const": "image-syncer/progress/1" })),
        ("run", text()),
        ("command", text()),
        ("exitCode", number()),
        ("secondsElapsed", json!({ "type": "number" })),
        ("totals", totals_schema()),
        ("failures", failures()),
    ];
    line("summary", "What the run did: the last line", &properties)
}
