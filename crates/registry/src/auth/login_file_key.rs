//! Keys of login files: hosts, URLs, and Docker Hub by each of its names, brought into the form of image names.
//! Source: containers-auth.json(5).

use crate::RegistryHost;

/// By what name Docker's helpers know Docker Hub.
const DOCKER_HUB_SERVER: &str = "https://index.docker.io/v1/";

/// A key as image names have it. Docker writes keys as URLs, and Docker Hub by an old name.
pub(super) fn normal_key(key: &str) -> String {
    let bare = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let bare = bare.trim_end_matches("/v1").trim_end_matches("/v2");
    let (host, path) = bare.split_once('/').map_or((bare, None), |(host, path)| (host, Some(path)));
    let host = host.to_ascii_lowercase();
    let host = match host.strip_suffix(":443").unwrap_or(&host) {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" | "hub.docker.com" => {
            RegistryHost::DOCKER_HUB
        }
        other => other,
    };
    path.map_or(host.to_owned(), |path| format!("{host}/{path}"))
}

/// By what name helpers know what a key stands for: a registry, or a part of one.
pub(super) fn server_name(normal_key: &str) -> &str {
    if normal_key == RegistryHost::DOCKER_HUB { DOCKER_HUB_SERVER } else { normal_key }
}

/// The entry with the longest key that is a whole-component prefix of an image's `name`.
pub(super) fn longest<'a, T>(
    entries: impl Iterator<Item = (&'a String, &'a T)>,
    name: &str,
) -> Option<(String, &'a String, &'a T)> {
    let with_end = format!("{name}/");
    let fitting = entries.map(|(key, value)| (normal_key(key), key, value));
    let fitting = fitting.filter(|(key, ..)| with_end.starts_with(&format!("{key}/")));
    fitting.max_by_key(|(key, ..)| key.len())
}

#[cfg(test)]
mod tests {
    use super::*;

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
