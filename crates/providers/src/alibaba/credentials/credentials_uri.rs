//! Keys from a local service that `ALIBABA_CLOUD_CREDENTIALS_URI` names.

use http::{Method, StatusCode};
use registry::HostRequest;
use serde_json::Value;
use url::Url;

use super::answer::temporary_key;
use super::{Answer, Context, CredentialOrigin};
use crate::alibaba::error::Error;

const VARIABLE: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";

pub(super) async fn ask(context: &Context) -> Result<Answer, Error> {
    let Some(uri) = context.variable(VARIABLE) else {
        return Ok(Answer::NotApplied(format!("{VARIABLE} is not set")));
    };
    let origin = CredentialOrigin::CredentialsUri;
    // The address may contain a password, so errors show only its host.
    let url: Url = uri.parse().map_err(|_| origin.clone().failed("it is no URL"))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let answer = context.http.ask(&HostRequest::new(Method::GET, url), VARIABLE, &host).await?;
    if answer.status != StatusCode::OK {
        return Err(origin.failed(format!("{host} answers {}", answer.status.as_u16())));
    }
    let json: Value =
        serde_json::from_slice(&answer.body).map_err(|_| origin.clone().failed("its answer is not JSON"))?;
    let key = temporary_key(&json).map_err(|reason| origin.clone().failed(reason))?;
    Ok(Answer::Found(origin, key))
}
