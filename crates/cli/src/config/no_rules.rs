//! Errors for files without rules, or with rules in the wrong place. A mirror must not appear healthy while it copies nothing.

use super::config_file::ConfigFile;
use super::document::{Format, Node, Value};
use super::error::ConfigError;
use super::image_text::parse_source;
use super::other_tool::OtherTool;
use super::{odd_character, other_tool, unknown_key};

/// The keys of a `--config` file.
pub(super) const KNOWN: [&str; 4] = ["auth", "images", "defaults", "sync"];

const EXAMPLE: &str =
    r#"write "images": {"SOURCE": "TARGET"}, as in {"quay.io/coreos/etcd:v3.5.0": "r.io/mirror/etcd"}"#;
const INDENT: &str = "begin the line with two blanks, so that the rule is a part of `images`";

/// Errors in the top-level keys of a `--config` file, whether it has rules or not.
pub(super) fn misplaced(file: &ConfigFile, entries: &[(String, Node)]) -> Vec<ConfigError> {
    let unknown =
        entries.iter().filter(|(key, _)| !KNOWN.iter().any(|known| unknown_key::is(file.format, key, known)));
    let has_images = entries.iter().any(|(key, _)| unknown_key::is(file.format, key, "images"));
    let error = |(key, node): &(String, Node)| {
        let odd = odd_character::find(key);
        if let Some(odd) = odd.filter(|odd| key[..odd.offset].trim().is_empty()) {
            let problem =
                format!("the line begins with {}, so it is no part of what stands above", odd.describe());
            return Some(file.error(problem, node.line, key).help(INDENT_ODD));
        }
        (has_images && is_rule(key, node)).then(|| {
            let problem = format!("the rule `{key}` stands beside `images`, not in it");
            file.error(problem, node.line, key).help(INDENT)
        })
    };
    unknown.filter_map(error).collect()
}

/// An unknown key that most likely is a misspelt known key, whose rules would be ignored.
pub(super) fn slip_of_key(file: &ConfigFile, entries: &[(String, Node)]) -> Option<ConfigError> {
    let slip = |wanted: &str| unknown_key::slip_for(file.format, entries, &KNOWN, wanted);
    let has = |key: &str| entries.iter().any(|(name, _)| name == key);
    let is_list = |node: &Node| matches!(node.value, Value::List(_));
    let is_map = |node: &Node| matches!(node.value, Value::Map(_));
    let images = slip("images").map(|found| (found, "images"));
    let sync = slip("sync").filter(|(_, node)| is_list(node)).map(|found| (found, "sync"));
    let defaults = slip("defaults").filter(|(_, node)| has("sync") && is_map(node));
    // Next to `sync`, a misspelt `auth` is an error. Docker's own file uses `auths`.
    let auth = slip("auth").filter(|(_, node)| has("sync") && is_map(node)).map(|found| (found, "auth"));
    let of_case = |wanted: &'static str| {
        let is_it = |(key, _): &&(String, Node)| key != wanted && key.eq_ignore_ascii_case(wanted);
        entries.iter().find(is_it).map(|found| (found, wanted))
    };
    let found = images
        .or(sync)
        .or(defaults.map(|found| (found, "defaults")))
        .or(auth)
        .or_else(|| of_case("sync").filter(|((_, node), _)| is_list(node)))
        .or_else(|| of_case("defaults").filter(|_| has("sync")));
    found.map(|((key, node), wanted)| {
        let error = file.error(format!("`{key}` means nothing: write `{wanted}`"), node.line, key);
        if wanted == "auth" { error.help(LOGINS) } else { error }
    })
}

const LOGINS: &str = "an entry reads `HOST: {username: NAME, passwordEnv: VARIABLE}`; what docker login left is used anyway where `auth` has no login";

const INDENT_ODD: &str = "write ordinary blanks (U+0020) at the beginning of the line";

/// Why a `--config` file has no rules.
pub(super) fn of_config(file: &ConfigFile, entries: &[(String, Node)]) -> ConfigError {
    if let Some(tool) = other_tool::recognise(&file.root) {
        return of_other_tool(file, tool);
    }
    let mut unknown =
        entries.iter().filter(|(key, _)| !KNOWN.iter().any(|known| unknown_key::is(file.format, key, known)));
    let has = |key: &str| entries.iter().any(|(name, _)| unknown_key::is(file.format, name, key));
    if !has("images") && !entries.is_empty() {
        if entries.iter().all(|(key, node)| is_rule(key, node)) {
            return file.whole("this file holds rules alone, but --config wants them in `images`")
                .help("write --images FILE instead of --config FILE (with --auth FILE for the logins), or `images:` above the rules and two blanks before each");
        }
        if entries.iter().all(|(_, node)| is_login(node)) {
            return file
                .whole("this file holds logins alone, but --config wants them in `auth`")
                .help("write --auth FILE for it, with --images FILE for the rules");
        }
    }
    if let Some((key, node)) =
        unknown.find(|(key, node)| key.eq_ignore_ascii_case("images") || holds_rules(node))
    {
        let problem = format!("`{key}` means nothing: the rules must stand in `images`");
        return file.error(problem, node.line, key).help("write `images` instead");
    }
    let found = entries.iter().map(|(key, _)| format!("`{key}`")).take(5).collect::<Vec<_>>();
    let found = if found.is_empty() { String::new() } else { format!(" (it has {})", found.join(", ")) };
    let problem = if has("images") {
        "`images` has no rules".to_owned()
    } else if has("sync") {
        "`sync` has no rules".to_owned()
    } else {
        format!("the file has no rules: `images` is missing{found}")
    };
    file.whole(&problem).help(EXAMPLE)
}

/// The error of an `--images` file as a whole.
pub(super) fn of_images(file: &ConfigFile) -> Option<ConfigError> {
    if let Some(tool) = other_tool::recognise(&file.root) {
        return Some(of_other_tool(file, tool));
    }
    let entries: &[(String, Node)] = match &file.root.value {
        Value::Map(entries) => entries,
        _ if file.root.is_null() => &[],
        _ => return None,
    };
    // --output-failed-images writes `{}` if nothing failed, so that is no error.
    if entries.is_empty() && file.root.is_null() {
        return Some(file.whole("the file has no rules").help(
            r#"write {"SOURCE": "TARGET"}, as in {"quay.io/coreos/etcd:v3.5.0": "r.io/mirror/etcd"}"#,
        ));
    }
    let is_rules = |node: &Node| matches!(&node.value, Value::List(items) if items.iter().any(|item| matches!(item.value, Value::Map(_))));
    let nested = entries.iter().find(|(key, node)| {
        KNOWN.contains(&key.as_str()) && (matches!(node.value, Value::Map(_)) || is_rules(node))
    });
    nested.map(|(key, node)| {
        file.error(format!("an --images file holds the rules alone, without `{key}`"), node.line, key)
            .help("write --config FILE for a file with `auth`, `images` and `sync`, or remove this line and what does not belong to the rules")
    })
}

/// The error of an `--auth` file as a whole.
pub(super) fn of_auth(file: &ConfigFile) -> Option<ConfigError> {
    if let Some(tool) = other_tool::recognise(&file.root) {
        return Some(of_other_tool(file, tool));
    }
    let Value::Map(entries) = &file.root.value else { return None };
    let holds_maps = |node: &Node| matches!(&node.value, Value::Map(inner) if inner.iter().all(|(_, node)| is_login(node) || node.is_null()));
    let nested = entries.iter().find(|(key, node)| {
        unknown_key::is(file.format, key, "images") && matches!(node.value, Value::Map(_))
            || unknown_key::is(file.format, key, "auth") && holds_maps(node)
    });
    nested.map(|(key, node)| {
        file.error(
            format!("an --auth file holds the registries themselves, without `{key}` around them"),
            node.line,
            key,
        )
        .help("remove this line, or write --config FILE for a file with `auth` and `images`")
    })
}

/// Why another program's file is not read, and how to convert it.
pub(super) fn of_other_tool(file: &ConfigFile, tool: OtherTool) -> ConfigError {
    let name = tool.name();
    if tool == OtherTool::DockerLogin {
        return file
            .whole(&format!("this is {name}, which is not read here"))
            .help("leave the flag out: where `auth` has no login, what docker login left is used anyway");
    }
    let error = file.whole(&format!("this is a file for {name}, which is not read here"));
    if tool.is_imported() {
        let next =
            format!("`image-syncer import {}` makes a config of it, and says what changes", file.shown());
        error.help(format!("{next}; or {EXAMPLE}"))
    } else {
        error.help(EXAMPLE)
    }
}

/// Whether an entry could be a rule of `images`.
fn is_rule(key: &str, node: &Node) -> bool {
    let is_target = match &node.value {
        Value::List(items) => items.iter().all(|item| matches!(item.value, Value::Scalar(_))),
        Value::Scalar(_) => true,
        Value::Map(_) => false,
    };
    is_target && key.contains('/') && parse_source(key.trim()).is_ok()
}

/// Whether a value could be the value of `images`.
fn holds_rules(node: &Node) -> bool {
    matches!(&node.value, Value::Map(entries) if entries.iter().any(|(key, node)| is_rule(key, node)))
}

/// Whether a value could be an entry of `auth`.
fn is_login(node: &Node) -> bool {
    let has = |entries: &[(String, Node)]| {
        let keys =
            ["username", "password", "insecure", "usernameEnv", "passwordEnv", "passwordFile", "provider"];
        entries.iter().any(|(key, _)| keys.iter().any(|known| unknown_key::is(Format::Json, key, known)))
    };
    matches!(&node.value, Value::Map(entries) if has(entries))
}
