//! The subject of a manifest, such as the image of a signature.

use serde::Deserialize;

use super::{ManifestError, RawManifest};
use crate::Descriptor;

#[derive(Deserialize)]
struct Subject {
    subject: Option<Descriptor>,
}

impl RawManifest {
    /// The manifest that this one refers to, as a signature to its image. It need not exist.
    pub fn subject(&self) -> Result<Option<Descriptor>, ManifestError> {
        let read: Result<Subject, _> = serde_json::from_slice(&self.bytes);
        read.map(|body| body.subject).map_err(|source| ManifestError::Malformed { source })
    }
}
