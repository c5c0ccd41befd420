//! The entries of a list in an API's answer: an invalid entry does not prevent reading the others.

use oci::foreign_text::clean_to;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The most bytes of an entry that are shown.
const MOST_SHOWN: usize = 80;

/// The entries of a list that were parsed, and those that were not.
#[derive(Debug)]
pub(crate) struct Entries<T> {
    pub(crate) read: Vec<T>,
    /// The entries that could not be parsed, for people.
    pub(crate) odd: Vec<String>,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { read: Vec::new(), odd: Vec::new() }
    }
}

impl<T> Entries<T> {
    /// How many there were, including odd ones.
    pub(crate) fn len(&self) -> usize {
        self.read.len() + self.odd.len()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Entries<T> {
    /// Go writes an empty list as `null`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Option::<Vec<Value>>::deserialize(deserializer)?.unwrap_or_default();
        let mut entries = Self::default();
        for value in values {
            let shown = || clean_to(&value.to_string(), MOST_SHOWN).into_owned();
            match T::deserialize(&value) {
                Ok(entry) => entries.read.push(entry),
                Err(_) => entries.odd.push(shown()),
            }
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Named {
        name: String,
    }

    #[test]
    fn p4_an_odd_entry_costs_no_other() {
        let read = |json: &str| serde_json::from_str::<Entries<Named>>(json).unwrap();
        let entries = read(r#"[{"name":"a"},null,{"name":7},"x",{"name":"b"}]"#);
        let names: Vec<_> = entries.read.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!((names, entries.len()), (vec!["a", "b"], 5));
        assert_eq!(entries.odd, ["null", r#"{"name":7}"#, r#""x""#]);
        assert_eq!(read("null").len(), 0);
        assert!(serde_json::from_str::<Entries<Named>>("{}").is_err(), "no list at all");
    }
}
