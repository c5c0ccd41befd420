//! What a Harbor tells about itself.

use serde::Deserialize;

use super::api::Call;
use super::{Error, Harbor};

/// What a Harbor tells about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemInfo {
    /// Such as `v2.16.0-c50c7ddd`; new Harbors tell it to known users alone.
    pub harbor_version: Option<String>,
    /// The address that it has in its own configuration, from which the realm of its challenges comes.
    pub external_url: Option<String>,
    /// Whether it takes pushes now; unknown to strangers.
    pub write_mode: Option<WriteMode>,
    pub(super) knows_us: bool,
}

/// Whether a Harbor takes pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// It does.
    Writable,
    /// An administrator set it to read-only, as during a garbage collection or a migration.
    ReadOnly,
}

#[derive(Deserialize)]
struct InfoAnswer {
    harbor_version: Option<String>,
    external_url: Option<String>,
    registry_url: Option<String>,
    read_only: Option<bool>,
}

impl Harbor {
    /// What it tells about itself.
    pub async fn system_info(&self) -> Result<SystemInfo, Error> {
        Ok(self.value::<InfoAnswer>(&Call::get("systeminfo")).await?.into())
    }
}

impl From<InfoAnswer> for SystemInfo {
    fn from(answer: InfoAnswer) -> Self {
        // These three are for those whom it knows; the version once was for everybody.
        // https://github.com/goharbor/harbor/blob/main/src/server/v2.0/handler/systeminfo.go
        let knows_us =
            answer.external_url.is_some() || answer.registry_url.is_some() || answer.read_only.is_some();
        let write_mode = |read_only| if read_only { WriteMode::ReadOnly } else { WriteMode::Writable };
        Self {
            harbor_version: answer.harbor_version,
            external_url: answer.external_url,
            write_mode: answer.read_only.map(write_mode),
            knows_us,
        }
    }
}
