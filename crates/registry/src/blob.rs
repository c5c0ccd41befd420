//! Blobs: layers, configs and whatever else manifests refer to. One file for each direction.

mod chunk;
mod external;
pub(crate) mod habits;
mod history;
mod mount;
mod pull;
mod push;
mod resume;
mod saved;

pub use history::BlobHistory;
pub use mount::Start;
pub use pull::{BlobReader, FoundBlob};
pub use push::{BlobBody, MOST_IN_MEMORY, UploadSession, Withdrawn};
pub use saved::{SavedUpload, UploadWatch};
