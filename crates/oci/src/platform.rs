//! Operating system and architecture of an image. Spec: image-spec, "Image Index", `platform`.

use serde::{Deserialize, Serialize};

/// The platform of an image. Empty texts mean "not stated".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`, `windows`, ...
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os: String,
    /// `amd64`, `arm64`, ...
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub architecture: String,
    /// `v7`, `v8`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// For Windows: the build that the image needs.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

impl Platform {
    /// The platform that an image's config, or a schema 1 manifest, states; `None` if it cannot be parsed, or has
    /// neither field: so it is for signatures that cosign stores as images.
    pub fn read(document: &[u8]) -> Option<Self> {
        let platform: Option<Self> = serde_json::from_slice(document).ok();
        platform.filter(|platform| !platform.os.is_empty() || !platform.architecture.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_platform_is_for_none() {
        for document in [r#"{"architecture":"","os":"","config":{}}"#, "{}", "[]", ""] {
            assert_eq!(Platform::read(document.as_bytes()), None, "{document}");
        }
        let half = Platform::read(br#"{"architecture":"","os":"linux"}"#).unwrap();
        assert_eq!((&*half.os, &*half.architecture), ("linux", ""));
    }
}
