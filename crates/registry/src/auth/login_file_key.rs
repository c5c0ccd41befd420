//! Keys of login files: hosts, URLs, and Docker Hub by each of its names, brought into the form of image names.
//! Source: containers-auth.json(5).

use std::collections::HashMap;

use oci::RegistryHost;

/// The server name of Docker Hub in Docker's helpers.
const DOCKER_HUB_SERVER: &str = "https://index.docker.io/v1/";

/// A key in the form of image names. Docker writes keys as URLs, and Docker Hub by an old name.
///
/// `/v1/` and `/v2/` of a URL are the protocol's. Without a scheme a key is a name, in which `v1` is a namespace.
pub(super) fn normal_key(key: &str) -> String {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    let (is_url, bare) = (bare.is_some(), bare.unwrap_or(key).trim_end_matches('/'));
    let (host, path) = bare.split_once('/').map_or((bare, None), |(host, path)| (host, Some(path)));
    let host = host.to_ascii_lowercase();
    let host = match host.strip_suffix(":443").unwrap_or(&host) {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" | "hub.docker.com" => {
            RegistryHost::DOCKER_HUB
        }
        other => other,
    };
    // Docker Hub has no namespace `v1` or `v2`.
    let is_protocol = is_url || host == RegistryHost::DOCKER_HUB;
    match path.filter(|path| !(is_protocol && matches!(*path, "v1" | "v2"))) {
        Some(path) => format!("{host}/{path}"),
        None => host.to_owned(),
    }
}

/// The helpers' name for a key's server: a registry, or a part of one.
pub(super) fn server_name(normal_key: &str) -> &str {
    if normal_key == RegistryHost::DOCKER_HUB { DOCKER_HUB_SERVER } else { normal_key }
}

/// The entries of a file by the normal forms of their keys: a file is read once, and searched for each image.
#[derive(Clone, Debug)]
pub(super) struct ByKey<T>(HashMap<String, (String, T)>);

impl<T> Default for ByKey<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> From<HashMap<String, T>> for ByKey<T> {
    /// Of keys for the same place, the last one in the alphabet counts.
    fn from(written: HashMap<String, T>) -> Self {
        let mut entries: Vec<_> = written.into_iter().collect();
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self(entries.into_iter().map(|(key, value)| (normal_key(&key), (key, value))).collect())
    }
}

impl<T> ByKey<T> {
    /// The entry with the longest key that is a whole-component prefix of an image's `name`: the key's normal form, the
    /// key as it was written, and its value.
    pub(super) fn longest(&self, name: &str) -> Option<(&str, &str, &T)> {
        let mut prefixes =
            std::iter::successors(Some(name), |name| name.rsplit_once('/').map(|(front, _)| front));
        prefixes.find_map(|prefix| {
            let (normal, (written, value)) = self.0.get_key_value(prefix)?;
            Some((normal.as_str(), written.as_str(), value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p19_a_path_in_a_key_is_no_other_path() {
        for (key, expected) in [
            ("host.io/team/v2", "host.io/team/v2"),
            ("host.io/team/v2/", "host.io/team/v2"),
            ("https://host.io/team/v1", "host.io/team/v1"),
            ("host.io/v1", "host.io/v1"),
            ("host.io/v1/v1", "host.io/v1/v1"),
            ("https://host.io/v1", "host.io"),
            ("http://host.io/v2/", "host.io"),
            ("index.docker.io/v1/", "docker.io"),
        ] {
            assert_eq!(normal_key(key), expected, "{key}");
        }
    }

    #[test]
    fn the_longest_key_is_found_whatever_form_it_has() {
        let keys = [
            "https://Harbor.io/v2/",
            "harbor.io/team",
            "harbor.io/te",
            "docker.io",
            "https://index.docker.io/v1/",
        ];
        let keys = ByKey::from(HashMap::from(keys.map(|key| (key.to_owned(), key.len()))));
        let found = |name: &str| keys.longest(name).map(|(normal, written, _)| format!("{normal} {written}"));
        assert_eq!(found("harbor.io/team/a/app").unwrap(), "harbor.io/team harbor.io/team");
        assert_eq!(found("harbor.io/teams/app").unwrap(), "harbor.io https://Harbor.io/v2/");
        assert_eq!(found("docker.io/library/app").unwrap(), "docker.io https://index.docker.io/v1/");
        assert_eq!(found("quay.io/app"), None);
    }

    #[test]
    fn c80_keys_of_every_age() {
        for key in [
            "docker.io",
            "index.docker.io",
            "https://index.docker.io/v1/",
            "https://index.docker.io/v1",
            "http://registry-1.docker.io/v2/",
            "https://registry.hub.docker.com",
            "https://hub.docker.com/",
        ] {
            assert_eq!(normal_key(key), "docker.io", "{key}");
        }
        assert_eq!(normal_key("https://Harbor.io:443/v2/"), "harbor.io");
        assert_eq!(normal_key("https://harbor.io:5000/Team/app/"), "harbor.io:5000/Team/app");
        assert_eq!(server_name("docker.io"), "https://index.docker.io/v1/");
        assert_eq!(server_name("r.io/team"), "r.io/team");
    }
}
