//! What the documents say is true: blocks of configuration are read, and the reference is what the schema says.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::process::Workplace;

const BEGIN: &str = "<!-- generated from";
const END: &str = "<!-- end of the generated part -->";

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// The texts of all fenced blocks in a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(&fence) {
        rest = &rest[begin + fence.len()..];
        let end = rest.find("\n```").unwrap_or(rest.len());
        found.push(&rest[..end]);
        rest = &rest[end..];
    }
    found
}

#[test]
fn every_block_of_the_configuration_page_is_a_config() -> Result<()> {
    let text = std::fs::read_to_string(document("configuration.md"))?;
    let (configs, mut workplace) = (blocks(&text, "yaml"), Workplace::new()?);
    ensure!(configs.len() >= 10, "{}", configs.len());
    workplace.variable("ACR_PASSWORD", "secret");
    workplace.write("harbor", "secret")?;
    let secret = workplace.path().join("harbor");
    for config in configs {
        let config = config.replace("/run/secrets/harbor", &secret.display().to_string());
        workplace.write("c.yaml", &config)?;
        let ran = workplace.run("expand --config c.yaml")?.expect_code(0).context(config)?;
        ensure!(!ran.stdout.is_empty());
    }
    Ok(())
}

#[test]
fn the_reference_of_keys_is_what_the_schema_says() -> Result<()> {
    let schema = Workplace::new()?.run("schema config")?.expect_code(0)?;
    let schema: Value = serde_json::from_str(&schema.stdout)?;
    let mut table = String::from("\n| key | what stands there |\n|---|---|\n");
    rows(&mut table, "", &schema["properties"]["sync"]["items"], &schema)?;
    table.push_str("\nIn an entry of `auth`:\n\n| key | what stands there |\n|---|---|\n");
    rows(&mut table, "", &schema["properties"]["auth"]["additionalProperties"], &schema)?;
    table.push('\n');
    let path = document("configuration.md");
    let text = std::fs::read_to_string(&path)?;
    let begin = text.find(BEGIN).context("begin")?;
    let begin = begin + text[begin..].find('\n').context("line")? + 1;
    let end = text.find(END).context("end")?;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{}{table}{}", &text[..begin], &text[end..]))?;
    } else {
        ensure!(text[begin..end] == table, "run UPDATE_DOCS=1 cargo test -p image-syncer --test it docs");
    }
    Ok(())
}

/// A row for each key of an object, and of those below it.
fn rows(table: &mut String, above: &str, object: &Value, schema: &Value) -> Result<()> {
    let object = followed(object, schema);
    let Some(properties) = object["properties"].as_object() else { return Ok(()) };
    for (key, value) in properties {
        let value = followed(value, schema);
        let name = format!("{above}{key}");
        let words = value["description"].as_str().unwrap_or_default().replace('|', "\\|");
        writeln!(table, "| `{name}` | {words} |")?;
        let below = format!("{name}.");
        for form in std::iter::once(value).chain(value["anyOf"].as_array().into_iter().flatten()) {
            rows(table, &below, form, schema)?;
        }
    }
    Ok(())
}

/// What a reference inside the schema stands for.
fn followed<'a>(value: &'a Value, schema: &'a Value) -> &'a Value {
    value["$ref"].as_str().and_then(|path| schema.pointer(path.trim_start_matches('#'))).unwrap_or(value)
}
