//! Information beside registries' answers: warnings, and the rest of a pull quota.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;

use oci::foreign_text::clean;

/// The most distinct warnings that are kept of one registry.
const MOST_WARNINGS: usize = 100;

/// How many pulls a registry still allows. Source: Docker Hub, "Pull usage and limits".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Pulls per window, if stated.
    pub limit: Option<u64>,
    /// Remaining pulls.
    pub remaining: u64,
    /// Length of the window, if stated.
    pub window: Option<Duration>,
}

/// The notices of one registry so far.
#[derive(Default)]
pub(crate) struct Notices(Mutex<Said>);

#[derive(Default)]
struct Said {
    warnings: BTreeSet<String>,
    quota: Option<Quota>,
}

impl Notices {
    /// Reads the headers of an answer.
    pub(crate) fn read(&self, headers: &HeaderMap) {
        let (warnings, quota) = (warnings(headers), quota(headers));
        if warnings.is_empty() && quota.is_none() {
            return;
        }
        self.add(warnings);
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.quota = quota.or(said.quota);
    }

    /// Keeps warnings for the end of the run.
    pub(crate) fn add(&self, warnings: impl IntoIterator<Item = String>) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in warnings {
            if said.warnings.len() < MOST_WARNINGS {
                said.warnings.insert(warning);
            }
        }
    }

    /// Each distinct warning once.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.warnings.iter().cloned().collect()
    }

    /// The latest quota.
    pub(crate) fn quota(&self) -> Option<Quota> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).quota
    }
}

/// The texts of `Warning: 299 - "text"`. Spec: distribution-spec, "Warnings"; RFC 7234 section 5.5.
pub(crate) fn warnings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(http::header::WARNING);
    values.iter().flat_map(|value| texts(&String::from_utf8_lossy(value.as_bytes()))).collect()
}

pub(crate) fn texts(value: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = value;
    // Each is a code, an agent and a quoted text; dates and commas may follow.
    while let Some((head, quoted)) = rest.split_once('"') {
        let (text, after) = quoted_text(quoted);
        let mut words = head.trim_start_matches([',', ' ']).split_ascii_whitespace();
        if words.next() == Some("299") {
            found.push(clean(&text).into_owned());
        }
        rest = after;
    }
    found
}

/// The text up to the closing quotation mark, and what follows that.
pub(crate) fn quoted_text(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (text, &quoted[index + 1..]),
            '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
            other => text.push(other),
        }
    }
    (text, "")
}

/// `ratelimit-limit: 100;w=21600` and `ratelimit-remaining: 76;w=21600`.
pub(crate) fn quota(headers: &HeaderMap) -> Option<Quota> {
    let read = |name: &str| headers.get(name)?.to_str().ok().and_then(count);
    let (remaining, window) = read("ratelimit-remaining")?;
    let limit = read("ratelimit-limit");
    let window = window.or(limit.and_then(|(_, window)| window));
    Some(Quota { limit: limit.map(|(limit, _)| limit), remaining, window })
}

fn count(text: &str) -> Option<(u64, Option<Duration>)> {
    let mut parts = text.split(';').map(str::trim);
    let count = parts.next()?.parse().ok()?;
    let window = parts.find_map(|part| part.strip_prefix("w=")?.parse().ok()).map(Duration::from_secs);
    Some((count, window))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(entries: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in entries {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn c65_warnings_of_every_shape_are_kept_once() {
        let notices = Notices::default();
        let several = r#"299 - "old, \"v1\"" "Sun, 06 Nov 1994 08:49:37 GMT", 299 reg.io "two""#;
        notices.read(&headers(&[("warning", several), ("warning", r#"199 - "other code""#)]));
        notices.read(&headers(&[("warning", r#"299 - "two""#)]));
        assert_eq!(notices.warnings(), [r#"old, "v1""#, "two"]);
        assert!(warnings(&headers(&[("warning", "299 - unquoted")])).is_empty());
    }

    #[test]
    fn c66_the_quota_of_docker_hub() {
        let both = headers(&[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600")]);
        let window = Some(Duration::from_secs(21600));
        assert_eq!(quota(&both), Some(Quota { limit: Some(100), remaining: 76, window }));
        let bare = headers(&[("ratelimit-remaining", "5")]);
        assert_eq!(quota(&bare), Some(Quota { limit: None, remaining: 5, window: None }));
        assert_eq!(quota(&headers(&[("ratelimit-remaining", "many")])), None);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_left(text in "[ -~]{0,80}") {
            let _ = (texts(&text), count(&text));
        }

        #[test]
        fn what_is_written_is_read(text in "[a-z ,\"\\\\]{0,30}") {
            let written = format!("299 - \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(texts(&written), [text]);
        }
    }
}
