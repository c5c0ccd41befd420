//! The page's permissions: its own script and its own style, and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The value of a `Content-Security-Policy`: <https://www.w3.org/TR/CSP3/>.
pub(super) fn policy(style: &str, script: &str) -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(style),
        hash(script),
    )
}

fn hash(text: &str) -> String {
    let hex = oci::Digest::sha256(text.as_bytes()).hex();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or_default();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_hash_is_what_browsers_make_of_it() {
        // The example of https://www.w3.org/TR/CSP3/#example-hash.
        let hash = super::hash("alert('Hello, world.');");
        assert_eq!(hash, "qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }
}
