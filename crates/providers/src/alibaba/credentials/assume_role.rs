//! Roles for those who have a key that may take them on.
//!
//! Spec: STS 2015-04-01, `AssumeRole`. The vendor's libraries still sign it in the oldest way; STS takes ACS3, too.

use super::answer::temporary_key;
use crate::alibaba::access_key::AccessKey;
use crate::alibaba::endpoint::Endpoint;
use crate::alibaba::error::Error;
use crate::alibaba::http::Http;
use crate::alibaba::signed_call::{Call, Caller, Style};

const ACTION: &str = "AssumeRole";
/// How sessions are called in the audit log if nobody names them.
pub(super) const SESSION_NAME: &str = "image-syncer";
/// How long keys of a role live, in seconds.
pub(super) const DURATION_SECONDS: u32 = 3600;

/// Which role is taken on, and how.
#[derive(Clone, Debug)]
pub(super) struct RoleSettings {
    /// `acs:ram::<account>:role/<name>`.
    pub(super) role_arn: String,
    /// How the session is called in the audit log; `None` for `image-syncer`.
    pub(super) session_name: Option<String>,
    /// How long its keys live, 900 or more; `None` for 3600.
    pub(super) duration_seconds: Option<u32>,
    /// Narrows what the session may do.
    pub(super) policy: Option<String>,
    /// What a foreign account wants to hear.
    pub(super) external_id: Option<String>,
}

impl RoleSettings {
    /// A role with everything else as usual.
    pub(super) fn new(role_arn: impl Into<String>) -> Self {
        let role_arn = role_arn.into();
        Self { role_arn, session_name: None, duration_seconds: None, policy: None, external_id: None }
    }

    /// Asks the token service `sts` with `key`.
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
