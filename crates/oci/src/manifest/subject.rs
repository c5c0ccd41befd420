//! What a manifest refers to without needing it: a signature its image.

use serde::Deserialize;

use super::{ManifestError, RawManifest};
use crate::Descriptor;

#[derive(Deserialize)]
struct Subject {
    subject: Option<Descriptor>,
}

impl RawManifest {
    /// The manifest that this one refers to, as a signature to its image. It need not be there.
    pub fn subject(&self) -> Result<Option<Descriptor>, ManifestError> {
        let read: Result<Subject, _> = serde_json::from_slice(&self.bytes);
        read.map(|body| body.subject).map_err(|source| ManifestError::Malformed { source })
    }
}
