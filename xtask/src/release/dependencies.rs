//! The crates in the binary.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::workspace::output;

/// A crate in the binary.
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression.
    pub(crate) licence: String,
    /// The folder of its source.
    pub(crate) folder: PathBuf,
    /// Its archive's SHA-256, as in Cargo.lock.
    pub(crate) checksum: Option<String>,
    /// By `name@version`, sorted.
    pub(crate) needs: Vec<String>,
    /// Whether it is one of the workspace's own.
    pub(crate) is_own: bool,
}

impl Dependency {
    /// `name@version`.
    pub(crate) fn key(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// All of them, by `name@version`.
pub(crate) struct Dependencies(pub(crate) BTreeMap<String, Dependency>);

impl Dependencies {
    /// The crates of a release build by cargo's metadata, without those that only run during the build.
    pub(crate) fn read() -> Result<Self> {
        let metadata = metadata()?;
        let root = metadata["workspace_root"].as_str().context("cargo metadata names no workspace")?;
        let checksums = checksums(&std::fs::read_to_string(Path::new(root).join("Cargo.lock"))?);
        Self::of(&metadata, &checksums).context("cargo metadata has another form than expected")
    }

    fn of(metadata: &Value, checksums: &BTreeMap<String, String>) -> Option<Self> {
        let nodes: BTreeMap<_, _> =
            metadata["resolve"]["nodes"].as_array()?.iter().map(|node| (node["id"].as_str(), node)).collect();
        let packages: BTreeMap<_, _> = metadata["packages"]
            .as_array()?
            .iter()
            .map(|package| (package["id"].as_str(), package))
            .collect();
        let is_root = |package: &&&Value| package["name"] == "image-syncer";
        let root = packages.values().find(is_root)?["id"].as_str();
        let (mut seen, mut waiting) = (BTreeSet::from([root]), vec![root]);
        let mut all = BTreeMap::new();
        while let Some(id) = waiting.pop() {
            let needed: Vec<_> = normal(nodes.get(&id)?).collect();
            waiting.extend(needed.iter().filter(|id| seen.insert(**id)));
            let mut needs = Vec::new();
            for id in needed {
                needs.push(key(packages.get(&id)?)?);
            }
            needs.sort();
            let found = dependency(packages.get(&id)?, needs, checksums)?;
            all.insert(found.key(), found);
        }
        Some(Self(all))
    }
}

fn metadata() -> Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let platform = ["--filter-platform", "x86_64-unknown-linux-gnu"];
    let mut command = Command::new(cargo);
    let text = output(command.args(["metadata", "--format-version", "1", "--locked"]).args(platform))?;
    Ok(serde_json::from_str(&text)?)
}

/// The ids of those dependencies of a crate that end up in the binary.
fn normal(node: &Value) -> impl Iterator<Item = Option<&str>> {
    let needs = node["deps"].as_array().into_iter().flatten();
    needs
        .filter(|need| {
            need["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
        })
        .map(|need| need["pkg"].as_str())
}

fn key(package: &Value) -> Option<String> {
    Some(format!("{}@{}", package["name"].as_str()?, package["version"].as_str()?))
}

fn dependency(
    package: &Value,
    needs: Vec<String>,
    checksums: &BTreeMap<String, String>,
) -> Option<Dependency> {
    let manifest = Path::new(package["manifest_path"].as_str()?);
    Some(Dependency {
        name: package["name"].as_str()?.to_owned(),
        version: package["version"].as_str()?.to_owned(),
        // Old crates use a slash for "or".
        licence: package["license"].as_str().unwrap_or("NOASSERTION").replace('/', " OR "),
        folder: manifest.parent()?.to_owned(),
        checksum: checksums.get(&key(package)?).cloned(),
        needs,
        is_own: package["source"].is_null(),
    })
}

/// Cargo.lock's checksums, by `name@version`.
fn checksums(lock: &str) -> BTreeMap<String, String> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
        Some(line.trim_matches('"').to_owned())
    };
    lock.split("[[package]]")
        .filter_map(|block| {
            let key = format!("{}@{}", field(block, "name")?, field(block, "version")?);
            Some((key, field(block, "checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_builds_or_tests_is_left_out() {
        let all = Dependencies::read().unwrap().0;
        let has = |name: &str| all.keys().any(|key| key.starts_with(&format!("{name}@")));
        assert!(has("image-syncer-sync") && has("tokio") && has("aws-lc-sys"));
        assert!(!has("cc") && !has("proptest") && !has("image-syncer-testkit"));
        let tokio = all.values().find(|one| one.name == "tokio").unwrap();
        assert_eq!((tokio.licence.as_str(), tokio.is_own), ("MIT", false));
        assert!(tokio.checksum.as_ref().is_some_and(|sum| sum.len() == 64));
        assert!(tokio.needs.iter().any(|key| key.starts_with("mio@")));
    }

    #[test]
    fn no_dependency_needs_a_newer_rust_than_we_say() {
        let version =
            |text: &str| text.split('.').map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>();
        let ours = version(env!("CARGO_PKG_RUST_VERSION"));
        let metadata = metadata().unwrap();
        for package in metadata["packages"].as_array().unwrap() {
            let needs = package["rust_version"].as_str().map(version);
            // 1.90.0 and 1.90 are equal.
            let is_newer = needs.as_ref().is_some_and(|needs| needs[..2.min(needs.len())] > ours[..2]);
            assert!(!is_newer, "{} needs Rust {:?}", package["name"], needs);
        }
    }
}
