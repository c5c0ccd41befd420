//! Comparison of manifests as JSON.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value::{self, Array, Number, Object};

use super::RawManifest;

impl RawManifest {
    /// Whether both are equal JSON, apart from key order, whitespace and the spelling of numbers. Tools that parse and serialize
    /// manifests produce such copies.
    ///
    /// A manifest with a duplicate key equals no other: parsers differ on which of them counts.
    pub fn is_same_json(&self, other: &Self) -> bool {
        let read = |manifest: &Self| serde_json::from_slice::<Unambiguous>(&manifest.bytes);
        match (read(self), read(other)) {
            (Ok(one), Ok(other)) => same_value(&one.0, &other.0),
            _ => false,
        }
    }
}

fn same_value(one: &Value, other: &Value) -> bool {
    match (one, other) {
        // Integers are compared as such: as floats, large ones would equal their neighbours.
        (Number(one), Number(other)) if one.is_f64() || other.is_f64() => one.as_f64() == other.as_f64(),
        (Array(one), Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_value(one, other))
        }
        (Object(one), Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same_value(value, other)))
        }
        (one, other) => one == other,
    }
}

/// A value without duplicate keys.
struct Unambiguous(Value);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Unambiguous;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value without repeated keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Unambiguous, A::Error> {
        let mut entries = serde_json::Map::new();
        while let Some((key, Unambiguous(value))) = access.next_entry::<String, _>()? {
            if entries.insert(key, value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(Unambiguous(Object(entries)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Unambiguous, A::Error> {
        let mut items = Vec::new();
        while let Some(Unambiguous(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Unambiguous(Array(items)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous(text.into()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous(value.into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::MediaType;

    fn same(one: &str, other: &str) -> bool {
        let wrap = |text: &str| {
            let body = Bytes::from(format!(r#"{{"x":{text}}}"#));
            RawManifest::from_answer(&MediaType::OCI_INDEX, body, None).unwrap()
        };
        wrap(one).is_same_json(&wrap(other))
    }

    #[test]
    fn the_same_json_is_known_in_any_spelling() {
        assert!(same(
            r#"{"a":1,"b":[2],"c":[null,true,-1]}"#,
            "{\n\"b\": [2.0], \"a\": 1e0, \"c\":[null,true,-1]}"
        ));
        for (one, other) in [("[1,2]", "[2,1]"), ("1", "\"1\""), ("{}", "{\"a\":null}"), ("[1]", "[1,1]")] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn s2_what_readers_may_take_for_something_else_is_not_the_same() {
        assert!(!same(r#"{"layers":["good"]}"#, r#"{"layers":["evil"],"layers":["good"]}"#));
        assert!(!same("9007199254740993", "9007199254740992"));
    }
}
