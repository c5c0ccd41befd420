//! Blobs: layers, configs and whatever else manifests refer to. One file for each direction.

mod ahead;
mod chunk;
mod external;
pub(crate) mod habits;
mod history;
mod mount;
mod part;
mod pull;
mod push;
mod resume;
mod saved;
mod watch;
mod width;

pub use history::BlobHistory;
pub use mount::Start;
pub use pull::{BlobReader, FoundBlob};
pub use push::{BlobBody, MOST_IN_MEMORY, UploadSession, Withdrawn};
pub use saved::{SavedUpload, UploadWatch};
