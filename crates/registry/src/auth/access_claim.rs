//! The grants that a token states. Spec: distribution, "Token Authentication Implementation", claim `access`.
//!
//! The signature is the registry's business: we read the claim only to see early which requests the registry would refuse.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::scope::Scopes;

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    /// Go writes an empty list as null.
    actions: Option<Vec<String>>,
}

/// The granted scopes; `None` if the token does not state them.
pub(crate) fn granted(token: &str) -> Option<Scopes> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let access: Option<Vec<Entry>> = serde_json::from_value(claims.get("access")?.clone()).ok()?;
    let mut scopes = Scopes::default();
    for Entry { kind, name, actions } in access.unwrap_or_default() {
        scopes.add(format!("{kind}:{name}"), actions.iter().flatten().map(String::as_str));
    }
    Some(scopes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(claims: &str) -> Option<String> {
        let token = format!("head.{}.signature", URL_SAFE_NO_PAD.encode(claims));
        granted(&token).map(|scopes| scopes.to_string())
    }

    #[test]
    fn c75_the_claim_is_read_and_opaque_tokens_say_nothing() {
        let claims = r#"{"access":[{"type":"repository","name":"a/b","actions":["push","pull"]},
            {"type":"repository","name":"a/c","actions":null},{"type":"repository","name":"a/d","actions":[]}]}"#;
        assert_eq!(read(claims).unwrap(), "repository:a/b:pull,push");
        assert_eq!(read(r#"{"access":[]}"#).unwrap(), "");
        assert_eq!(read(r#"{"access":null}"#).unwrap(), "");
        for silent in [r#"{"sub":"user"}"#, r#"{"access":"all"}"#, r#"{"access":[1]}"#, "[]", "no JSON"] {
            assert_eq!(read(silent), None, "{silent}");
        }
        assert_eq!(granted("djE6b3BhcXVl"), None);
        assert_eq!(granted("a.!.c"), None);
    }

    proptest! {
        #[test]
        fn reading_never_panics(token in "\\PC{0,80}") {
            let _ = granted(&token);
        }
    }
}
