//! Reads JSON into a tree with lines. Text after the first value is ignored, as Go's decoder ignored it.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::document::{Node, Scalar, ScalarKind, Value, insert};

/// Why a text is not JSON: line and reason.
pub(crate) type SyntaxError = (usize, String);

/// Reads the first value of `text`.
pub(crate) fn read(text: &str) -> Result<Node, SyntaxError> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let raw = values.next().unwrap_or_else(|| Err(serde_json::Error::custom("the file is empty")));
    raw.and_then(|raw| node(raw, text)).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
        (error.line().max(1), reason)
    })
}

fn node(raw: &RawValue, whole: &str) -> Result<Node, serde_json::Error> {
    let text = raw.get();
    // `raw` is a part of `whole`, so the difference of their addresses is its place.
    let offset = (text.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    let line = 1 + whole.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count();
    let scalar = |text: &str, kind| Value::Scalar(Scalar { text: text.to_owned(), kind });
    let value = match text.as_bytes().first() {
        Some(b'{') => Value::Map(map(text, whole)?),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            Value::List(items.into_iter().map(|item| node(item, whole)).collect::<Result<_, _>>()?)
        }
        Some(b'"') => scalar(&serde_json::from_str::<String>(text)?, ScalarKind::Text),
        Some(b't') => scalar(text, ScalarKind::True),
        Some(b'f') => scalar(text, ScalarKind::False),
        Some(b'n') => scalar(text, ScalarKind::Null),
        _ => scalar(text, ScalarKind::Number),
    };
    Ok(Node { line, value })
}

fn map(text: &str, whole: &str) -> Result<Vec<(String, Node)>, serde_json::Error> {
    let Entries(raw) = serde_json::from_str(text)?;
    let mut entries = Vec::new();
    for (key, value) in raw {
        insert(&mut entries, key, node(value, whole)?);
    }
    Ok(entries)
}

/// The entries of an object in their order, repeated keys included.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = access.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_order_and_the_last_of_repeated_keys() {
        let root = read("{\n \"b\": 1,\n \"a\": [true,\n null],\n \"b\": \"x\\ny\"\n} trailing").unwrap();
        let Value::Map(entries) = root.value else { panic!() };
        assert_eq!(
            entries.iter().map(|(key, node)| (key.as_str(), node.line)).collect::<Vec<_>>(),
            [("b", 5), ("a", 3)]
        );
        assert_eq!(
            entries[0].1.value,
            Value::Scalar(Scalar { text: "x\ny".to_owned(), kind: ScalarKind::Text })
        );
        let Value::List(items) = &entries[1].1.value else { panic!() };
        assert!(items[1].is_null() && items[1].line == 4);
    }

    #[test]
    fn broken_json_names_its_line() {
        assert_eq!(read("{\n \"a\": 1,\n}").unwrap_err().0, 3);
        assert_eq!(read("{\n // no\n}").unwrap_err().0, 2);
        assert!(read("").unwrap_err().1.contains("empty"));
        assert!(read("\u{feff}{}").is_err());
    }
}
