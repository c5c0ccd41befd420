//! Names of registries in messages.

/// Whether this can be `host` or `host:port`: it is not too long, and has no odd characters.
pub(super) fn is_host(text: &str) -> bool {
    (1..=300).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
