//! The signed payload of a schema 1 manifest.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use oci::manifest::schema1;

/// A manifest as it is, and one with a forged signature in the place of each `@`: the first byte is its
/// `formatLength`, the second how many of the following are its `formatTail`.
pub fn payload(bytes: &[u8]) {
    check(bytes);
    if let [length, tail, rest @ ..] = bytes
        && let Some((tail, body)) = rest.split_at_checked(usize::from(*tail))
    {
        let signature = signature(*length, tail);
        let parts: Vec<&[u8]> = body.split(|byte| *byte == b'@').collect();
        check(&parts.join(signature.as_bytes()));
    }
}

fn signature(length: u8, tail: &[u8]) -> String {
    let tail = URL_SAFE_NO_PAD.encode(tail);
    let protected = format!(r#"{{"formatLength":{length},"formatTail":"{tail}"}}"#);
    format!(r#"{{"protected":"{}"}}"#, URL_SAFE_NO_PAD.encode(protected))
}

/// The payload is a beginning of the body and `}`, and the same document without its signatures.
fn check(body: &[u8]) {
    let Some(payload) = schema1::payload(body) else { return };
    let start = payload.trim_ascii_end().strip_suffix(b"}").expect("a payload ends as an object does");
    assert!(body.starts_with(start.trim_ascii_end()), "the payload is no part of the body");
    let read = serde_json::from_slice::<Map<String, Value>>;
    let (Ok(mut whole), Ok(payload)) = (read(body), read(&payload)) else { return };
    assert!(whole.remove("signatures").is_some());
    assert_eq!(whole, payload);
    assert_eq!(payload["schemaVersion"], 1);
}
