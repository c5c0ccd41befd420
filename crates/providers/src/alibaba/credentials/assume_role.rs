//! Roles for those who have a key that may take them on.
//!
//! Spec: STS 2015-04-01, `AssumeRole`. The vendor's libraries still sign it in the oldest way; STS takes ACS3, too.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use registry::{Fresh, Kept};
use tokio::time::Instant;

use super::CredentialOrigin;
use super::answer::temporary_key;
use crate::alibaba::access_key::{AccessKey, AccessKeySource};
use crate::alibaba::endpoint::{Endpoint, Network};
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
pub struct RoleSettings {
    /// `acs:ram::<account>:role/<name>`.
    pub role_arn: String,
    /// How the session is called in the audit log; `None` for `image-syncer`.
    pub session_name: Option<String>,
    /// How long its keys live, 900 or more; `None` for 3600.
    pub duration_seconds: Option<u32>,
    /// Narrows what the session may do.
    pub policy: Option<String>,
    /// What a foreign account wants to hear.
    pub external_id: Option<String>,
}

/// Takes on a role with somebody's key, again whenever its own key ends.
pub struct AssumeRole {
    http: Http,
    base: Arc<dyn AccessKeySource>,
    role: RoleSettings,
    sts: Endpoint,
    held: Fresh<AccessKey, Error>,
}

impl RoleSettings {
    /// A role with everything else as usual.
    pub fn new(role_arn: impl Into<String>) -> Self {
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

    pub(super) fn origin(&self) -> CredentialOrigin {
        CredentialOrigin::AssumedRole { role_arn: self.role_arn.clone() }
    }
}

impl AssumeRole {
    /// The role of `role` for whoever `base` says. `sts` is the token service; `None` for the common one.
    pub fn new(
        http: Http,
        base: Arc<dyn AccessKeySource>,
        role: RoleSettings,
        sts: Option<Endpoint>,
    ) -> Self {
        let sts = sts.unwrap_or_else(|| Endpoint::sts(None, Network::Public));
        Self { http, base, role, sts, held: Fresh::default() }
    }

    /// Which role it is.
    pub fn origin(&self) -> CredentialOrigin {
        self.role.origin()
    }

    async fn assume(&self) -> Result<Kept<AccessKey>, Error> {
        let base = self.base.access_key().await?;
        let asked = Instant::now();
        let key = self.role.assume(&self.http, &self.sts, &base).await?;
        Ok(key.keep(key.clone(), asked))
    }
}

impl AccessKeySource for AssumeRole {
    fn access_key(&self) -> BoxFuture<'_, Result<AccessKey, Error>> {
        self.held.get(self.assume()).boxed()
    }
}
