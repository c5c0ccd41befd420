//! Compares the schema with the parser: both accept the same texts and know the same keys.

use std::collections::BTreeSet;

use regex::Regex;

use super::*;
use crate::config::config_file::ConfigFile;
use crate::config::document::{Node, Scalar, ScalarKind, Value as Read};
use crate::config::sync_rules;

/// Validates by JSON Schema, as far as our schema uses it; an unknown keyword fails the test.
fn fits(schema: &Value, value: &Value) -> bool {
    schema.as_object().unwrap().iter().all(|(keyword, wanted)| match keyword.as_str() {
        "$schema" | "title" | "description" => true,
        "type" => wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]).iter().any(|kind| {
            match kind.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "null" => value.is_null(),
                "integer" => value.is_i64() || value.is_u64(),
                other => panic!("{other}"),
            }
        }),
        "enum" => wanted.as_array().unwrap().contains(value),
        "anyOf" => wanted.as_array().unwrap().iter().any(|schema| fits(schema, value)),
        "minimum" => value.as_i64().is_none_or(|number| number >= wanted.as_i64().unwrap()),
        "maximum" => value.as_i64().is_none_or(|number| number <= wanted.as_i64().unwrap()),
        "minLength" => value.as_str().is_none_or(|text| text.len() as u64 >= wanted.as_u64().unwrap()),
        "pattern" => {
            value.as_str().is_none_or(|text| Regex::new(wanted.as_str().unwrap()).unwrap().is_match(text))
        }
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= wanted.as_u64().unwrap()),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| fits(wanted, item))),
        "minProperties" => value.as_object().is_none_or(|map| map.len() as u64 >= wanted.as_u64().unwrap()),
        "required" => value.as_object().is_none_or(|map| {
            wanted.as_array().unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|map| {
            map.iter().all(|(key, value)| wanted.get(key).is_none_or(|schema| fits(schema, value)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|map| {
            let known = schema.get("properties");
            let others = map.iter().filter(|(key, _)| known.is_none_or(|known| known.get(key).is_none()));
            others.map(|(_, value)| value).all(|value| wanted.is_object() && fits(wanted, value))
        }),
        other => panic!("the test does not know `{other}`"),
    })
}

fn value(node: &Node) -> Value {
    match &node.value {
        Read::Map(entries) => {
            Value::Object(entries.iter().map(|(key, node)| (key.clone(), value(node))).collect())
        }
        Read::List(items) => items.iter().map(value).collect(),
        Read::Scalar(Scalar { text, kind, .. }) => match kind {
            ScalarKind::Text => text.as_str().into(),
            ScalarKind::Number => serde_json::from_str(text).unwrap(),
            ScalarKind::True => true.into(),
            ScalarKind::False => false.into(),
            ScalarKind::Null => Value::Null,
        },
    }
}

fn file(text: &str) -> ConfigFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.yaml");
    std::fs::write(&path, text).unwrap();
    ConfigFile::read(&path).unwrap()
}

fn find<'a>(file: &'a ConfigFile, wanted: &str) -> Option<&'a Node> {
    let Read::Map(entries) = &file.root.value else { panic!() };
    entries.iter().find(|(key, _)| key == wanted).map(|(_, node)| node)
}

/// The parser's errors for a text; empty if it is valid.
fn told(text: &str) -> String {
    let file = file(text);
    let read = sync_rules::read(&file, find(&file, "defaults"), find(&file, "sync"));
    read.map_or_else(
        |errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        |_| String::new(),
    )
}

#[test]
fn the_example_of_the_contract_fits() {
    let example = include_str!("../../../tests/data/sync_example.yaml");
    assert!(fits(&schema(), &value(&file(example).root)));
    assert_eq!(told(example), "");
}

#[test]
fn what_one_refuses_the_other_refuses() {
    for key in [
        "tagz: {latest: 1}",
        "tags: {lates: 1}",
        "tags: {latest: 0}",
        "tags: {latest: {by: pushed}}",
        "tags: {latest: {count: 1, by: push}}",
        "tags: {include: []}",
        "tags: {include: [v1, [v2]]}",
        "tags: {include: [1.10]}",
        "tags: {exclude: ['']}",
        "tags: {minAge: 7}",
        "tags: {minAge: 7x}",
        "tags: {prereleases: 'yes'}",
        "platforms: [linux]",
        "platforms: {index: sparse}",
        "referrers: {}",
        "referrers: {types: [sbom]}",
        "attestations: dorp",
        "onConflict: true",
        "prune: {maxDelete: 101%}",
        "name: ''",
        "to: []",
        "from: null",
    ] {
        let other = |key: &str| if key.starts_with("to:") { "from: r.io/a" } else { "to: t.io/a" };
        let rest = if key.starts_with("from:") || key.starts_with("to:") {
            other(key).to_owned()
        } else {
            "from: r.io/a\n  to: t.io/a".to_owned()
        };
        let text = format!("sync:\n- {rest}\n  {key}\n");
        assert!(!fits(&schema(), &value(&file(&text).root)) && !told(&text).is_empty(), "{key}");
    }
    for key in [
        "tags: {latest: {count: 2}}",
        "platforms: {only: [linux/amd64]}",
        "referrers: false",
        "prune: {maxDelete: 3}",
    ] {
        let text = format!("sync:\n- from: r.io/a\n  to: t.io/a\n  {key}\n");
        assert!(
            fits(&schema(), &value(&file(&text).root)) && told(&text).is_empty(),
            "{key}: {}",
            told(&text)
        );
    }
}

/// The keys that the schema has for a map of a rule.
fn in_schema(path: &[&str]) -> BTreeSet<String> {
    let mut at = schema()["properties"]["sync"]["items"].clone();
    for key in path {
        at = at["properties"][key].clone();
        // The long form is the last one.
        if let Some(forms) = at.get("anyOf").and_then(Value::as_array) {
            at = forms.last().unwrap().clone();
        }
    }
    at["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn both_know_the_same_keys() {
    for path in [
        &[][..],
        &["repositories"],
        &["tags"],
        &["tags", "latest"],
        &["platforms"],
        &["referrers"],
        &["prune"],
    ] {
        let mut unknown = "{qqqqqqqqqqqqqqqqqqqq: 1}".to_owned();
        for key in path.iter().rev() {
            unknown = format!("{{{key}: {unknown}}}");
        }
        let told = told(&format!("sync: [{unknown}]\n"));
        let known = told.split_once("known are ").unwrap_or_else(|| panic!("{path:?}: {told}")).1;
        let known: BTreeSet<String> = known.lines().next().unwrap().split(", ").map(str::to_owned).collect();
        assert_eq!(known, in_schema(path), "{path:?}");
    }
    let defaults: Vec<_> =
        schema()["properties"]["defaults"]["properties"].as_object().unwrap().keys().cloned().collect();
    let rule = in_schema(&[]);
    let rule: Vec<_> =
        rule.into_iter().filter(|key| !["name", "from", "to"].contains(&key.as_str())).collect();
    assert_eq!(defaults, rule);
}

#[test]
fn each_key_says_what_it_means() {
    fn walk(schema: &Value, path: &str) {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let about = property["description"].as_str().unwrap_or_default();
            assert!(about.ends_with('.') && !about.contains("  "), "{path}.{key}: {about}");
            walk(property, &format!("{path}.{key}"));
        }
        for (key, inner) in schema.as_object().into_iter().flatten().filter(|(_, inner)| inner.is_object()) {
            if key != "properties" {
                walk(inner, path);
            }
        }
    }
    walk(&schema(), "");
}
