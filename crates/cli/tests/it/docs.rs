//! Checks the documents: config blocks can be read, and the reference agrees with the schema.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use embedded_registry::EmbeddedRegistry;
use embedded_registry::sample::{self, Flavour};
use serde_json::Value;

use crate::book::page;
use crate::process::Workplace;

const BEGIN: &str = "<!-- generated from";
const END: &str = "<!-- end of the generated part -->";

fn document(name: &str) -> PathBuf {
    page::root().join("docs").join(name)
}

/// The texts of all fenced blocks in a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let all = page::blocks(text).into_iter();
    all.filter(|block| block.language == language).map(|block| block.text).collect()
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

/// The source of a recipe, and the expected result.
struct Recipe {
    heading: &'static str,
    source: &'static [(&'static str, &'static [&'static str])],
    target: &'static [&'static str],
}

const RECIPES: [Recipe; 9] = [
    Recipe {
        heading: "Leave some out",
        source: &[
            ("library/app", &["1.0", "1.1-rc1", "1.1-snapshot"]),
            ("library/tmp/x", &["1"]),
            ("library/app-old", &["1"]),
        ],
        target: &["mirror/app:1.0"],
    },
    Recipe {
        heading: "The newest five of each line",
        source: &[(
            "library/app",
            &["1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2-alpine", "latest", "stable"],
        )],
        target: &[
            "mirror/app:1.2",
            "mirror/app:1.3",
            "mirror/app:1.4",
            "mirror/app:1.5",
            "mirror/app:1.6",
            "mirror/app:2-alpine",
            "mirror/app:stable",
        ],
    },
    Recipe {
        heading: "A range, and only some variants",
        source: &[(
            "library/nginx",
            &["1.24", "1.25", "1.26-alpine3.19", "1.26-perl", "2.0", "1.27-rc1", "x"],
        )],
        target: &["mirror/nginx:1.25", "mirror/nginx:1.26-alpine3.19"],
    },
    Recipe { heading: "Not before they are a week old", source: &[("library/app", &["1"])], target: &[] },
    Recipe { heading: "Two of six platforms", source: &[("library/app", &["1"])], target: &["mirror/app:1"] },
    Recipe {
        heading: "Rename by a regular expression",
        source: &[("team/app-v2", &["1"]), ("team/app", &["1"])],
        target: &["mirror/2/app:1"],
    },
    Recipe {
        heading: "Mark what was mirrored",
        source: &[("library/etcd", &["v3", "v4"])],
        target: &["mirror/etcd:v3-mirror", "mirror/etcd:v4-mirror"],
    },
    Recipe {
        heading: "A flat namespace, as in the Personal Edition of ACR",
        source: &[("library/a/b", &["1"])],
        target: &["mirror/library_a_b:1"],
    },
    Recipe {
        heading: "Promote what was tested",
        source: &[("staging/app", &["v1.0.0", "v1.0.0-rc1", "main"])],
        target: &["production/app:v1.0.0"],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn recipes_copy_what_they_say() -> Result<()> {
    let text = std::fs::read_to_string(document("configuration.md"))?;
    let recipes = text.split_once("## Recipes").context("recipes")?.1;
    ensure!(recipes.matches("\n### ").count() == RECIPES.len(), "each recipe is tried");
    for recipe in &RECIPES {
        try_recipe(recipe, recipes).await.context(recipe.heading)?;
    }
    Ok(())
}

async fn try_recipe(recipe: &Recipe, recipes: &str) -> Result<()> {
    let (source, target) =
        (EmbeddedRegistry::builder().start().await?, EmbeddedRegistry::builder().start().await?);
    for (repository, tags) in recipe.source {
        for tag in *tags {
            let layers = [sample::layer(7, 100)];
            sample::image(source.store(), repository, Some(tag), Flavour::Oci, &layers, "amd64");
        }
    }
    let (_, below) = recipes.split_once(&format!("### {}\n", recipe.heading)).context("heading")?;
    let mut config = blocks(below, "yaml")[0].replace("harbor.example.com", &source.host());
    // Where both sides of the recipe are one registry, they are two here.
    config = config.replace("from: registry.example.cn", &format!("from: {}", source.host()));
    for host in ["registry.example.cn", "registry.cn-hangzhou.aliyuncs.com"] {
        config = config.replace(host, &target.host());
    }
    let workplace = Workplace::new()?;
    let [from, to] = [source.host(), target.host()].map(|host| format!("  {host}: {{insecure: true}}\n"));
    workplace.write("c.yaml", &format!("auth:\n{from}{to}{config}"))?;
    let ran = workplace.run("sync --config c.yaml --state s.redb --json")?.expect_code(0)?;
    let report: Value = serde_json::from_str(&ran.stdout)?;
    let mut names: Vec<_> = report["images"].as_array().context("images")?.iter().collect();
    names.retain(|image| image["outcome"] == "copied");
    let below = format!("{}/", target.host());
    let names = names.iter().filter_map(|image| image["target"].as_str()?.strip_prefix(below.as_str()));
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    ensure!(names == recipe.target, "{names:?}\n{}", ran.stderr);
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

/// A row for each key of an object, and of nested objects.
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

/// Resolves a reference inside the schema.
fn followed<'a>(value: &'a Value, schema: &'a Value) -> &'a Value {
    value["$ref"].as_str().and_then(|path| schema.pointer(path.trim_start_matches('#'))).unwrap_or(value)
}

#[test]
fn every_dependency_has_its_reason() -> Result<()> {
    let read = |name: &str| std::fs::read_to_string(page::root().join(name));
    let (manifest, contributing) = (read("Cargo.toml")?, read("CONTRIBUTING.md")?);
    let (_, below) = manifest.split_once("[workspace.dependencies]\n").context("dependencies")?;
    let dependencies = below.lines().take_while(|line| !line.starts_with('['));
    let foreign =
        dependencies.filter(|line| !line.contains("path = ")).filter_map(|line| line.split_once(" = "));
    let rows = contributing.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let told: Vec<_> = rows.flat_map(|(names, _)| names.split([',', ' '])).collect();
    let untold: Vec<_> = foreign.map(|(name, _)| name).filter(|name| !told.contains(name)).collect();
    ensure!(untold.is_empty(), "CONTRIBUTING.md does not say what {untold:?} is for");
    Ok(())
}

#[test]
fn every_flag_is_told_of() -> Result<()> {
    let workplace = Workplace::new()?;
    workplace.run("man --dir .")?.expect_code(0)?;
    let told: String = ["flags.md", "verbs.md"]
        .map(|name| std::fs::read_to_string(document(name)))
        .into_iter()
        .collect::<Result<_, _>>()?;
    let told: BTreeSet<_> = told.split(|char: char| !(char.is_ascii_alphanumeric() || char == '-')).collect();
    let (mut verbs, mut untold) = (0, BTreeSet::new());
    for page in std::fs::read_dir(workplace.path())? {
        let name = page?.file_name().to_string_lossy().into_owned();
        let Some(verb) = name.strip_prefix("image-syncer").and_then(|name| name.strip_suffix(".1")) else {
            continue;
        };
        verbs += 1;
        let help = workplace.run(&format!("{} --help", verb.replace('-', " ")))?.expect_code(0)?.stdout;
        // The description of a flag is indented more.
        let lines = help.lines().filter(|line| line.starts_with("  -") || line.starts_with("      --"));
        let flags =
            lines.filter_map(|line| line.split([' ', ',', '=', '[']).find(|word| word.starts_with("--")));
        untold.extend(
            flags.filter(|flag| !told.contains(flag)).map(|flag| format!("{flag} of image-syncer{verb}")),
        );
    }
    // Every program has these.
    untold.retain(|flag| !flag.starts_with("--help ") && !flag.starts_with("--version "));
    ensure!(
        verbs > 20 && untold.is_empty(),
        "{verbs} verbs; neither docs/flags.md nor docs/verbs.md has {untold:?}"
    );
    Ok(())
}
