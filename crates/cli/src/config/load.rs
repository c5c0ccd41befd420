//! Finds and reads the config files. All errors come before anything is asked of any registry.

use std::path::{Path, PathBuf};

use super::auth::{self, Auth, Expansion};
use super::document::{Format, Node, Value};
use super::environment::Lookup;
use super::error::ConfigError;
use super::images::{self, WrittenRule};
use super::{json, unknown_key, yaml};
use crate::args::ConfigArgs;

/// Where the oldest releases looked when no flag said otherwise.
const OLD_DEFAULT: &str = "image-syncer.json";

/// What the files say.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) auth: Auth,
    pub(crate) rules: Vec<WrittenRule>,
    /// The file that the rules stand in, if they were not typed.
    pub(crate) rules_file: Option<PathBuf>,
    pub(crate) warnings: Vec<String>,
}

/// Reads the files that the flags name.
pub(crate) fn load(args: &ConfigArgs, lookup: Lookup<'_>) -> Result<Written, Vec<ConfigError>> {
    let given = |path: &Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
    let mut warnings = Vec::new();
    let old_default = || Some(PathBuf::from(OLD_DEFAULT)).filter(|path| path.exists());
    let (config, auth, images) = (given(&args.config), given(&args.auth), given(&args.images));
    if let Some(config) = &config
        && (auth.is_some() || images.is_some())
    {
        warnings.push(format!(
            "--config is given, so --auth and --images are ignored: only {} is read",
            config.display()
        ));
    }
    match (config, images) {
        (Some(config), _) => load_one(&config, lookup, warnings),
        (None, Some(images)) => load_two(auth.as_deref(), images, lookup, warnings),
        (None, None) => match old_default() {
            Some(config) => load_one(&config, lookup, warnings),
            None => Err(vec![
                ConfigError::new("neither --config nor --images is given")
                    .help("write `image-syncer --config FILE`, or `image-syncer --help` to see how; `image-syncer demo` needs no file"),
            ]),
        },
    }
}

fn load_one(path: &Path, lookup: Lookup<'_>, mut warnings: Vec<String>) -> Result<Written, Vec<ConfigError>> {
    let (format, root) = read_file(path).map_err(|error| vec![error])?;
    let entries = match root.value {
        Value::Map(entries) => entries,
        _ if root.is_null() => Vec::new(),
        _ => {
            let problem = format!("the file holds {}, but must hold `auth` and `images`", root.describe());
            return Err(vec![ConfigError::new(problem).file(path).line(root.line)]);
        }
    };
    let known = ["auth", "images"];
    // A mirror that copies nothing for ever must not look well.
    if let Some((key, node)) = unknown_key::slip_for(format, &entries, &known, "images") {
        let problem = format!("`{key}` means nothing: write `images`");
        return Err(vec![ConfigError::new(problem).file(path).line(node.line)]);
    }
    warnings.extend(unknown_key::warnings(path, format, "the file", &entries, &known));
    let find =
        |name| entries.iter().rfind(|(key, _)| unknown_key::is(format, key, name)).map(|(_, node)| node);
    let auth = find("auth").map(|node| auth::read(path, format, node, Expansion::Literal, lookup));
    let auth = auth.transpose().map_err(|error| vec![error])?.unwrap_or_default();
    let rules = find("images").map(|node| images::read(path, node)).transpose()?.unwrap_or_default();
    Ok(Written { auth, rules, rules_file: Some(path.to_owned()), warnings })
}

/// The logins of a `--config` file alone, whatever its rules are.
pub(crate) fn auth_of(path: &Path, lookup: Lookup<'_>) -> Result<Auth, Vec<ConfigError>> {
    load_one(path, lookup, Vec::new()).map(|written| written.auth)
}

fn load_two(
    auth_path: Option<&Path>,
    images_path: PathBuf,
    lookup: Lookup<'_>,
    mut warnings: Vec<String>,
) -> Result<Written, Vec<ConfigError>> {
    let auth = if let Some(path) = auth_path {
        read_auth(path, lookup)?
    } else {
        warnings.push("--images is given without --auth: registries are asked without a login".to_owned());
        Auth::default()
    };
    let (_, root) = read_file(&images_path).map_err(|error| vec![error])?;
    let rules = images::read(&images_path, &root)?;
    Ok(Written { auth, rules, rules_file: Some(images_path), warnings })
}

/// Rules that were typed, with the logins of an `--auth` file.
pub(crate) fn typed(
    auth_path: Option<&Path>,
    rules: Vec<WrittenRule>,
    lookup: Lookup<'_>,
) -> Result<Written, Vec<ConfigError>> {
    let auth = auth_path.map(|path| read_auth(path, lookup)).transpose()?.unwrap_or_default();
    Ok(Written { auth, rules, rules_file: None, warnings: Vec::new() })
}

fn read_auth(path: &Path, lookup: Lookup<'_>) -> Result<Auth, Vec<ConfigError>> {
    let (format, root) = read_file(path).map_err(|error| vec![error])?;
    auth::read(path, format, &root, Expansion::Expanded, lookup).map_err(|error| vec![error])
}

/// By the file's ending; a file with another ending is JSON if it can be read as such, else YAML.
fn read_file(path: &Path) -> Result<(Format, Node), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let problem = match error.kind() {
            std::io::ErrorKind::NotFound => "the file does not exist".to_owned(),
            _ => format!("the file cannot be read: {error}"),
        };
        ConfigError::new(problem).file(path)
    })?;
    let syntax = |kind, (line, reason): (usize, String)| {
        ConfigError::new(format!("this is not valid {kind}: {reason}")).file(path).line(line)
    };
    let as_json =
        || json::read(&text).map(|node| (Format::Json, node)).map_err(|error| syntax("JSON", error));
    let as_yaml =
        || yaml::read(&text).map(|node| (Format::Yaml, node)).map_err(|error| syntax("YAML", error));
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => as_json(),
        Some("yaml" | "yml") => as_yaml(),
        _ => as_json().or_else(|json_error| as_yaml().map_err(|_| json_error)),
    }
}
