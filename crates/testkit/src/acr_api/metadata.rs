//! The metadata server that ECS instances see, and a local service for `ALIBABA_CLOUD_CREDENTIALS_URI`.

use serde_json::json;

use super::call::Call;
use super::office::{Reply, State};

pub(super) const CREDENTIALS_PATH: &str = "/credentials";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
const SESSION: &str = "metadata-session";

/// The protocol version that a metadata server requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataVersion {
    /// Without sessions.
    One,
    /// With sessions only.
    Two,
}

pub(super) fn answer(state: &mut State, call: &Call<'_>) -> Reply {
    if call.path() == CREDENTIALS_PATH {
        return Reply::Json(state.temporary_key());
    }
    let Some((role, version)) = state.ecs_role.clone() else { return Reply::Status(404) };
    if call.path() == "/latest/api/token" {
        let wanted = call.head.method == http::Method::PUT
            && call.header("x-aliyun-ecs-metadata-token-ttl-seconds").is_some();
        let known = version == MetadataVersion::Two && wanted;
        return if known { Reply::Text(SESSION.to_owned()) } else { Reply::Status(404) };
    }
    if version == MetadataVersion::Two && call.header("x-aliyun-ecs-metadata-token") != Some(SESSION) {
        return Reply::Status(403);
    }
    match call.path().strip_prefix(ROLES) {
        Some("") => Reply::Text(role),
        Some(name) if name == role => {
            let mut key = state.temporary_key();
            key["Code"] = json!("Success");
            Reply::Json(key)
        }
        _ => Reply::Status(404),
    }
}
