//! Keys of a role, for a key that may assume it.
//!
//! Spec: STS 2015-04-01, `AssumeRole`. The vendor's libraries still use its oldest signature; STS takes ACS3, too.

use super::answer::temporary_key;
use crate::alibaba::access_key::AccessKey;
use crate::alibaba::endpoint::Endpoint;
use crate::alibaba::error::Error;
use crate::alibaba::http::Http;
use crate::alibaba::signed_call::{Call, Caller, Style};

const ACTION: &str = "AssumeRole";
/// The default name of sessions in the audit log.
pub(super) const SESSION_NAME: &str = "image-syncer";
/// The lifetime of a role's keys, in seconds.
pub(super) const DURATION_SECONDS: u32 = 3600;

/// The role to assume, and its parameters.
#[derive(Clone, Debug)]
pub(super) struct RoleSettings {
    /// `acs:ram::<account>:role/<name>`.
    pub(super) role_arn: String,
    /// The session's name in the audit log; `None` for `image-syncer`.
    pub(super) session_name: Option<String>,
    /// The lifetime of its keys, 900 or more; `None` for 3600.
    pub(super) duration_seconds: Option<u32>,
    /// Restricts the session's rights.
    pub(super) policy: Option<String>,
    /// The external id that a foreign account may require.
    pub(super) external_id: Option<String>,
}

impl RoleSettings {
    /// A role with default parameters.
    pub(super) fn new(role_arn: impl Into<String>) -> Self {
        let role_arn = role_arn.into();
        Self { role_arn, session_name: None, duration_seconds: None, policy: None, external_id: None }
    }

    /// Assumes the role at the token service `sts` with `key`.
    pub(super) async fn assume(
        &self,
        http: &Http,
        sts: &Endpoint,
        key: &AccessKey,
    ) -> Result<AccessKey, Error> {
        let duration = self.duration_seconds.unwrap_or(DURATION_SECONDS).to_string();
        let mut parameters = vec![
            ("RoleArn", self.role_arn.as_str()),
            ("RoleSessionName", self.session_name.as_deref().unwrap_or(SESSION_NAME)),
            ("DurationSeconds", &duration),
        ];
        parameters.extend(self.policy.as_deref().map(|policy| ("Policy", policy)));
        parameters.extend(self.external_id.as_deref().map(|id| ("ExternalId", id)));
        let call = Call { action: ACTION, version: "2015-04-01", style: Style::Rpc(parameters) };
        let json = Caller { http, endpoint: sts, key }.send(&call).await?;
        temporary_key(&json["Credentials"]).map_err(|reason| Error::answer(ACTION, &sts.authority(), reason))
    }
}
