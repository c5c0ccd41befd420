//! Finds and reads the config files. All errors are reported before any request.

use std::path::{Path, PathBuf};

use super::auth::{self, Absent, Auth, Expansion};
use super::config_file::ConfigFile;
use super::document::{Node, Value};
use super::environment::Lookup;
use super::error::ConfigError;
use super::file_name::{is_standard_input, shown};
use super::images::{self, WrittenRule};
use super::sync_rules::{self, SyncRule};
use super::{no_rules, other_tool, unknown_key};
use crate::args::{ConfigArgs, DEFAULT_OF_VERBS, given};

/// The default file of the oldest releases.
const OLD_DEFAULT: &str = "image-syncer.json";

/// The content of the files.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) auth: Auth,
    /// The rules of `images`.
    pub(crate) rules: Vec<WrittenRule>,
    /// The rules of `sync`, which run after those of `images`.
    pub(crate) sync: Option<WrittenSync>,
    /// The file of the rules, unless they came from the command line.
    pub(crate) rules_file: Option<PathBuf>,
    pub(crate) warnings: Vec<String>,
    /// Where logins for the rules may be.
    pub(crate) logins: WrittenLogins,
}

/// The rules of `sync`, with their file, for error messages.
#[derive(Clone, Debug)]
pub(crate) struct WrittenSync {
    pub(crate) rules: Vec<SyncRule>,
    pub(crate) file: ConfigFile,
}

/// Where the logins may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrittenLogins {
    /// In `auth`, or in an `--auth` file.
    InFiles,
    /// Only in the files of `docker login`: `--images` without `--auth`.
    Elsewhere,
    /// In the `auth` of a config whose own rules are not all carried out: unused entries cause no warning.
    InAnotherConfig,
}

/// Reads the files of the flags.
pub(crate) fn load(
    args: &ConfigArgs,
    absent: Absent,
    lookup: Lookup<'_>,
) -> Result<Written, Vec<ConfigError>> {
    let mut warnings = Vec::new();
    let old_default = || Some(PathBuf::from(OLD_DEFAULT)).filter(|path| path.exists());
    let [config, auth, images] = [&args.config, &args.auth, &args.images].map(|path| given(path.as_deref()));
    if let Some(config) = config
        && (auth.is_some() || images.is_some())
    {
        warnings.push(ignored(config, "--auth and --images are"));
    }
    match (config, images) {
        (Some(config), _) => load_one(config, (absent, lookup), warnings),
        (None, Some(images)) => load_two(auth, images, (absent, lookup), warnings),
        (None, None) => match old_default() {
            Some(config) => load_one(&config, (absent, lookup), warnings),
            None => Err(vec![no_file(args.verb, auth)]),
        },
    }
}

/// The error for a missing config. It repeats the command with a file, so that a user of a read-only verb does not start a copy.
fn no_file(verb: Option<&str>, auth: Option<&Path>) -> ConfigError {
    let neither = "neither --config nor --images is given";
    let problem = match (verb, auth) {
        (Some(_), None) => {
            format!(
                "{neither}, and `./{DEFAULT_OF_VERBS}`, which is read then, is not there, nor is `./{OLD_DEFAULT}`"
            )
        }
        _ => format!("{neither}, and `./{OLD_DEFAULT}`, which is read then, is not there"),
    };
    let command = verb.map_or_else(|| "image-syncer".to_owned(), |verb| format!("image-syncer {verb}"));
    ConfigError::new(problem).help(format!(
        "write `{command} --config FILE`, or `{command} --help` to see how; `image-syncer demo` needs no file"
    ))
}

fn ignored(config: &Path, flags: &str) -> String {
    format!("--config is given, so {flags} ignored: only {} is read", shown(config))
}

/// What to do if a login's variable or file is missing, and how to look up variables.
type Keepers<'a> = (Absent, Lookup<'a>);

fn load_one(path: &Path, keepers: Keepers<'_>, warnings: Vec<String>) -> Result<Written, Vec<ConfigError>> {
    let file = ConfigFile::read(path).map_err(|error| vec![error])?;
    rules_and_logins(path, file, keepers, warnings)
}

fn rules_and_logins(
    path: &Path,
    file: ConfigFile,
    keepers: Keepers<'_>,
    mut warnings: Vec<String>,
) -> Result<Written, Vec<ConfigError>> {
    let entries = entries(&file)?;
    let misplaced = no_rules::misplaced(&file, entries);
    if !misplaced.is_empty() {
        return Err(misplaced);
    }
    if let Some(slip) = no_rules::slip_of_key(&file, entries) {
        return Err(vec![slip]);
    }
    let rules = match find(&file, entries, "images") {
        Some(node) => images::read(path, node).map_err(|errors| shown_in(&file, errors))?,
        None => Vec::new(),
    };
    let sync = sync_in(&file, entries)?;
    if rules.is_empty() && sync.is_empty() {
        return Err(vec![no_rules::of_config(&file, entries)]);
    }
    let auth = auth_in(&file, entries, keepers)?;
    warnings.extend(file.warnings());
    warnings.extend(unknown_key::warnings(path, file.format, "the file", entries, &no_rules::KNOWN));
    let (logins, rules_file) = (WrittenLogins::InFiles, Some(path.to_owned()));
    let sync = (!sync.is_empty()).then_some(WrittenSync { rules: sync, file });
    Ok(Written { auth, rules, sync, rules_file, warnings, logins })
}

/// The rules of `sync` with their `defaults`. These keys are new: their case matters, and a repeated key is an error.
fn sync_in(file: &ConfigFile, entries: &[(String, Node)]) -> Result<Vec<SyncRule>, Vec<ConfigError>> {
    let find = |wanted: &str| entries.iter().find(|(key, _)| key == wanted).map(|(_, node)| node);
    let (defaults, sync) = (find("defaults"), find("sync"));
    if let (Some(_), Some(tool)) = (sync, other_tool::recognise(&file.root)) {
        return Err(vec![no_rules::of_other_tool(file, tool)]);
    }
    let repeated: Vec<_> =
        [defaults, sync].into_iter().flatten().flat_map(|node| file.repeated_in(node)).collect();
    match sync_rules::read(file, defaults, sync) {
        Ok(rules) if repeated.is_empty() => Ok(rules),
        Ok(_) => Err(repeated),
        Err(errors) => Err(repeated.into_iter().chain(errors).collect()),
    }
}

/// The logins of a `--config` file, ignoring its rules.
pub(crate) fn auth_of(path: &Path, lookup: Lookup<'_>) -> Result<Auth, Vec<ConfigError>> {
    let file = ConfigFile::read(path).map_err(|error| vec![error])?;
    auth_in(&file, entries(&file)?, (Absent::IsError, lookup))
}

/// The keys of a `--config` file.
fn entries(file: &ConfigFile) -> Result<&[(String, Node)], Vec<ConfigError>> {
    match &file.root.value {
        Value::Map(entries) => Ok(entries),
        _ if file.root.is_null() => Ok(&[]),
        _ if let Some(tool) = other_tool::recognise(&file.root) => {
            Err(vec![no_rules::of_other_tool(file, tool)])
        }
        _ => {
            let problem =
                format!("the file holds {}, but must hold `auth` and `images`", file.root.describe());
            Err(vec![file.show(ConfigError::new(problem).file(&file.path).line(file.root.line))])
        }
    }
}

/// The last of repeated keys counts.
fn find<'a>(file: &ConfigFile, entries: &'a [(String, Node)], name: &str) -> Option<&'a Node> {
    entries.iter().rfind(|(key, _)| unknown_key::is(file.format, key, name)).map(|(_, node)| node)
}

fn auth_in(
    file: &ConfigFile,
    entries: &[(String, Node)],
    (absent, lookup): Keepers<'_>,
) -> Result<Auth, Vec<ConfigError>> {
    let Some(node) = find(file, entries, "auth") else { return Ok(Auth::none_in(&file.path)) };
    let read = auth::read(&file.path, file.format, node, Expansion::Literal, absent, lookup);
    // The error does not show the line: the entry's password may be on it.
    read.map_err(|error| vec![error])
}

fn shown_in(file: &ConfigFile, errors: Vec<ConfigError>) -> Vec<ConfigError> {
    errors.into_iter().map(|error| file.show(error)).collect()
}

fn load_two(
    auth_path: Option<&Path>,
    images_path: &Path,
    keepers: Keepers<'_>,
    mut warnings: Vec<String>,
) -> Result<Written, Vec<ConfigError>> {
    if is_standard_input(images_path) && auth_path.is_some_and(is_standard_input) {
        return Err(vec![ConfigError::new("--auth and --images cannot both be read from standard input")]);
    }
    let auth = auth_path.map(|path| read_auth(path, keepers, &mut warnings)).transpose()?;
    let file = ConfigFile::read(images_path).map_err(|error| vec![error])?;
    if let Some(error) = no_rules::of_images(&file) {
        return Err(vec![error]);
    }
    let rules = images::read(images_path, &file.root).map_err(|errors| shown_in(&file, errors))?;
    warnings.extend(file.warnings());
    if rules.is_empty() {
        warnings.push(format!("{} holds no rules: nothing is copied", shown(images_path)));
    }
    let logins = if auth.is_some() { WrittenLogins::InFiles } else { WrittenLogins::Elsewhere };
    let (auth, rules_file) = (auth.unwrap_or_default(), Some(images_path.to_owned()));
    Ok(Written { auth, rules, sync: None, rules_file, warnings, logins })
}

/// Rules alone, such as those that an earlier run reported as failed, and warnings about the file. A file without rules is no error.
pub(crate) fn images(path: &Path) -> Result<(Vec<WrittenRule>, Vec<String>), Vec<ConfigError>> {
    let file = ConfigFile::read(path).map_err(|error| vec![error])?;
    let rules = images::read(path, &file.root).map_err(|errors| shown_in(&file, errors))?;
    Ok((rules, file.warnings()))
}

/// Rules from the command line, with the logins of a config or of an `--auth` file.
pub(crate) fn typed(
    config: Option<&Path>,
    auth_path: Option<&Path>,
    rules: Vec<WrittenRule>,
    lookup: Lookup<'_>,
) -> Result<Written, Vec<ConfigError>> {
    let mut warnings = Vec::new();
    let keepers = (Absent::IsError, lookup);
    if let Some(config) = config {
        warnings.extend(auth_path.map(|_| ignored(config, "--auth is")));
        let file = ConfigFile::read(config).map_err(|error| vec![error])?;
        return logins_beside(&file, rules, keepers, warnings);
    }
    let auth = auth_path.map(|path| read_auth(path, keepers, &mut warnings)).transpose()?.unwrap_or_default();
    let logins = WrittenLogins::InFiles;
    Ok(Written { auth, rules, sync: None, rules_file: None, warnings, logins })
}

/// The logins of a config, and the whole config if its rules can be read. The file is read once.
pub(crate) fn logins_and_all(
    config: &Path,
    auth_path: Option<&Path>,
    lookup: Lookup<'_>,
) -> Result<(Written, Option<Written>), Vec<ConfigError>> {
    let keepers = (Absent::IsError, lookup);
    let warnings = auth_path.map(|_| ignored(config, "--auth is")).into_iter().collect();
    let file = ConfigFile::read(config).map_err(|error| vec![error])?;
    let logins = logins_beside(&file, Vec::new(), keepers, warnings)?;
    Ok((logins, rules_and_logins(config, file, keepers, Vec::new()).ok()))
}

fn logins_beside(
    file: &ConfigFile,
    rules: Vec<WrittenRule>,
    keepers: Keepers<'_>,
    mut warnings: Vec<String>,
) -> Result<Written, Vec<ConfigError>> {
    let auth = auth_in(file, entries(file)?, keepers)?;
    warnings.extend(file.warnings());
    let logins = WrittenLogins::InAnotherConfig;
    Ok(Written { auth, rules, sync: None, rules_file: None, warnings, logins })
}

fn read_auth(
    path: &Path,
    (absent, lookup): Keepers<'_>,
    warnings: &mut Vec<String>,
) -> Result<Auth, Vec<ConfigError>> {
    let file = ConfigFile::read(path).map_err(|error| vec![error])?;
    if let Some(error) = no_rules::of_auth(&file) {
        return Err(vec![error]);
    }
    let auth = auth::read(path, file.format, &file.root, Expansion::Expanded, absent, lookup);
    // The error does not show the line, as in `auth_in`.
    let auth = auth.map_err(|error| vec![error])?;
    warnings.extend(file.warnings());
    Ok(auth)
}
