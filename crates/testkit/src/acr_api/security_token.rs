//! The token service: keys for roles.

use serde_json::{Value, json};

use super::call::Call;
use super::office::{Refused, State};

pub(super) fn assume_role(state: &mut State, call: &Call<'_>) -> Result<Value, Refused> {
    known_role(state, call)?;
    Ok(json!({"Credentials": state.temporary_key()}))
}

pub(super) fn assume_role_with_oidc(state: &mut State, call: &Call<'_>) -> Result<Value, Refused> {
    known_role(state, call)?;
    let token = call.parameter("OIDCToken");
    if call.parameter("OIDCProviderArn").is_empty() || state.oidc_token.as_deref() != Some(token) {
        // The real service quotes the token, too.
        let message = format!("The OIDC token is not valid: {token}");
        return Err(Refused::new(400, "AuthenticationFail.OIDCToken.Invalid", message));
    }
    Ok(json!({"Credentials": state.temporary_key()}))
}

fn known_role(state: &State, call: &Call<'_>) -> Result<(), Refused> {
    if call.parameter("RoleSessionName").is_empty()
        || call.number("DurationSeconds").is_none_or(|seconds| seconds < 900)
    {
        return Err(Refused::new(400, "InvalidParameter", "session name or duration"));
    }
    let arn = call.parameter("RoleArn");
    if state.roles.iter().any(|role| role == arn) {
        Ok(())
    } else {
        Err(Refused::new(404, "EntityNotExist.Role", "The role does not exist."))
    }
}
