//! Annotations of a manifest.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{ManifestError, RawManifest};
use crate::lenient;

#[derive(Deserialize)]
struct Noted {
    #[serde(default, deserialize_with = "lenient::texts")]
    annotations: BTreeMap<String, String>,
}

impl RawManifest {
    /// The annotations of the manifest itself; values that are no texts are left out.
    ///
    /// # Errors
    /// It is no JSON object.
    pub fn annotations(&self) -> Result<BTreeMap<String, String>, ManifestError> {
        let read: Result<Noted, _> = serde_json::from_slice(&self.bytes);
        read.map(|body| body.annotations).map_err(|source| ManifestError::Malformed { source })
    }
}
