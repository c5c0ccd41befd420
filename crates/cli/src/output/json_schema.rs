//! Building blocks for the JSON Schemas of documents.

use serde_json::{Map, Value, json};

/// The schema of a document.
pub(crate) fn document(name: &str, description: &str, properties: &[(&str, Value)]) -> Value {
    let schema = json!({ "const": format!("image-syncer/{name}/1") });
    let properties: Vec<_> = [("schema", schema), ("version", text())]
        .into_iter()
        .chain(properties.iter().map(|(key, schema)| (*key, schema.clone())))
        .collect();
    let mut schema = object(description, &properties);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema
}

/// An object that has all of these keys, and may have others.
pub(crate) fn object(description: &str, properties: &[(&str, Value)]) -> Value {
    let required: Vec<_> = properties.iter().map(|(key, _)| *key).collect();
    let properties: Map<String, Value> =
        properties.iter().map(|(key, schema)| ((*key).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "description": description, "required": required, "properties": properties })
}

/// The object with one optional key.
pub(crate) fn with_optional(mut object: Value, key: &str, schema: Value) -> Value {
    object["properties"][key] = schema;
    object
}

/// The schema with a description.
pub(crate) fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = description.into();
    schema
}

/// The schema or null.
pub(crate) fn or_null(mut schema: Value) -> Value {
    match schema["type"].take() {
        Value::String(one) => {
            schema["type"] = json!([one, "null"]);
            schema
        }
        _ => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

pub(crate) fn flag() -> Value {
    json!({ "type": "boolean" })
}

pub(crate) fn digest() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9+._-]+:[A-Za-z0-9=_-]+$" })
}

/// A map of texts.
pub(crate) fn map() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" } })
}

pub(crate) fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

pub(crate) fn text() -> Value {
    json!({ "type": "string" })
}

pub(crate) fn text_or_null() -> Value {
    json!({ "type": ["string", "null"] })
}

/// A count, or a number of bytes.
pub(crate) fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// One of these words.
pub(crate) fn word(words: &[&str]) -> Value {
    json!({ "enum": words })
}

/// Several numbers.
pub(crate) fn numbers<'a>(keys: &[&'a str]) -> Vec<(&'a str, Value)> {
    keys.iter().map(|key| (*key, number())).collect()
}

/// The selection of a rule.
pub(crate) fn selection() -> Value {
    let counts = [
        "listed",
        "followers",
        "included",
        "versions",
        "excluded",
        "tooYoung",
        "tooOld",
        "older",
        "pinned",
        "selected",
    ];
    object("How many tags each stage left, in all repositories of the rule", &numbers(&counts))
}

/// Why some images or rules failed, grouped.
pub(crate) fn failures() -> Value {
    let group = [("kind", text()), ("hint", text()), ("count", number()), ("examples", list(&text()))];
    list(&object("What failed for one reason, the most frequent first", &group))
}
