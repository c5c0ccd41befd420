//! Harbor's API beside the distribution protocol: its projects, and lists with digests.
//!
//! Source: Harbor's API v2.0 (`api/v2.0/swagger.yaml` in goharbor/harbor), and the API of 1.x if there is no v2.0.

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

use crate::entries::Entries;

pub use api::{ApiVersion, Harbor};
pub use artifacts::{Artifact, ArtifactPages, ArtifactTag};
pub use error::Error;
pub use project::{Project, ProjectKind, ProjectName, ProjectNameError, Visibility};
pub use projects::{Creation, ProjectPages};
pub use repositories::RepositoryPages;
pub use system_info::{SystemInfo, WriteMode};
pub use tags::Untagging;

/// Parses an answer as each kind of list.
pub(crate) fn read_anything(bytes: &[u8]) {
    if let Ok(listed) = serde_json::from_slice::<Entries<project::ProjectAnswer>>(bytes) {
        listed.read.into_iter().for_each(|answer| drop(Project::try_from(answer)));
    }
    if let Ok(listed) = serde_json::from_slice::<Entries<artifacts::ArtifactAnswer>>(bytes) {
        listed.read.into_iter().map(Artifact::from).for_each(drop);
    }
    if let Ok(listed) = serde_json::from_slice::<Entries<repositories::RepositoryAnswer>>(bytes) {
        let count = listed.len();
        assert_eq!(listed.read.len() + listed.odd.len(), count);
        assert!(listed.read.iter().all(|answer| answer.name.len() <= bytes.len()));
    }
}
