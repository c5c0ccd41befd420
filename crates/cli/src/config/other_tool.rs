//! Config files of other programs, which users pass unchanged.

use super::document::{Node, Value};

/// The keys for images in skopeo's registries.
const SKOPEO: [&str; 3] = ["images", "images-by-tag-regex", "images-by-semver"];

/// A program whose config users may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OtherTool {
    Regsync,
    Skopeo,
    Dregsy,
    Ocync,
    /// Its replication policies, in its API's form.
    Harbor,
    OcMirror,
    Hauler,
    Kubernetes,
    DockerLogin,
    DockerCompose,
}

impl OtherTool {
    /// The program, with the purpose of the file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Regsync => "regsync",
            Self::Skopeo => "skopeo sync",
            Self::Dregsy => "dregsy",
            Self::Ocync => "ocync",
            Self::Harbor => "Harbor's replication",
            Self::OcMirror => "oc-mirror",
            Self::Hauler => "hauler",
            Self::Kubernetes => "Kubernetes",
            Self::DockerLogin => "docker's login file",
            Self::DockerCompose => "docker compose",
        }
    }

    /// Whether `image-syncer import` converts it.
    pub(super) fn is_imported(self) -> bool {
        matches!(self, Self::Regsync | Self::Skopeo | Self::Dregsy | Self::Ocync | Self::Harbor)
    }
}

/// The program that the file belongs to; `None` for our own files and unknown ones.
///
/// regsync's rules are in `sync`, too, but have `source` and `target` instead of `from` and `to`. A user who confuses only these keys means
/// a rule of ours: regsync's files have a `version`, and its rules a `type`.
pub(crate) fn recognise(root: &Node) -> Option<OtherTool> {
    if let Value::List(policies) = &root.value {
        return policies.first().filter(|policy| is_policy(policy)).map(|_| OtherTool::Harbor);
    }
    if is_policy(root) {
        return Some(OtherTool::Harbor);
    }
    let fields = map(root)?;
    let get = |key: &str| find(fields, key);
    if let (Some(version), Some(kind)) = (get("apiVersion").and_then(text), get("kind").and_then(text)) {
        return Some(of_api(version, kind));
    }
    let first = |key: &str| get(key).and_then(first_of_list).and_then(map);
    let has = |entry: &[(String, Node)], keys: &[&str]| keys.iter().all(|key| find(entry, key).is_some());
    let is_of_regsync = |entry: &[(String, Node)]| {
        has(entry, &["source", "target"]) && (has(entry, &["type"]) || get("version").is_some())
    };
    if first("sync").is_some_and(is_of_regsync)
        || first("creds").is_some_and(|entry| has(entry, &["registry"]))
    {
        return Some(OtherTool::Regsync);
    }
    if first("tasks").is_some_and(|entry| has(entry, &["mappings"]) || has(entry, &["source", "target"])) {
        return Some(OtherTool::Dregsy);
    }
    if get("mappings").is_some_and(is_list) && (get("registries").is_some() || get("target_groups").is_some())
    {
        return Some(OtherTool::Ocync);
    }
    if get("auths").or(get("credHelpers")).is_some_and(|node| map(node).is_some()) {
        return Some(OtherTool::DockerLogin);
    }
    if get("services")
        .and_then(map)
        .is_some_and(|services| services.iter().any(|(_, node)| field(node, "image")))
    {
        return Some(OtherTool::DockerCompose);
    }
    let is_of_skopeo = |(_, node): &(String, Node)| SKOPEO.iter().any(|key| field(node, key));
    (find(fields, "auth").is_none() && fields.iter().any(is_of_skopeo)).then_some(OtherTool::Skopeo)
}

/// Whether it is a replication policy of Harbor.
fn is_policy(node: &Node) -> bool {
    ["src_registry", "dest_registry", "dest_namespace"].iter().any(|key| field(node, key))
        && field(node, "name")
}

fn of_api(version: &str, kind: &str) -> OtherTool {
    if version.starts_with("mirror.openshift.io/") || kind == "ImageSetConfiguration" {
        OtherTool::OcMirror
    } else if version.starts_with("content.hauler.") {
        OtherTool::Hauler
    } else {
        OtherTool::Kubernetes
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
                Some(OtherTool::Regsync),
            ),
            ("quay.io:\n  tls-verify: true\n  images: {coreos/etcd: [v1]}\n", Some(OtherTool::Skopeo)),
            ("quay.io:\n  images-by-tag-regex: {a/b: ^v}\n", Some(OtherTool::Skopeo)),
            (
                "relay: skopeo\ntasks:\n- name: a\n  source: {registry: a}\n  target: {registry: b}\n",
                Some(OtherTool::Dregsy),
            ),
            ("registries: {hub: {url: docker.io}}\nmappings:\n- {from: a, to: b}\n", Some(OtherTool::Ocync)),
            (
                "apiVersion: mirror.openshift.io/v2alpha1\nkind: ImageSetConfiguration\n",
                Some(OtherTool::OcMirror),
            ),
            (
                "apiVersion: content.hauler.cattle.io/v1\nkind: Images\nspec: {images: [{name: a}]}\n",
                Some(OtherTool::Hauler),
            ),
            ("apiVersion: v1\nkind: Secret\n", Some(OtherTool::Kubernetes)),
            ("{\"auths\": {\"r.io\": {\"auth\": \"x\"}}}", Some(OtherTool::DockerLogin)),
            ("services: {a: {image: nginx}}\n", Some(OtherTool::DockerCompose)),
            (
                "[{\"name\": \"a\", \"src_registry\": null, \"dest_registry\": {\"id\": 1}}]",
                Some(OtherTool::Harbor),
            ),
            ("{\"name\": \"a\", \"dest_namespace\": \"b\"}", Some(OtherTool::Harbor)),
            ("[]", None),
            ("auth: {r.io: {username: u}}\nimages: {a/b: c/d}\n", None),
            ("a/b: c/d\n", None),
            ("sync:\n- {from: a, to: b}\n", None),
            ("auth: {r.io: {username: u}}\nsync:\n- {source: a, target: b}\n", None),
            ("version: 1\nsync:\n- {source: a, target: b}\n", Some(OtherTool::Regsync)),
            ("null", None),
        ] {
            assert_eq!(recognise(&yaml::read(text).unwrap().root), tool, "{text}");
        }
    }
}
