//! The programs that are compared, each with the words and files by which it is told the same.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use super::program;

/// A program with its settings.
pub(super) struct Tool {
    /// As tables name it.
    pub(super) name: String,
    pub(super) version: String,
    program: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ours { proc: Option<u32> },
    Skopeo,
    Ocync,
    Regsync,
    Crane,
    GoImageSyncer,
}

/// What is to be copied.
pub(super) struct Way<'a> {
    pub(super) source: &'a str,
    pub(super) target: &'a str,
    pub(super) repositories: Vec<&'a str>,
    /// Where config files go.
    pub(super) folder: &'a Path,
}

/// How our tool is named.
pub(super) const OURS: &str = "ours";
/// The measuring stick that every Debian has.
pub(super) const SKOPEO: &str = "skopeo";

impl Tool {
    pub(super) fn ours(program: &Path) -> Self {
        Self::new(OURS, program, Kind::Ours { proc: None }, "--version")
    }

    /// Ours with another number of blobs at once.
    pub(super) fn ours_with(program: &Path, proc: u32) -> Self {
        let kind = Kind::Ours { proc: Some(proc) };
        Self { name: format!("{OURS} --proc {proc}"), ..Self::new(OURS, program, kind, "--version") }
    }

    /// The peers that are installed, and the names of those that are not.
    pub(super) fn peers() -> (Vec<Self>, Vec<String>) {
        let on_path = [
            (SKOPEO, Kind::Skopeo, "--version"),
            ("ocync", Kind::Ocync, "version"),
            ("regsync", Kind::Regsync, "version"),
            ("crane", Kind::Crane, "version"),
        ];
        let (mut found, mut not_found) = (Vec::new(), Vec::new());
        for (name, kind, version) in on_path {
            match program::find(name) {
                Some(program) => found.push(Self::new(name, &program, kind, version)),
                None => not_found.push(name.to_owned()),
            }
        }
        let name = "image-syncer (Go)";
        match program::find_go_image_syncer() {
            Some(program) => found.push(Self::new(name, &program, Kind::GoImageSyncer, "--version")),
            None => not_found.push(name.to_owned()),
        }
        (found, not_found)
    }

    fn new(name: &str, program: &Path, kind: Kind, version: &str) -> Self {
        let version = program::version(&program.display().to_string(), version);
        Self { name: name.to_owned(), version, program: program.to_owned(), kind }
    }

    /// The command that copies all tags, after its files are written.
    pub(super) fn words(&self, way: &Way<'_>) -> Result<Vec<OsString>> {
        let program = self.program.as_os_str().to_owned();
        let texts: Vec<String> = match self.kind {
            Kind::Ours { proc } => {
                let proc = proc.map(|proc| format!("--proc={proc}"));
                way.image_syncer()?.into_iter().chain(proc).collect()
            }
            Kind::GoImageSyncer => way.image_syncer()?,
            Kind::Skopeo => way.skopeo()?,
            Kind::Ocync => way.ocync()?,
            Kind::Regsync => way.regsync()?,
            Kind::Crane => return Ok(way.crane(program)),
        };
        Ok([program].into_iter().chain(texts.into_iter().map(OsString::from)).collect())
    }
}

impl Way<'_> {
    fn write(&self, name: &str, value: &Value) -> Result<()> {
        // JSON is YAML, too.
        Ok(std::fs::write(self.folder.join(name), value.to_string())?)
    }

    fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        let pair = |name: &&str| (format!("{}/{name}", self.source), format!("{}/{name}", self.target));
        self.repositories.iter().map(pair)
    }

    fn image_syncer(&self) -> Result<Vec<String>> {
        let login = json!({"insecure": true});
        self.write("auth.json", &json!({self.source: login, self.target: login}))?;
        let images: serde_json::Map<String, Value> =
            self.pairs().map(|(source, target)| (source, json!(target))).collect();
        self.write("images.json", &Value::Object(images))?;
        Ok(owned(&["--auth", "auth.json", "--images", "images.json"]))
    }

    fn skopeo(&self) -> Result<Vec<String>> {
        let images: serde_json::Map<String, Value> =
            self.repositories.iter().map(|name| ((*name).to_owned(), json!([]))).collect();
        self.write("sync.yaml", &json!({self.source: {"tls-verify": false, "images": images}}))?;
        // Of a repository's name, skopeo keeps the last part.
        let target = format!("{}/bench", self.target);
        let mut words = owned(&["--insecure-policy", "sync", "--all", "--src", "yaml", "--dest", "docker"]);
        words.extend(owned(&["--src-tls-verify=false", "--dest-tls-verify=false", "sync.yaml", &target]));
        Ok(words)
    }

    fn ocync(&self) -> Result<Vec<String>> {
        let registry = |host: &str| json!({"url": format!("http://{host}"), "auth_type": "anonymous"});
        let mappings: Vec<Value> =
            self.repositories.iter().map(|name| json!({"from": name, "to": name})).collect();
        let config = json!({
            "registries": {"source": registry(self.source), "target": registry(self.target)},
            "defaults": {"source": "source", "targets": ["target"], "tags": {"glob": "*"}},
            "mappings": mappings,
        });
        self.write("ocync.yaml", &config)?;
        Ok(owned(&["sync", "--config", "ocync.yaml"]))
    }

    fn regsync(&self) -> Result<Vec<String>> {
        let plain = |host: &str| json!({"registry": host, "tls": "disabled", "reqConcurrent": 16});
        let sync: Vec<Value> = self
            .pairs()
            .map(|(source, target)| json!({"source": source, "target": target, "type": "repository"}))
            .collect();
        let config = json!({
            "version": 1, "creds": [plain(self.source), plain(self.target)],
            "defaults": {"parallel": 8}, "sync": sync,
        });
        self.write("regsync.yaml", &config)?;
        Ok(owned(&["once", "--config", "regsync.yaml"]))
    }

    /// It knows one repository at a time.
    fn crane(&self, program: OsString) -> Vec<OsString> {
        let script = r#"crane=$1; shift; while [ $# -gt 0 ]; do "$crane" copy --insecure --all-tags --jobs 16 "$1" "$2" || exit 1; shift 2; done"#;
        let mut words: Vec<OsString> = ["sh", "-c", script, "sh"].map(OsString::from).into();
        words.push(program);
        words.extend(self.pairs().flat_map(|(source, target)| [source.into(), target.into()]));
        words
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
