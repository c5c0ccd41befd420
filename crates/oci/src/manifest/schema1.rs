//! The digest of a signed schema 1 manifest is that of the signed payload, not of the manifest's bytes.
//!
//! Spec: distribution, "Image Manifest Version 2, Schema 1", "Signed Manifests".

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The signed payload itself states that it is schema 1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    schema_version: u8,
    signatures: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Signed {
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
}

/// How the payload is built from the document: its first bytes, and a tail.
#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protected {
    format_length: usize,
    format_tail: String,
}

/// The signed payload; `None` if there is no readable signature, or if the document is more than the payload with
/// `signatures` as its last field. The sender of the manifest writes the signatures, and must not
/// choose which part of the document the digest covers.
pub fn payload(bytes: &[u8]) -> Option<Vec<u8>> {
    let signed: Signed = serde_json::from_slice(bytes).ok()?;
    let mut formats = signed.signatures.iter().map(Signature::format);
    let format = formats.next()??;
    if formats.any(|other| other.as_ref() != Some(&format)) {
        return None;
    }
    let (start, rest) = bytes.split_at_checked(format.format_length)?;
    let tail = decode(&format.format_tail)?;
    if !is_signatures_and_end(rest) || !is_end(&tail) {
        return None;
    }
    let payload = [start, &tail].concat();
    let read: Payload = serde_json::from_slice(&payload).ok()?;
    (read.schema_version == 1 && read.signatures.is_none()).then_some(payload)
}

impl Signature {
    fn format(&self) -> Option<Protected> {
        serde_json::from_slice(&decode(&self.protected)?).ok()
    }
}

/// `, "signatures": [...] }`
fn is_signatures_and_end(rest: &[u8]) -> bool {
    let after = |text: &[u8], expected: &[u8]| Some(text.trim_ascii_start().strip_prefix(expected)?.to_vec());
    let value = after(rest, b",")
        .and_then(|text| after(&text, b"\"signatures\""))
        .and_then(|text| after(&text, b":"));
    let Some(value) = value else { return false };
    let mut values = serde_json::Deserializer::from_slice(&value).into_iter::<Vec<IgnoredAny>>();
    matches!(values.next(), Some(Ok(_))) && is_end(&value[values.byte_offset()..])
}

/// The end of the outermost object.
fn is_end(text: &[u8]) -> bool {
    text.trim_ascii() == b"}"
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &str = "{\n   \"schemaVersion\": 1,\n   \"fsLayers\": []\n}";

    /// A signature that describes how the payload is built.
    fn signature(length: usize, tail: &str) -> String {
        let tail = URL_SAFE_NO_PAD.encode(tail);
        let protected = format!(r#"{{"formatLength":{length},"formatTail":"{tail}"}}"#);
        format!(r#"{{"header":{{}},"signature":"x","protected":"{}"}}"#, URL_SAFE_NO_PAD.encode(protected))
    }

    fn start() -> &'static str {
        PAYLOAD.trim_end_matches("\n}")
    }

    #[test]
    fn the_payload_is_found_again() {
        let one = signature(start().len(), "\n}");
        for whole in [
            format!("{},\n   \"signatures\": [\n      {one}\n   ]\n}}", start()),
            format!("{},\"signatures\":[{one}]}}", start()),
            format!("{}, \"signatures\" : [{one},{one}] }}\n", start()),
        ] {
            assert_eq!(payload(whole.as_bytes()).as_deref(), Some(PAYLOAD.as_bytes()), "{whole}");
        }
        assert_eq!(payload(b"{}"), None);
        assert_eq!(payload(br#"{"signatures":[{"protected":"!"}]}"#), None);
    }

    #[test]
    fn s2_whoever_writes_the_signatures_does_not_choose_what_the_digest_is_of() {
        let length = start().len();
        let one = signature(length, "\n}");
        let whole = |rest: &str| format!("{}{rest}", start());
        let evil = r#""fsLayers":[{"blobSum":"evil"}]"#;
        let image = r#"{"schemaVersion":2,"layers":[]"#;
        for (what, forged) in [
            (
                "all of the payload is in the tail",
                format!(r#"{{{evil},"signatures":[{}]}}"#, signature(0, PAYLOAD)),
            ),
            (
                "part of the payload is in the tail",
                format!(r#"{{ {evil},"signatures":[{}]}}"#, signature(1, &PAYLOAD[1..])),
            ),
            ("a field behind the signatures", whole(&format!(r#","signatures":[{one}],{evil}}}"#))),
            ("a field before the signatures", whole(&format!(r#",{evil},"signatures":[{one}]}}"#))),
            ("two lists of signatures", whole(&format!(r#","signatures":[{one}],"signatures":[]}}"#))),
            (
                "signatures of two minds",
                whole(&format!(r#","signatures":[{one},{}]}}"#, signature(1, PAYLOAD))),
            ),
            ("more than there is", whole(&format!(r#","signatures":[{}]}}"#, signature(9999, "\n}")))),
            ("something else behind the end", whole(&format!(r#","signatures":[{one}]}}x"#))),
            ("no schema 1", format!(r#"{image},"signatures":[{}]}}"#, signature(image.len(), "}"))),
        ] {
            assert_eq!(payload(forged.as_bytes()), None, "{what}: {forged}");
        }
    }
}
