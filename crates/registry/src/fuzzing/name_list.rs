//! Pages of tags and of repositories.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use oci::{RepositoryName, Tag};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::list_scanner::{Broken, ListScanner};
use crate::name_page::{Names, judge, sort};

/// A page of tags.
pub fn tag_page(bytes: &[u8]) {
    page::<Tag>("tags", bytes);
}

/// A page of repositories.
pub fn catalog_page(bytes: &[u8]) {
    page::<RepositoryName>("repositories", bytes);
}

/// The scanner returns the same elements and rest for any split into pieces, and the elements that `serde_json` finds.
fn page<T: FromStr + fmt::Display>(key: &'static str, bytes: &[u8]) {
    let scanned = scan(key, bytes, bytes.len().max(1));
    assert_eq!(scanned, scan(key, bytes, 1));
    if std::str::from_utf8(bytes).is_err() {
        return;
    }
    let expected = elements(key, bytes);
    let Ok((found, rest)) = scanned else {
        assert_eq!(expected, None, "a list that is one is not read");
        return;
    };
    if let Some(expected) = &expected {
        assert_eq!(&found.iter().map(|text| text.trim()).collect::<Vec<_>>(), expected);
    } else {
        let is_json = |text: &str| serde_json::from_str::<&RawValue>(text).is_ok();
        let are_json = found.iter().all(|element| is_json(element));
        assert!(!are_json || pairs(rest.as_bytes()).is_none(), "a list that is none is read without a word");
    }
    check_rest(key, bytes, &rest);
    check_names::<T>(&found);
}

fn scan(key: &'static str, bytes: &[u8], piece: usize) -> Result<(Vec<String>, String), Broken> {
    let (mut scanner, mut found) = (ListScanner::new(key), Vec::new());
    for piece in bytes.chunks(piece) {
        scanner.push(piece, &mut |element| {
            found.push(String::from_utf8_lossy(element).into_owned());
            Ok::<_, Broken>(())
        })?;
    }
    Ok((found, String::from_utf8_lossy(&scanner.rest()).into_owned()))
}

/// The rest beside the list is unchanged, and shows what kind of document it is.
fn check_rest(key: &'static str, bytes: &[u8], rest: &str) {
    let judged = judge(key, rest.as_bytes());
    let (Ok(mut whole), Ok(rest)) =
        (serde_json::from_slice::<Map<String, Value>>(bytes), serde_json::from_str::<Value>(rest))
    else {
        return;
    };
    let list = whole.get_mut(key).and_then(Value::as_array_mut);
    let is_list = list.map(Vec::clear).is_some();
    assert_eq!(Value::Object(whole), rest);
    assert!(!is_list || judged.is_ok());
}

/// Each name appears once, as it was written.
fn check_names<T: FromStr + fmt::Display>(elements: &[String]) {
    let (mut seen, mut found) = (HashSet::new(), Names::<T> { names: Vec::new(), invalid: Vec::new() });
    for element in elements {
        sort(&mut seen, element.as_bytes(), &mut found).expect("so few names have an end");
    }
    let texts: HashSet<String> = elements.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    let names: HashSet<String> = found.names.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), found.names.len());
    assert!(names.is_subset(&texts));
    assert!(texts.iter().all(|text| names.contains(text) || found.invalid.contains(text)));
}

/// The elements of all lists under the key, if the document is an object.
fn elements<'a>(key: &str, bytes: &'a [u8]) -> Option<Vec<&'a str>> {
    let lists = pairs(bytes)?.into_iter().filter(|(name, _)| name == key);
    let elements = lists.filter_map(|(_, value)| serde_json::from_str::<Vec<&RawValue>>(value.get()).ok());
    Some(elements.flatten().map(RawValue::get).collect())
}

/// The fields of an object in their order, duplicates included. Values may be nested to any depth.
fn pairs(bytes: &[u8]) -> Option<Vec<(String, &RawValue)>> {
    let mut document = serde_json::Deserializer::from_slice(bytes);
    let pairs = document.deserialize_map(Pairs).ok()?;
    document.end().ok()?;
    Some(pairs)
}

struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(pairs)
    }
}
