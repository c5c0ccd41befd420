//! Blobs: layers, configs and whatever else manifests refer to. One file for each direction.

mod external;
mod mount;
mod pull;
mod push;

pub use mount::Start;
pub use pull::BlobReader;
pub use push::{BlobBody, BrokenOff, UploadSession};
