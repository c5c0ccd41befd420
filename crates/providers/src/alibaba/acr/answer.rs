//! Fields that come in more than one type, and pages of lists.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::entries::Entries;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Entries that cannot be parsed: they are reported and do not end a run.
    pub odd: Vec<String>,
    /// How many entries all pages have together.
    pub total: u64,
}

/// Collects the pages of a list.
pub(super) struct Pages<T> {
    pub(super) entries: Vec<T>,
    pub(super) odd: Vec<String>,
    pub(super) next: u32,
}

impl<T> Pages<T> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), odd: Vec::new(), next: 1 }
    }

    /// Adds a page; returns whether it was the last one. An empty page ends a list, whatever its total says.
    ///
    /// Pages may be shorter than requested, so the received entries are counted.
    pub(super) fn take(&mut self, page: Page<T>) -> bool {
        let was_empty = page.len() == 0;
        self.entries.extend(page.entries);
        self.odd.extend(page.odd);
        self.next += 1;
        was_empty || (self.entries.len() + self.odd.len()) as u64 >= page.total
    }
}

impl<T> Page<T> {
    pub(super) fn new<A: Into<T>>(listed: Entries<A>, total: u64) -> Self {
        Self { entries: listed.read.into_iter().map(Into::into).collect(), odd: listed.odd, total }
    }

    /// How many entries it has, including odd ones.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.entries.len() + self.odd.len()
    }
}

/// A number, or a text with a number.
pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null => Some(0),
        _ => None,
    }
    .ok_or_else(|| de::Error::custom("no number"))
}

/// A boolean, or a text with one.
pub(super) fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Bool(value) => Ok(value),
        Value::String(text) => Ok(text.eq_ignore_ascii_case("true")),
        Value::Null => Ok(false),
        _ => Err(de::Error::custom("no truth value")),
    }
}

/// A time in milliseconds since 1970, as a number or a text; anything else is `None`.
pub(super) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
    let milliseconds = match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let since = milliseconds.filter(|since| *since > 0).map(Duration::from_millis);
    Ok(since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)))
}

/// A text; `null` and numbers become texts, too.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Null => Ok(String::new()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(de::Error::custom("no text")),
    }
}

/// A list in which each entry must be valid; `null` becomes an empty one.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    struct Sample {
        #[serde(default, deserialize_with = "number")]
        number: u64,
        #[serde(default, deserialize_with = "truth")]
        truth: bool,
        #[serde(default, deserialize_with = "text")]
        text: String,
        #[serde(default)]
        list: Entries<u8>,
        #[serde(default, deserialize_with = "moment")]
        moment: Option<SystemTime>,
    }

    #[test]
    fn moments_are_milliseconds_or_nothing() {
        let read = |json| serde_json::from_value::<Sample>(json).unwrap().moment;
        let moment = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_572_604_642));
        assert_eq!(read(json!({"moment": "1572604642000"})), moment);
        assert_eq!(read(json!({"moment": 1_572_604_642_000_u64})), moment);
        for nothing in [
            json!({"moment": ""}),
            json!({"moment": "x"}),
            json!({"moment": null}),
            json!({"moment": 0}),
            json!({}),
        ] {
            assert_eq!(read(nothing), None);
        }
    }

    #[test]
    fn types_that_differ_from_call_to_call() {
        for json in [
            json!({"number": 12, "truth": true, "text": "7", "list": [1]}),
            json!({"number": "12", "truth": "true", "text": 7, "list": [1]}),
        ] {
            let sample: Sample = serde_json::from_value(json).unwrap();
            let read = (sample.number, sample.truth, sample.text.as_str(), sample.list.read.as_slice());
            assert_eq!(read, (12, true, "7", [1].as_slice()));
        }
        let nothing = [json!({}), json!({"number": null, "truth": null, "text": null, "list": null})];
        for json in nothing {
            let sample: Sample = serde_json::from_value(json).unwrap();
            assert!(sample.number == 0 && !sample.truth && sample.text.is_empty() && sample.list.len() == 0);
        }
        assert!(serde_json::from_value::<Sample>(json!({"number": "many"})).is_err());
    }

    #[test]
    fn listings_end_with_the_total_or_an_empty_page() {
        let page = |count: usize, total| Page { entries: vec![(); count], odd: Vec::new(), total };
        let mut pages = Pages::new();
        assert!(!pages.take(page(100, 201)));
        assert!(!pages.take(page(100, 201)));
        assert!(pages.take(page(1, 201)));
        assert_eq!(pages.entries.len(), 201);
        let mut short = Pages::new();
        assert!(!short.take(page(50, 100)) && short.take(page(50, 100)));
        assert!(Pages::new().take(page(100, 100)));
        assert!(Pages::new().take(page(0, 500)));
    }
}
