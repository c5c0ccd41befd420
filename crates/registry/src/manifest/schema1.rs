//! Signed schema 1 manifests are named by the digest of what was signed, not of their bytes.
//!
//! Spec: distribution, "Image Manifest Version 2, Schema 1", "Signed Manifests".

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

#[derive(Deserialize)]
struct Signed {
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
}

/// How the payload is made of the whole: its first bytes, and an end of its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protected {
    format_length: usize,
    format_tail: String,
}

/// What was signed; `None` where there is no readable signature.
pub(super) fn payload(bytes: &[u8]) -> Option<Vec<u8>> {
    let signed: Signed = serde_json::from_slice(bytes).ok()?;
    let protected = decode(&signed.signatures.first()?.protected)?;
    let protected: Protected = serde_json::from_slice(&protected).ok()?;
    let tail = decode(&protected.format_tail)?;
    Some([bytes.get(..protected.format_length)?, &tail].concat())
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_found_again() {
        let payload_text = "{\n   \"schemaVersion\": 1,\n   \"fsLayers\": []\n}";
        let start = payload_text.trim_end_matches("\n}");
        let protected = format!(
            r#"{{"formatLength":{},"formatTail":"{}"}}"#,
            start.len(),
            URL_SAFE_NO_PAD.encode("\n}"),
        );
        let whole = format!(
            "{start},\n   \"signatures\": [{{\"protected\": \"{}\"}}]\n}}",
            URL_SAFE_NO_PAD.encode(protected),
        );
        assert_eq!(payload(whole.as_bytes()).unwrap(), payload_text.as_bytes());
        assert_eq!(payload(b"{}"), None);
        assert_eq!(payload(br#"{"signatures":[{"protected":"!"}]}"#), None);
    }
}
