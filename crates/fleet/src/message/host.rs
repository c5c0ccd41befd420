//! What registries are called in messages.

/// Whether this is `host` or `host:port`, and nothing odd for people.
pub(super) fn is_host(text: &str) -> bool {
    (1..=300).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
