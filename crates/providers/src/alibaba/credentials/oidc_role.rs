//! Keys of a role, for an OIDC token: service accounts of Kubernetes (RRSA) and pipelines.
//!
//! Spec: STS 2015-04-01, `AssumeRoleWithOIDC`. The call is not signed: the token is the proof.

use std::path::PathBuf;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method};
use registry::HostRequest;
use serde_json::Value;

use super::answer::temporary_key;
use super::{Answer, Context, CredentialOrigin};
use crate::alibaba::access_key::AccessKey;
use crate::alibaba::endpoint::Endpoint;
use crate::alibaba::error::Error;
use crate::alibaba::http::Http;
use crate::alibaba::signature::canonical_query;
use crate::alibaba::signed_call::{FORM, judge, now};

const ACTION: &str = "AssumeRoleWithOIDC";

/// The role to assume, and the token that proves the identity.
pub(super) struct OidcRole {
    pub(super) role_arn: String,
    pub(super) provider_arn: String,
    pub(super) token_file: PathBuf,
    pub(super) session_name: String,
    pub(super) duration_seconds: u32,
    pub(super) policy: Option<String>,
}

pub(super) async fn from_environment(context: &Context) -> Result<Answer, Error> {
    let names =
        ["ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "ALIBABA_CLOUD_OIDC_TOKEN_FILE"];
    let [Some(role_arn), Some(provider_arn), Some(token_file)] = names.map(|name| context.variable(name))
    else {
        let missing = names.into_iter().filter(|name| context.variable(name).is_none());
        let missing: Vec<_> = missing.collect();
        return Ok(Answer::NotApplied(format!("not set: {}", missing.join(", "))));
    };
    let origin = CredentialOrigin::OidcRole { role_arn: role_arn.clone() };
    let role = OidcRole {
        role_arn,
        provider_arn,
        token_file: token_file.into(),
        session_name: context.session_name(),
        duration_seconds: super::assume_role::DURATION_SECONDS,
        policy: None,
    };
    let key = role.assume(&context.http, &context.sts(None, None), &origin).await?;
    Ok(Answer::Found(origin, key))
}

impl OidcRole {
    /// Assumes the role at the token service. The token's file is read each time, because its token is replaced regularly.
    pub(super) async fn assume(
        &self,
        http: &Http,
        sts: &Endpoint,
        origin: &CredentialOrigin,
    ) -> Result<AccessKey, Error> {
        let token = std::fs::read_to_string(&self.token_file).map_err(|error| {
            origin.clone().failed(format!("{} cannot be read: {error}", self.token_file.display()))
        })?;
        let (date, duration) = (now(), self.duration_seconds.to_string());
        let query = [("Version", "2015-04-01"), ("Action", ACTION), ("Format", "JSON"), ("Timestamp", &date)];
        let mut form = vec![
            ("RoleArn", self.role_arn.as_str()),
            ("OIDCProviderArn", &self.provider_arn),
            ("OIDCToken", token.trim()),
            ("RoleSessionName", &self.session_name),
            ("DurationSeconds", &duration),
        ];
        form.extend(self.policy.as_deref().map(|policy| ("Policy", policy)));
        let url = sts.url(&format!("/?{}", canonical_query(&query)));
        let request = HostRequest::new(Method::POST, url)
            .header(CONTENT_TYPE, FORM)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .body(canonical_query(&form));
        let host = sts.authority();
        let answer = http.ask(&request, ACTION, &host).await?;
        let json: Value = judge(ACTION, &host, (answer.status, &answer.body), &[token.trim()])?;
        temporary_key(&json["Credentials"]).map_err(|reason| Error::answer(ACTION, &host, reason))
    }
}
