//! Operating system and architecture of an image. Spec: image-spec, "Image Index", `platform`.

use serde::{Deserialize, Serialize};

/// For which machines an image is. Empty texts mean "not told".
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
    /// What an image's config, or a schema 1 manifest, says of itself; `None` where it says nothing readable, or leaves
    /// both open: so do signatures that cosign keeps as images, which are for no platform.
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
