//! The JSON Schema of a plan.

use serde_json::{Value, json};

use crate::output::json_schema::{
    document, failures, list, number, numbers, object, selection, text, text_or_null, with_optional, word,
};

/// The schema of what `plan --json` prints and `plan --out` writes.
pub(crate) fn schema() -> Value {
    let totals = [
        "create",
        "update",
        "retag",
        "unchanged",
        "conflict",
        "kept",
        "missing",
        "referrers",
        "bytes",
        "bytesMounted",
        "requests",
        "failed",
        "failedRules",
    ];
    let extra = [("target", text()), ("digest", text_or_null()), ("rule", number())];
    let properties = [
        ("createdAt", text()),
        ("configDigest", text_or_null()),
        ("rules", list(&rule())),
        ("steps", list(&step())),
        (
            "checksum",
            json!({ "type": "string", "description": "Of `rules` and `steps`: tells `apply` that they are as they were written" }),
        ),
        ("extra", list(&object("A name that only the target has, where a rule would name it", &extra))),
        (
            "totals",
            object(
                "Sums of the steps; `kept` are those of `conflict` whose rules keep what the target has, `requests` is an estimate; `failed` images and `failedRules`, which are lists that failed and rules that cannot be carried out, have no steps",
                &numbers(&totals),
            ),
        ),
        ("failures", failures()),
        ("refusedRules", list(&text())),
    ];
    let shards = json!({ "type": "integer", "minimum": 1, "description": "For how many shards the steps are divided" });
    let plan = document("plan", "What `image-syncer sync` would do, for `image-syncer apply`.", &properties);
    let partial = json!({ "type": "boolean", "description": "Its run was stopped before it had looked at everything: `apply` refuses it" });
    with_optional(with_optional(plan, "shards", shards), "partial", partial)
}

fn rule() -> Value {
    let properties = [
        ("name", text_or_null()),
        ("source", text()),
        ("targets", list(&text())),
        ("tags", text()),
        ("policy", json!({ "type": "object", "description": "How its images are copied" })),
        ("selection", selection()),
    ];
    let part_of = json!({ "type": "string", "description": "Of --retry-failed: the name, or else the source, of the rule of which this is a part" });
    with_optional(object("A rule of the config", &properties), "partOf", part_of)
}

fn step() -> Value {
    let actions = ["create", "update", "retag", "referrers", "unchanged", "conflict", "missing"];
    let properties = [
        ("rule", json!({ "type": "integer", "minimum": 0, "description": "Its place in `rules`, from 0" })),
        ("source", text()),
        ("target", text()),
        ("sourceDigest", text_or_null()),
        ("targetDigest", text_or_null()),
        ("resultDigest", text_or_null()),
        ("action", word(&actions)),
        ("bytes", number()),
        ("bytesMounted", number()),
        ("referrers", number()),
        ("note", text_or_null()),
    ];
    let step = object("What becomes of an image at a target", &properties);
    let policy = json!({ "type": "object", "description": "Where it is not that of its rule" });
    let shard = json!({ "type": "integer", "minimum": 1, "description": "Which shard carries it out" });
    let wanted = word(&["none", "tagged", "untagged", "all"]);
    let step = with_optional(with_optional(step, "policy", policy), "referrersWanted", wanted);
    with_optional(step, "shard", shard)
}
