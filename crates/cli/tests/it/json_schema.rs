//! Validates a document by its JSON Schema, with the keywords that our schemas use.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// Fails if the document violates the schema, or has a key that the schema does not know.
pub(crate) fn conforms(schema: &Value, value: &Value) -> Result<()> {
    at("", schema, value)
}

fn at(place: &str, schema: &Value, value: &Value) -> Result<()> {
    let told = || format!("{place} is {value}, but must be {schema}");
    if let Some(forms) = schema["anyOf"].as_array() {
        ensure!(forms.iter().any(|form| at(place, form, value).is_ok()), "{}", told());
    }
    if let Some(forms) = schema["oneOf"].as_array() {
        let found: Vec<_> = forms.iter().map(|form| at(place, form, value)).collect();
        let number = found.iter().filter(|found| found.is_ok()).count();
        ensure!(number == 1, "{number} forms of {place} fit {value}: {found:?}");
    }
    if let Some(wanted) = schema.get("const") {
        ensure!(value == wanted, "{}", told());
    }
    if let Some(words) = schema["enum"].as_array() {
        ensure!(words.contains(value), "{}", told());
    }
    if let Some(kinds) = schema.get("type") {
        let kinds = kinds.as_array().cloned().unwrap_or_else(|| vec![kinds.clone()]);
        ensure!(kinds.iter().any(|kind| is(kind, value)), "{}", told());
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64()) {
        ensure!(number >= least, "{}", told());
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        at(&format!("{place}[{index}]"), &schema["items"], item)?;
    }
    let (Some(entries), Some(properties)) = (value.as_object(), schema["properties"].as_object()) else {
        return Ok(());
    };
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        ensure!(entries.contains_key(key), "{place} has no {key}: {value:#}");
    }
    for (key, value) in entries {
        let Some(schema) = properties.get(key) else { bail!("the schema does not know {place}.{key}") };
        at(&format!("{place}.{key}"), schema, value).with_context(|| key.clone())?;
    }
    Ok(())
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        _ => false,
    }
}

#[test]
fn what_a_schema_forbids_does_not_conform() -> Result<()> {
    let schema = serde_json::json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "integer", "minimum": 0},
        "b": {"type": "array", "items": {"enum": ["x", "y"]}},
        "c": {"anyOf": [{"const": 1}, {"type": "null"}]},
        "d": {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 5}]},
    }});
    let check = |text: &str| conforms(&schema, &serde_json::from_str(text).unwrap_or_default());
    check(r#"{"a": 1, "b": ["x", "y"], "c": null, "d": 4}"#)?;
    for wrong in [
        "[]",
        "{}",
        r#"{"a": -1}"#,
        r#"{"a": 1.5}"#,
        r#"{"a": 1, "b": ["z"]}"#,
        r#"{"a": 1, "c": 2}"#,
        r#"{"a": 1, "d": "x"}"#,
        r#"{"a": 1, "d": 6}"#,
        r#"{"a": 1, "e": 1}"#,
    ] {
        ensure!(check(wrong).is_err(), "{wrong}");
    }
    Ok(())
}
