//! Keys of an ECS instance's role, from the metadata server that only the instance can reach.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use registry::HostRequest;
use serde_json::Value;

use super::answer::temporary_key;
use super::{Answer, Context, CredentialOrigin};
use crate::alibaba::access_key::AccessKey;
use crate::alibaba::endpoint::Endpoint;
use crate::alibaba::error::Error;
use crate::alibaba::signature::percent_encode;
use crate::alibaba::signed_call::sensitive;

const ACTION: &str = "instance metadata";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
/// How long a session with the metadata server may last, in seconds.
const SESSION_SECONDS: HeaderValue = HeaderValue::from_static("21600");
const SESSION_SECONDS_HEADER: HeaderName = HeaderName::from_static("x-aliyun-ecs-metadata-token-ttl-seconds");
const SESSION_HEADER: HeaderName = HeaderName::from_static("x-aliyun-ecs-metadata-token");

/// Checks whether this is an instance with a role. A missing metadata server is no error.
pub(super) async fn discover(context: &Context) -> Result<Answer, Error> {
    if context.is_true("ALIBABA_CLOUD_ECS_METADATA_DISABLED") {
        return Ok(Answer::NotApplied("ALIBABA_CLOUD_ECS_METADATA_DISABLED is true".to_owned()));
    }
    let server = Server::greet(context).await;
    let server = match server {
        Ok(server) => server,
        Err(reason) => return Ok(Answer::NotApplied(reason)),
    };
    let role = match context.variable("ALIBABA_CLOUD_ECS_METADATA") {
        Some(role) => role,
        None => match server.role().await? {
            Some(role) => role,
            None => return Ok(Answer::NotApplied("the instance has no role".to_owned())),
        },
    };
    let key = server.key(&role).await?;
    Ok(Answer::Found(CredentialOrigin::EcsRole { role }, key))
}

/// The key of the configured role, or of the only one.
pub(super) async fn key(
    context: &Context,
    role: Option<&str>,
    origin: &CredentialOrigin,
) -> Result<AccessKey, Error> {
    let server = Server::greet(context).await.map_err(|reason| origin.clone().failed(reason))?;
    let role = match role {
        Some(role) => role.to_owned(),
        None => server.role().await?.ok_or_else(|| origin.clone().failed("the instance has no role"))?,
    };
    server.key(&role).await
}

/// A metadata server that answered.
struct Server<'a> {
    context: &'a Context,
    endpoint: Endpoint,
    /// The session token, which version 2 requires in every request.
    session: Option<String>,
}

impl<'a> Server<'a> {
    /// Opens a session for version 2; servers with only version 1 need none.
    async fn greet(context: &'a Context) -> Result<Self, String> {
        let endpoint = context.endpoints.metadata.clone().unwrap_or_else(Endpoint::metadata);
        let request = HostRequest::new(Method::PUT, endpoint.url("/latest/api/token")).body("");
        let request = request.header(SESSION_SECONDS_HEADER, SESSION_SECONDS);
        let host = endpoint.authority();
        let session = match context.http.ask_metadata(request, ACTION, &host).await {
            Ok(answer) if answer.status == StatusCode::OK => String::from_utf8(answer.body.into()).ok(),
            Ok(_) => None,
            Err(_) => return Err(format!("no metadata server answers at {host}")),
        };
        if session.is_none() && context.is_true("ALIBABA_CLOUD_IMDSV1_DISABLED") {
            return Err(
                "the metadata server opens no session, and ALIBABA_CLOUD_IMDSV1_DISABLED is true".to_owned()
            );
        }
        Ok(Self { context, endpoint, session })
    }

    async fn role(&self) -> Result<Option<String>, Error> {
        let Some(body) = self.get(ROLES).await? else { return Ok(None) };
        let text = String::from_utf8_lossy(&body);
        Ok(text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned))
    }

    async fn key(&self, role: &str) -> Result<AccessKey, Error> {
        let origin = CredentialOrigin::EcsRole { role: role.to_owned() };
        let body = self.get(&format!("{ROLES}{}", percent_encode(role))).await?;
        let body = body.ok_or_else(|| origin.clone().failed("the metadata server does not know it"))?;
        let json: Value =
            serde_json::from_slice(&body).map_err(|_| origin.clone().failed("its answer is not JSON"))?;
        if json["Code"] != "Success" {
            return Err(origin.failed("the metadata server does not answer with Success"));
        }
        temporary_key(&json).map_err(|reason| origin.failed(reason))
    }

    /// `None` for a 404.
    async fn get(&self, path: &str) -> Result<Option<Bytes>, Error> {
        let mut request = HostRequest::new(Method::GET, self.endpoint.url(path));
        if let Some(session) = &self.session {
            request = request.header(SESSION_HEADER, sensitive(session));
        }
        let host = self.endpoint.authority();
        let answer = self.context.http.ask_metadata(request, ACTION, &host).await?;
        match answer.status.as_u16() {
            200 => Ok(Some(answer.body)),
            404 => Ok(None),
            status => Err(Error::answer(ACTION, &host, format!("its status is {status}"))),
        }
    }
}
