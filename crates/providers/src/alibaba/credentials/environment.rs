//! Keys in environment variables.

use super::{Answer, Context, CredentialOrigin};
use crate::alibaba::access_key::AccessKey;

const ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";

pub(super) fn read(context: &Context) -> Answer {
    let (id, secret) = match (context.variable(ID), context.variable(SECRET)) {
        (Some(id), Some(secret)) => (id, secret),
        (None, _) => return Answer::NotApplied(format!("{ID} is not set")),
        (_, None) => return Answer::NotApplied(format!("{SECRET} is not set")),
    };
    let key = AccessKey::new(id, secret.into());
    let key = match context.variable("ALIBABA_CLOUD_SECURITY_TOKEN") {
        Some(token) => key.with_security_token(token.into()),
        None => key,
    };
    Answer::Found(CredentialOrigin::Environment, key)
}
