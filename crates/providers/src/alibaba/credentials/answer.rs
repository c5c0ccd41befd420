//! The four fields in which Alibaba Cloud's services give temporary keys.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::super::access_key::AccessKey;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TemporaryKey {
    access_key_id: String,
    access_key_secret: SecretString,
    security_token: SecretString,
    expiration: String,
}

/// Parses a temporary key. The error says what is wrong, without the text.
pub(super) fn temporary_key(json: &Value) -> Result<AccessKey, &'static str> {
    let key = TemporaryKey::deserialize(json)
        .map_err(|_| "the answer lacks AccessKeyId, AccessKeySecret, SecurityToken or Expiration")?;
    let end: Timestamp = key.expiration.parse().map_err(|_| "the answer's Expiration is no time")?;
    Ok(AccessKey::new(key.access_key_id, key.access_key_secret)
        .with_security_token(key.security_token)
        .until(end))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn four_fields_or_an_error() {
        let mut json = json!({"AccessKeyId": "STS.a", "AccessKeySecret": "s", "SecurityToken": "t", "Expiration": "2015-04-09T11:52:19Z"});
        let key = temporary_key(&json).unwrap();
        assert_eq!((key.id(), key.secret(), key.security_token()), ("STS.a", "s", Some("t")));
        json["Expiration"] = json!("tomorrow");
        assert!(temporary_key(&json).unwrap_err().contains("Expiration"));
        json["SecurityToken"] = Value::Null;
        assert!(temporary_key(&json).unwrap_err().contains("SecurityToken"));
    }
}
