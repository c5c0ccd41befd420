//! Harbor's information about itself.

use serde::Deserialize;

use super::api::Call;
use super::{Error, Harbor};

/// Harbor's information about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemInfo {
    /// Such as `v2.16.0-c50c7ddd`; new Harbors show it only to logged-in users.
    pub harbor_version: Option<String>,
    /// The external address in its configuration, from which the realm of its challenges comes.
    pub external_url: Option<String>,
    /// Whether it takes pushes now; `None` for anonymous requests.
    pub write_mode: Option<WriteMode>,
    pub(super) knows_us: bool,
}

/// Whether a Harbor takes pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// It takes pushes.
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
    /// Requests Harbor's information about itself.
    pub async fn system_info(&self) -> Result<SystemInfo, Error> {
        Ok(self.value::<InfoAnswer>(&Call::get("systeminfo")).await?.into())
    }
}

impl From<InfoAnswer> for SystemInfo {
    fn from(answer: InfoAnswer) -> Self {
        // Harbor sends these three only to logged-in users; older ones send the version to all.
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
