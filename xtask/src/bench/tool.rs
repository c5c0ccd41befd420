//! The compared programs, each with the arguments and files for the same copy.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use testkit::corpus::Corpus;

use super::program;

/// A program with its settings.
#[derive(Clone)]
pub(super) struct Tool {
    /// Its name in tables.
    pub(super) name: String,
    pub(super) version: String,
    program: PathBuf,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ours { verb: Option<&'static str>, proc: Option<u32> },
    Skopeo,
    Ocync,
    Regsync { parallel: u32 },
    Crane { jobs: u32 },
    Oras,
    GoImageSyncer,
}

/// The copy to make.
pub(super) struct Way<'a> {
    pub(super) source: &'a str,
    pub(super) target: &'a str,
    pub(super) corpus: &'a Corpus,
    /// The TLS of both sides.
    pub(super) security: Security,
    /// The folder for config files.
    pub(super) folder: &'a Path,
}

/// Whether registries have TLS: then the programs find the authority in their environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    Plain,
    Tls,
}

/// Our tool's name in tables.
pub(super) const OURS: &str = "ours";
/// The peer that every Debian has.
pub(super) const SKOPEO: &str = "skopeo";
pub(super) const CRANE: &str = "crane";
pub(super) const OCYNC: &str = "ocync";

impl Tool {
    pub(super) fn ours(program: &Path) -> Self {
        Self::new(OURS, program, Kind::Ours { verb: None, proc: None }, "--version")
    }

    /// Whether it is ours, with any setting.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.kind, Kind::Ours { .. })
    }

    /// Ours with another number of blobs at once.
    pub(super) fn ours_with(program: &Path, proc: u32) -> Self {
        let kind = Kind::Ours { verb: None, proc: Some(proc) };
        Self { name: format!("{OURS} --proc {proc}"), ..Self::new(OURS, program, kind, "--version") }
    }

    /// Ours, verifying what it has copied.
    pub(super) fn ours_verifying(program: &Path) -> Self {
        Self::new(OURS, program, Kind::Ours { verb: Some("verify"), proc: None }, "--version")
    }

    /// The installed peers, and the names of those that are not; all of them, or only the wanted ones.
    pub(super) fn peers(wanted: Option<&[String]>) -> Result<(Vec<Self>, Vec<String>)> {
        let is_wanted = |name: &str| wanted.is_none_or(|names| names.iter().any(|wanted| wanted == name));
        let on_path = [
            (SKOPEO, Kind::Skopeo, "--version"),
            (OCYNC, Kind::Ocync, "version"),
            ("regsync", Kind::Regsync { parallel: 32 }, "version"),
            (CRANE, Kind::Crane { jobs: 4 }, "version"),
            ("oras", Kind::Oras, "version"),
        ];
        let (mut found, mut not_found) = (Vec::new(), Vec::new());
        for (name, kind, version) in on_path.into_iter().filter(|(name, ..)| is_wanted(name)) {
            match program::find(name) {
                Some(program) => found.push(Self::new(name, &program, kind, version)),
                None => not_found.push(name.to_owned()),
            }
        }
        let name = "image-syncer (Go)";
        if is_wanted(name) {
            match program::find_go_image_syncer() {
                Some(program) => found.push(Self::new(name, &program, Kind::GoImageSyncer, "--version")),
                None => not_found.push(name.to_owned()),
            }
        }
        if wanted.is_some()
            && let [name, ..] = &not_found[..]
        {
            bail!("{name} is not installed: it is neither on PATH nor in ~/go/bin");
        }
        Ok((found, not_found))
    }

    /// Whether it lists whole repositories by itself and compares digests before it copies.
    pub(super) fn compares_digests(&self) -> bool {
        matches!(self.kind, Kind::Ocync | Kind::Regsync { .. })
    }

    /// The command that prints its version.
    pub(super) fn version_words(&self) -> [OsString; 2] {
        let argument = match self.kind {
            Kind::Ours { .. } | Kind::Skopeo | Kind::GoImageSyncer => "--version",
            Kind::Ocync | Kind::Regsync { .. } | Kind::Crane { .. } | Kind::Oras => "version",
        };
        [self.program.clone().into(), argument.into()]
    }

    /// The same with its other setting, for lines on which more parallelism may help.
    pub(super) fn wider(&self) -> Option<Self> {
        let (kind, setting) = match self.kind {
            Kind::Regsync { .. } => (Kind::Regsync { parallel: 128 }, "parallel 128"),
            Kind::Crane { .. } => (Kind::Crane { jobs: 32 }, "jobs 32"),
            Kind::Ours { verb, proc: None } => (Kind::Ours { verb, proc: Some(64) }, "--proc 64"),
            _ => return None,
        };
        let (version, program) = (self.version.clone(), self.program.clone());
        Some(Self { name: format!("{} {setting}", self.name), version, program, kind })
    }

    /// Deletes its caches of other runs outside of its folder.
    pub(super) fn forget(&self) {
        if self.kind == Kind::Skopeo {
            // As root it caches blob information there; without a cache, there is nothing to delete.
            let _ = std::fs::remove_dir_all("/var/lib/containers/cache");
        }
    }

    fn new(name: &str, program: &Path, kind: Kind, version: &str) -> Self {
        let version = program::version(&program.display().to_string(), version);
        Self { name: name.to_owned(), version, program: program.to_owned(), kind }
    }

    /// The command that copies all tags, after writing its files.
    pub(super) fn words(&self, way: &Way<'_>) -> Result<Vec<OsString>> {
        let program = self.program.as_os_str().to_owned();
        let texts: Vec<String> = match self.kind {
            Kind::Ours { verb, proc } => {
                let proc = proc.map(|proc| format!("--proc={proc}"));
                verb.map(str::to_owned).into_iter().chain(way.image_syncer()?).chain(proc).collect()
            }
            Kind::GoImageSyncer => way.image_syncer()?,
            Kind::Skopeo => way.skopeo()?,
            Kind::Ocync => way.ocync()?,
            Kind::Regsync { parallel } => way.regsync(parallel)?,
            Kind::Crane { jobs } => return Ok(way.crane(program, jobs)),
            Kind::Oras => return Ok(way.oras(program)),
        };
        Ok([program].into_iter().chain(texts.into_iter().map(OsString::from)).collect())
    }
}

impl Way<'_> {
    fn write(&self, name: &str, value: &Value) -> Result<()> {
        // JSON is YAML, too.
        Ok(std::fs::write(self.folder.join(name), value.to_string())?)
    }

    /// Each repository at both sides.
    fn pairs(&self) -> impl Iterator<Item = (String, String)> {
        self.corpus.repositories.iter().map(|repository| self.at_both(&repository.name))
    }

    fn at_both(&self, name: &str) -> (String, String) {
        (format!("{}/{name}", self.source), format!("{}/{name}", self.target))
    }

    fn is_plain(&self) -> bool {
        self.security == Security::Plain
    }

    fn image_syncer(&self) -> Result<Vec<String>> {
        let login = if self.is_plain() { json!({"insecure": true}) } else { json!({}) };
        self.write("auth.json", &json!({self.source: login, self.target: login}))?;
        let images: serde_json::Map<String, Value> =
            self.pairs().map(|(source, target)| (source, json!(target))).collect();
        self.write("images.json", &Value::Object(images))?;
        Ok(owned(&["--auth", "auth.json", "--images", "images.json"]))
    }

    fn skopeo(&self) -> Result<Vec<String>> {
        let repositories = self.corpus.repositories.iter();
        let images: serde_json::Map<String, Value> =
            repositories.map(|repository| (repository.name.clone(), json!([]))).collect();
        self.write("sync.yaml", &json!({self.source: {"tls-verify": !self.is_plain(), "images": images}}))?;
        // skopeo keeps only the last part of a repository's name.
        let target = format!("{}/bench", self.target);
        let mut words = owned(&["--insecure-policy", "sync", "--all", "--src", "yaml", "--dest", "docker"]);
        if self.is_plain() {
            words.extend(owned(&["--src-tls-verify=false", "--dest-tls-verify=false"]));
        }
        words.extend(owned(&["sync.yaml", &target]));
        Ok(words)
    }

    fn ocync(&self) -> Result<Vec<String>> {
        let scheme = if self.is_plain() { "http" } else { "https" };
        // With a static token no token is requested; neither registry checks it.
        let registry = |host: &str| json!({"url": format!("{scheme}://{host}"), "auth_type": "static_token", "token": "none"});
        let names = self.corpus.repositories.iter().map(|repository| &repository.name);
        let mappings: Vec<Value> = names.map(|name| json!({"from": name, "to": name})).collect();
        let config = json!({
            // Its cache is for its next run to the same target.
            "global": {"cache_dir": ocync_cache().join(self.target.replace(':', "-"))},
            "registries": {"source": registry(self.source), "target": registry(self.target)},
            // Ours runs without referrers here, too.
            "defaults": {
                "source": "source", "targets": ["target"], "tags": {"glob": "*"}, "artifacts": {"enabled": false},
            },
            "mappings": mappings,
        });
        self.write("ocync.yaml", &config)?;
        Ok(owned(&["sync", "--config", "ocync.yaml"]))
    }

    fn regsync(&self, parallel: u32) -> Result<Vec<String>> {
        let tls = if self.is_plain() { "disabled" } else { "enabled" };
        let login = |host: &str| json!({"registry": host, "tls": tls, "reqConcurrent": parallel});
        let sync: Vec<Value> = self
            .pairs()
            .map(|(source, target)| json!({"source": source, "target": target, "type": "repository"}))
            .collect();
        let config = json!({
            "version": 1, "creds": [login(self.source), login(self.target)],
            "defaults": {"parallel": parallel}, "sync": sync,
        });
        self.write("regsync.yaml", &config)?;
        Ok(owned(&["once", "--config", "regsync.yaml"]))
    }

    /// It copies one repository at a time, so ten processes run at once.
    fn crane(&self, program: OsString, jobs: u32) -> Vec<OsString> {
        let insecure = if self.is_plain() { "--insecure" } else { "" };
        let script = format!(
            r#"crane=$1; shift; printf '%s\n' "$@" | xargs -P 10 -n 2 "$crane" copy {insecure} --all-tags --jobs {jobs}"#
        );
        side_by_side(&script, program, self.pairs())
    }

    /// It copies one tag at a time, so ten processes run at once.
    fn oras(&self, program: OsString) -> Vec<OsString> {
        let plain = if self.is_plain() { "--from-plain-http --to-plain-http" } else { "" };
        let script =
            format!(r#"oras=$1; shift; printf '%s\n' "$@" | xargs -P 10 -n 2 "$oras" copy {plain} --no-tty"#);
        let tags = self.corpus.repositories.iter().flat_map(|repository| {
            let (source, target) = self.at_both(&repository.name);
            repository.tags.keys().map(move |tag| (format!("{source}:{tag}"), format!("{target}:{tag}")))
        });
        side_by_side(&script, program, tags)
    }
}

/// ocync's cache, with a folder for each target.
pub(super) fn ocync_cache() -> PathBuf {
    std::env::temp_dir().join(format!("image-syncer-bench-ocync-{}", std::process::id()))
}

/// A script that gets the program and both sides of each copy.
fn side_by_side(
    script: &str,
    program: OsString,
    pairs: impl Iterator<Item = (String, String)>,
) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["sh", "-c", script, "sh"].map(OsString::from).into();
    words.push(program);
    words.extend(pairs.flat_map(|(source, target)| [source.into(), target.into()]));
    words
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
