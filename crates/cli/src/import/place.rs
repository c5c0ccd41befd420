//! Registries, repositories and tags in a file, validated like those of our own files.

use oci::{Reference, RegistryHost, RepositoryName};

/// Parses a reference, with separate errors for layouts and templates.
pub(super) fn reference(text: &str) -> Result<Reference, String> {
    if text.starts_with("ocidir://") || text.starts_with("ocifile://") {
        return Err(format!("`{text}` is a folder, which this release does not read or write"));
    }
    text.parse().map_err(|error| format!("`{text}` is no name of an image: {error}"))
}

/// The host of a URL, or of a bare host.
pub(super) fn host_of(url: &str) -> &str {
    let bare = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url);
    let host = bare.split('/').next().unwrap_or_default();
    match host {
        // All of these hosts are Docker Hub, which has another name in references.
        "hub.docker.com" | "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => {
            RegistryHost::DOCKER_HUB
        }
        other => other,
    }
}

/// Validates a registry with an optional path.
pub(super) fn prefix(text: &str) -> Result<&str, String> {
    let text = text.trim_end_matches('/');
    let (host, path) = text.split_once('/').map_or((text, None), |(host, path)| (host, Some(path)));
    let is_host = host == "localhost" || host.contains(['.', ':']);
    let wrong = |reason: &str| format!("`{text}` is no place for images: {reason}");
    if !is_host {
        return Err(wrong("write HOST or HOST/PREFIX, as in r.example.com/mirror"));
    }
    host.parse::<RegistryHost>().map_err(|error| wrong(&error.to_string()))?;
    path.map(str::parse::<RepositoryName>).transpose().map_err(|error| wrong(&error.to_string()))?;
    Ok(text)
}

/// The full `registry/repository`.
pub(super) fn repository(reference: &Reference) -> String {
    format!("{}/{}", reference.registry.as_str(), reference.repository.as_str())
}

/// The last component of a path.
pub(super) fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Why Docker Hub's repositories cannot be listed.
pub(super) const NO_LIST_AT_HUB: &str = "Docker Hub lets nobody list its repositories, so this rule fails by name: write a rule for each repository";

pub(super) fn is_docker_hub(host: &str) -> bool {
    host_of(host) == RegistryHost::DOCKER_HUB
}

/// `HOST/PATH`, validated.
pub(super) fn checked(host: &str, path: &str) -> Result<String, String> {
    let text = format!("{host}/{path}");
    let reference = reference(&text)?;
    if reference.tag.is_some() || reference.digest.is_some() {
        return Err(format!("`{text}` is no repository"));
    }
    Ok(repository(&reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_hosts_with_a_path() {
        for good in ["r.io", "r.io:5000/a/b", "localhost/a", "r.example.com/mirror/"] {
            assert!(prefix(good).is_ok(), "{good}");
        }
        for bad in ["", "mirror", "r.io/A", "https://r.io/a", "r.io/a:v1", "oci:/srv", "r.io/a b"] {
            assert!(prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn urls_have_hosts() {
        assert_eq!(host_of("https://hub.docker.com"), "docker.io");
        assert_eq!(host_of("http://r.io:5000/v2/"), "r.io:5000");
        assert_eq!(host_of("r.io"), "r.io");
    }
}
