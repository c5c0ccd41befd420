//! Files of other programs, which people try as they are.

use super::document::{Node, Value};

/// The keys under which skopeo's registries list their images.
const SKOPEO: [&str; 3] = ["images", "images-by-tag-regex", "images-by-semver"];

/// The program whose file this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtherTool {
    /// `image-syncer import` reads its files.
    Imported(&'static str),
    /// It keeps logins.
    Logins(&'static str),
    /// Nothing here reads its files.
    Foreign(&'static str),
}

/// The program whose file this is; `None` for ours and for what nobody knows.
///
/// regsync's rules stand in `sync`, too, but have `source` and `target` where ours have `from` and `to`.
pub(super) fn recognise(root: &Node) -> Option<OtherTool> {
    use OtherTool::{Foreign, Imported, Logins};

    let fields = map(root)?;
    let get = |key: &str| find(fields, key);
    if let (Some(version), Some(kind)) = (get("apiVersion").and_then(text), get("kind").and_then(text)) {
        return Some(Foreign(of_api(version, kind)));
    }
    let first = |key: &str| get(key).and_then(first_of_list).and_then(map);
    let has = |entry: &[(String, Node)], keys: &[&str]| keys.iter().all(|key| find(entry, key).is_some());
    if first("sync").is_some_and(|entry| has(entry, &["source", "target"]))
        || first("creds").is_some_and(|entry| has(entry, &["registry"]))
    {
        return Some(Imported("regsync"));
    }
    if first("tasks").is_some_and(|entry| has(entry, &["mappings"]) || has(entry, &["source", "target"])) {
        return Some(Imported("dregsy"));
    }
    if get("mappings").is_some_and(is_list) && (get("registries").is_some() || get("target_groups").is_some())
    {
        return Some(Imported("ocync"));
    }
    if get("auths").or(get("credHelpers")).is_some_and(|node| map(node).is_some()) {
        return Some(Logins("docker's login file"));
    }
    if get("services")
        .and_then(map)
        .is_some_and(|services| services.iter().any(|(_, node)| field(node, "image")))
    {
        return Some(Foreign("docker compose"));
    }
    let is_of_skopeo = |(_, node): &(String, Node)| SKOPEO.iter().any(|key| field(node, key));
    (find(fields, "auth").is_none() && fields.iter().any(is_of_skopeo)).then_some(Imported("skopeo sync"))
}

fn of_api(version: &str, kind: &str) -> &'static str {
    if version.starts_with("mirror.openshift.io/") || kind == "ImageSetConfiguration" {
        "oc-mirror"
    } else if version.starts_with("content.hauler.") {
        "hauler"
    } else {
        "Kubernetes"
    }
}

fn map(node: &Node) -> Option<&[(String, Node)]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        _ => None,
    }
}

fn find<'a>(fields: &'a [(String, Node)], key: &str) -> Option<&'a Node> {
    fields.iter().find(|(name, _)| name == key).map(|(_, node)| node)
}

fn field(node: &Node, key: &str) -> bool {
    map(node).is_some_and(|fields| find(fields, key).is_some())
}

fn first_of_list(node: &Node) -> Option<&Node> {
    match &node.value {
        Value::List(items) => items.first(),
        _ => None,
    }
}

fn is_list(node: &Node) -> bool {
    matches!(node.value, Value::List(_))
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml;

    #[test]
    fn c4_files_of_other_programs_are_recognised() {
        for (text, tool) in [
            (
                "version: 1\ncreds:\n- {registry: r.io, user: u}\nsync:\n- {source: a, target: b, type: image}\n",
                Some("regsync"),
            ),
            ("quay.io:\n  tls-verify: true\n  images: {coreos/etcd: [v1]}\n", Some("skopeo sync")),
            ("quay.io:\n  images-by-tag-regex: {a/b: ^v}\n", Some("skopeo sync")),
            (
                "relay: skopeo\ntasks:\n- name: a\n  source: {registry: a}\n  target: {registry: b}\n",
                Some("dregsy"),
            ),
            ("registries: {hub: {url: docker.io}}\nmappings:\n- {from: a, to: b}\n", Some("ocync")),
            ("apiVersion: mirror.openshift.io/v2alpha1\nkind: ImageSetConfiguration\n", Some("oc-mirror")),
            (
                "apiVersion: content.hauler.cattle.io/v1\nkind: Images\nspec: {images: [{name: a}]}\n",
                Some("hauler"),
            ),
            ("apiVersion: v1\nkind: Secret\n", Some("Kubernetes")),
            ("{\"auths\": {\"r.io\": {\"auth\": \"x\"}}}", Some("docker's login file")),
            ("services: {a: {image: nginx}}\n", Some("docker compose")),
            ("auth: {r.io: {username: u}}\nimages: {a/b: c/d}\n", None),
            ("a/b: c/d\n", None),
            ("sync:\n- {from: a, to: b}\n", None),
            ("null", None),
        ] {
            let found = recognise(&yaml::read(text).unwrap().root).map(|found| match found {
                OtherTool::Imported(name) | OtherTool::Logins(name) | OtherTool::Foreign(name) => name,
            });
            assert_eq!(found, tool, "{text}");
        }
    }
}
