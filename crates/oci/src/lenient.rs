//! Parses informative fields leniently: an odd one must not make a manifest unreadable.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::MediaType;

/// Go writes an empty list as `null`.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A media type; an empty text becomes `None`.
pub fn filled<'de, D: Deserializer<'de>>(from: D) -> Result<Option<MediaType>, D::Error> {
    let media_type: Option<MediaType> = Option::deserialize(from)?;
    Ok(media_type.filter(|media_type| !media_type.as_str().is_empty()))
}

/// A map of entries; `null` entries are left out, and a `null` map is empty.
pub fn entries<'de, D, T>(from: D) -> Result<HashMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let entries: Option<HashMap<String, Option<T>>> = Option::deserialize(from)?;
    let given = entries.unwrap_or_default().into_iter();
    Ok(given.filter_map(|(key, entry)| Some((key, entry?))).collect())
}

/// A text; any other value becomes `None`.
pub fn text<'de, D: Deserializer<'de>, T: From<String>>(from: D) -> Result<Option<T>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text.into()),
        _ => None,
    })
}

/// A map of texts; other values are left out.
pub fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let Value::Object(entries) = Value::deserialize(from)? else { return Ok(BTreeMap::new()) };
    let texts = entries.into_iter().filter_map(|(key, value)| match value {
        Value::String(text) => Some((key, text)),
        _ => None,
    });
    Ok(texts.collect())
}
