//! The JSON Schema of a config file, for editors: made from the tables and types of the parser.

use serde_json::{Value, json};

use super::sync_rules::{Policies, Setting as _, rule_schema};
use super::{auth, images};

/// The schema of a `--config` file.
pub(crate) fn schema() -> Value {
    let mut defaults = Policies::schema();
    defaults["type"] = json!(["object", "null"]);
    defaults["description"] = "What holds for each rule of `sync` that does not have the key itself.".into();
    let sync = "Rules that say all there is to say; they are carried out after those of `images`.";
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A config file of image-syncer",
        "type": "object",
        "properties": {
            "auth": auth::schema(),
            "images": images::schema(),
            "defaults": defaults,
            "sync": { "type": ["array", "null"], "description": sync, "items": rule_schema() },
        },
    })
}

#[cfg(test)]
mod tests;
