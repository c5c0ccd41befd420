//! What Harbor offers beside the distribution protocol: its projects, and lists with digests.
//!
//! Source: Harbor's API v2.0 (`api/v2.0/swagger.yaml` in goharbor/harbor), and the API of 1.x where there is no v2.0.

mod api;
mod artifacts;
mod error;
mod pager;
mod project;
mod projects;
pub mod refusal;
mod repositories;
mod system_info;
mod tags;

pub use api::{ApiVersion, Harbor};
pub use artifacts::{Accessory, Artifact, ArtifactPages};
pub use error::Error;
pub use project::{Project, ProjectKind, ProjectName, ProjectNameError, Visibility};
pub use projects::{Creation, ProjectPages};
pub use repositories::RepositoryPages;
pub use system_info::{SystemInfo, WriteMode};
pub use tags::{TagDigest, TagPages};
