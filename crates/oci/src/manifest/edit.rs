//! Edits of an index that keep its other bytes.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{ManifestError, RawManifest};
use crate::{Descriptor, Digest, MediaType};

/// Edits keep every byte that they do not concern.
impl RawManifest {
    /// An index of these manifests and nothing else.
    pub fn index_of(children: &[Descriptor]) -> Self {
        let index = NewIndex { schema_version: 2, media_type: MediaType::OCI_INDEX, manifests: children };
        // Serialization fails only for maps with keys that are no texts, and for failing writers.
        let bytes = Bytes::from(serde_json::to_vec(&index).unwrap_or_default());
        Self { media_type: MediaType::OCI_INDEX, digest: Digest::sha256(&bytes), bytes }
    }

    /// This index with one more child, at the end. Everything else stays as it was written.
    pub fn with_child(&self, child: &Descriptor) -> Result<Self, ManifestError> {
        self.with_more(std::slice::from_ref(child))
    }

    /// This index with more children, at the end. Everything else stays as it was written.
    ///
    /// # Errors
    /// It would be larger than [`LARGEST`](Self::LARGEST).
    pub fn with_more(&self, children: &[Descriptor]) -> Result<Self, ManifestError> {
        let malformed = |source| ManifestError::Malformed { source };
        let (mut more, room) = (String::new(), Self::LARGEST.saturating_sub(self.bytes.len()));
        for child in children {
            let comma = if more.is_empty() { "" } else { "," };
            more += comma;
            more += &serde_json::to_string(child).map_err(malformed)?;
            // One byte for the comma before them.
            if more.len() >= room {
                return Err(ManifestError::TooLong { limit: Self::LARGEST });
            }
        }
        if more.is_empty() {
            return Ok(self.clone());
        }
        self.with_list(|index| {
            let list = index.manifests.get();
            let others = list.strip_prefix('[').and_then(|list| list.strip_suffix(']')).map(str::trim_end);
            Ok(match others.filter(|others| !others.trim().is_empty()) {
                Some(others) => format!("[{others},{more}]"),
                None => format!("[{more}]"),
            })
        })
    }

    /// This index with only those children for which `keep` returns true.
    ///
    /// The kept descriptors and everything around them stay as they were written; the digest changes.
    pub fn with_children(&self, keep: impl Fn(&Digest) -> bool) -> Result<Self, ManifestError> {
        self.with_list(|index| {
            let kept = index.children()?.into_iter().filter(|(digest, _)| keep(digest));
            Ok(format!("[{}]", kept.map(|(_, text)| text).collect::<Vec<_>>().join(",")))
        })
    }

    /// This index with one more annotation, or with a new value for an existing one. Everything else stays as it was
    /// written.
    ///
    /// # Errors
    /// Its annotations are not a map.
    pub fn with_annotation(&self, name: &str, value: &str) -> Result<Self, ManifestError> {
        let malformed = |source| ManifestError::Malformed { source };
        let text = self.text()?;
        let (quoted, value) = (json_text(name), json_text(value));
        let index: Annotated<'_> = serde_json::from_str(text).map_err(malformed)?;
        let Some(found) = index.annotations else {
            let Some(before) = text.trim_end().strip_suffix('}').map(str::trim_end) else {
                return Err(malformed(serde::de::Error::custom("it is no map")));
            };
            let comma = if before.ends_with('{') { "" } else { "," };
            let annotations = format!("{comma}\"annotations\":{{{quoted}:{value}}}");
            return Ok(self.edited(&[before, &annotations, &text[before.len()..]]));
        };
        let annotations: Option<BTreeMap<String, &RawValue>> =
            serde_json::from_str(found.get()).map_err(malformed)?;
        let (place, new) = match annotations {
            None => (place_in(text, found.get()), format!("{{{quoted}:{value}}}")),
            Some(all) => {
                if let Some(old) = all.get(name) {
                    (place_in(text, old.get()), value)
                } else {
                    let start = place_in(text, found.get()).start + 1;
                    let comma = if all.is_empty() { "" } else { "," };
                    (start..start, format!("{quoted}:{value}{comma}"))
                }
            }
        };
        Ok(self.edited(&[&text[..place.start], &new, &text[place.end..]]))
    }

    fn text(&self) -> Result<&str, ManifestError> {
        let no_text = |error| ManifestError::Malformed { source: serde::de::Error::custom(error) };
        std::str::from_utf8(&self.bytes).map_err(no_text)
    }

    /// The same, with the concatenated texts as its bytes.
    fn edited(&self, texts: &[&str]) -> Self {
        let bytes = Bytes::from(texts.concat());
        let digest = self.digest.algorithm().digest(&bytes);
        Self { media_type: self.media_type.clone(), digest, bytes }
    }

    /// Replaces this index's list of children by another one, given as text.
    fn with_list(
        &self,
        list: impl FnOnce(&Index<'_>) -> Result<String, serde_json::Error>,
    ) -> Result<Self, ManifestError> {
        let malformed = |source| ManifestError::Malformed { source };
        let text = self.text()?;
        let index: Index<'_> = serde_json::from_str(text).map_err(malformed)?;
        let list = list(&index).map_err(malformed)?;
        let place = place_in(text, index.manifests.get());
        Ok(self.edited(&[&text[..place.start], &list, &text[place.end..]]))
    }
}

/// The position in a text of a part that was borrowed from it.
fn place_in(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewIndex<'a> {
    schema_version: u8,
    media_type: MediaType,
    manifests: &'a [Descriptor],
}

#[derive(Deserialize)]
struct Index<'a> {
    #[serde(borrow)]
    manifests: &'a RawValue,
}

#[derive(Deserialize)]
struct Annotated<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    annotations: Option<&'a RawValue>,
}

/// The value, even if it is `null`.
fn present<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Index<'a> {
    /// Each child with its text.
    fn children(&self) -> Result<Vec<(Digest, &'a str)>, serde_json::Error> {
        let children: Option<Vec<&RawValue>> = serde_json::from_str(self.manifests.get())?;
        let with_digest = |child: &'a RawValue| {
            let descriptor: Descriptor = serde_json::from_str(child.get())?;
            Ok((descriptor.digest, child.get()))
        };
        children.unwrap_or_default().into_iter().map(with_digest).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::tests::{digest, read};

    #[test]
    fn children_are_cut_out_and_all_else_stays_as_it_was_written() {
        let child = |name: &str| format!(r#"{{ "digest":"{}",  "size": 1, "x": [1.50] }}"#, digest(name));
        let body = format!(
            "{{ \"a\":1,\n\"manifests\" : [ {} ,\n{},{}],\t\"z\": null}}\n",
            child("1"),
            child("2"),
            child("3")
        );
        let index = read(MediaType::OCI_INDEX.as_str(), &body).unwrap();
        let cut = index.with_children(|child| *child != digest("2")).unwrap();
        let expected =
            format!("{{ \"a\":1,\n\"manifests\" : [{},{}],\t\"z\": null}}\n", child("1"), child("3"));
        assert_eq!(cut.bytes, expected);
        assert_eq!(cut.digest, digest(&expected));
        assert_eq!(cut.links().unwrap().manifests.len(), 2);
    }

    #[test]
    fn c57_a_child_is_added_and_all_else_stays_as_it_was_written() {
        let add = |body: &str| {
            let child = Descriptor::new(None, digest("new"), Some(3));
            let added = read(MediaType::OCI_INDEX.as_str(), body).unwrap().with_child(&child).unwrap();
            assert_eq!(added.digest, Digest::sha256(&added.bytes));
            String::from_utf8(added.bytes.to_vec()).unwrap()
        };
        let new = format!(r#"{{"digest":"{}","size":3}}"#, digest("new"));
        assert_eq!(add(r#"{"manifests": null }"#), format!(r#"{{"manifests": [{new}] }}"#));
        assert_eq!(add(r#"{"manifests":[ ], "x":1.0}"#), format!(r#"{{"manifests":[{new}], "x":1.0}}"#));
        let old = format!(r#"{{ "digest":"{}", "size":1, "x": 1.50 }}"#, digest("old"));
        assert_eq!(
            add(&format!(
                r#"{{"manifests":[{old}
]}}"#
            )),
            format!(r#"{{"manifests":[{old},{new}]}}"#)
        );
    }

    #[test]
    fn many_children_are_added_as_one_after_the_other_and_not_beyond_what_is_read() {
        let children = ["a", "b", "c"].map(|name| Descriptor::new(None, digest(name), Some(3)));
        let index = read(MediaType::OCI_INDEX.as_str(), "{\"manifests\": [ ], \"x\":1.0}").unwrap();
        let one_by_one = children.iter().fold(index.clone(), |index, child| index.with_child(child).unwrap());
        let at_once = index.with_more(&children).unwrap();
        assert_eq!((at_once.bytes, at_once.digest), (one_by_one.bytes, one_by_one.digest));
        assert_eq!(index.with_more(&[]).unwrap().bytes, index.bytes);

        let mut large = Descriptor::new(None, digest("large"), Some(3));
        large.annotations.insert("note".to_owned(), "x".repeat(RawManifest::LARGEST / 2));
        assert!(index.with_more(std::slice::from_ref(&large)).unwrap().bytes.len() < RawManifest::LARGEST);
        let too_long = index.with_more(&[large.clone(), large]);
        assert!(matches!(too_long, Err(ManifestError::TooLong { .. })), "{too_long:?}");
    }

    #[test]
    fn an_annotation_is_added_or_replaced_and_all_else_stays_as_it_was_written() {
        for (body, expected) in [
            ("{\n \"manifests\": [ ]\n}\n", "{\n \"manifests\": [ ],\"annotations\":{\"x/y\":\"1\"}\n}\n"),
            (
                r#"{"manifests":[],"annotations": null, "z":1.0}"#,
                r#"{"manifests":[],"annotations": {"x/y":"1"}, "z":1.0}"#,
            ),
            (r#"{"annotations":{ },"manifests":[]}"#, r#"{"annotations":{"x/y":"1" },"manifests":[]}"#),
            (
                r#"{"manifests":[{"annotations":{"x/y":"0"}}],"annotations":{ "a" : "b"}}"#,
                r#"{"manifests":[{"annotations":{"x/y":"0"}}],"annotations":{"x/y":"1", "a" : "b"}}"#,
            ),
            (
                r#"{"manifests":[],"annotations":{"a":"b","x\/y": "0" , "c":"d"}}"#,
                r#"{"manifests":[],"annotations":{"a":"b","x\/y": "1" , "c":"d"}}"#,
            ),
        ] {
            let annotated = RawManifest {
                media_type: MediaType::OCI_INDEX,
                digest: digest(body),
                bytes: Bytes::copy_from_slice(body.as_bytes()),
            };
            let annotated = annotated.with_annotation("x/y", "1").unwrap();
            assert_eq!(annotated.bytes, expected);
            assert_eq!(annotated.digest, digest(expected));
            assert_eq!(annotated.with_annotation("x/y", "1").unwrap().bytes, expected);
        }
        let odd = read(MediaType::OCI_INDEX.as_str(), r#"{"manifests":[],"annotations":[1]}"#).unwrap();
        assert!(matches!(odd.with_annotation("x", "1"), Err(ManifestError::Malformed { .. })));
    }

    proptest! {
        #[test]
        fn c03_any_choice_of_children_is_kept_verbatim_and_in_order(
            keep in proptest::collection::vec(any::<bool>(), 0..8),
            blank in "[ \n\t]{0,3}",
        ) {
            let child = |at: usize| format!(r#"{{{blank}"digest":"{}","size":1,"n":{at}.50}}"#, digest(&at.to_string()));
            let body = |wanted: &dyn Fn(usize) -> bool, separator: &str| {
                let children: Vec<_> = (0..keep.len()).filter(|at| wanted(*at)).map(child).collect();
                format!(r#"{{{blank}"manifests":{blank}[{}],"z":{blank}1.0}}"#, children.join(separator))
            };
            let index = read(MediaType::OCI_INDEX.as_str(), &body(&|_| true, &format!("{blank},"))).unwrap();
            let kept: Vec<_> = (0..keep.len()).filter(|at| keep[*at]).map(|at| digest(&at.to_string())).collect();
            let cut = index.with_children(|child| kept.contains(child)).unwrap();
            prop_assert_eq!(&cut.bytes, &body(&|at| keep[at], ","));
            let left: Vec<_> = cut.links().unwrap().manifests.into_iter().map(|child| child.digest).collect();
            prop_assert_eq!(left, kept);
        }
    }
}
