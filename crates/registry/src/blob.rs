//! Blobs: layers, configs and other content that manifests refer to. One file for each direction.

mod ahead;
mod body;
mod chunk;
mod external;
mod find;
pub(crate) mod habits;
mod history;
mod mount;
mod page;
mod part;
mod place;
mod pull;
mod push;
mod reopen;
mod resume;
mod saved;
mod session;
mod watch;
mod width;

pub use body::{BlobBody, MOST_IN_MEMORY};
pub use find::FoundBlob;
pub use history::BlobHistory;
pub use mount::Start;
pub use pull::BlobReader;
pub use saved::{SavedUpload, UploadWatch};
pub use session::{UploadSession, Withdrawn};
