//! Parses JSON into a tree with lines. Only the first value counts, as for Go's decoder.

mod mistake;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::document::{Document, MapBuilder, Node, Repeated, Scalar, ScalarKind, Value};
use super::syntax_error::{Lines, Place, SyntaxError};

/// Deeper than any config, and safe for the stack.
const MOST_LEVELS: usize = 100;

/// Parses the first value of `text`.
pub(crate) fn read(text: &str) -> Result<Document, SyntaxError> {
    if text.trim().is_empty() {
        return Err(SyntaxError::new(Place { line: 1, column: 1 }, "the file is empty"));
    }
    let last = (0, Place { line: 1, column: 1 });
    let mut reader = Reader { text, lines: Lines::new(text), last, repeated: Vec::new() };
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let raw = values.next().transpose().map_err(|error| reader.error(&error, 0))?;
    // A text of blanks only was refused above.
    let Some(raw) = raw else {
        return Err(SyntaxError::new(Place { line: 1, column: 1 }, "the file is empty"));
    };
    let root = reader.node(raw, 0)?;
    let end = reader.offset(raw) + raw.get().len();
    let rest = &text[end..];
    let unread =
        rest.find(|character: char| !character.is_whitespace()).map(|index| reader.lines.line(end + index));
    Ok(Document { root, repeated: reader.repeated, unread })
}

struct Reader<'a> {
    text: &'a str,
    lines: Lines<'a>,
    /// The last byte whose place was computed. The next one is behind it.
    last: (usize, Place),
    repeated: Vec<Repeated>,
}

impl Reader<'_> {
    /// The offset of a part of the text.
    fn offset(&self, raw: &RawValue) -> usize {
        // `raw` borrows from `text`, so the difference of their addresses is the offset.
        (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    /// Line and column of a byte. They are counted from `last`, so that a file without line ends is scanned only once.
    fn place(&mut self, offset: usize) -> Place {
        let line = self.lines.line(offset);
        let (from, column) = match self.last {
            (last, place) if place.line == line && last <= offset => (last, place.column),
            _ => (self.lines.offset(line, 1), 1),
        };
        let between = self.text.get(from..offset).unwrap_or_default();
        let place = Place { line, column: column + between.chars().count() };
        self.last = (offset, place);
        place
    }

    fn node(&mut self, raw: &RawValue, level: usize) -> Result<Node, SyntaxError> {
        let (text, offset) = (raw.get(), self.offset(raw));
        if level > MOST_LEVELS {
            let reason = format!("maps and lists are nested more than {MOST_LEVELS} levels deep");
            return Err(SyntaxError::new(self.lines.place(offset), reason));
        }
        let Place { line, column } = self.place(offset);
        let scalar = |text: String, kind| Value::Scalar(Scalar { text, kind, is_tagged: false });
        let value = match text.as_bytes().first() {
            Some(b'{') => Value::Map(self.map(text, offset, level)?),
            Some(b'[') => {
                let items: Vec<&RawValue> = self.parse(text, offset)?;
                let items = items.into_iter().map(|item| self.node(item, level + 1));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => scalar(self.parse(text, offset)?, ScalarKind::Text),
            Some(b't') => scalar(text.to_owned(), ScalarKind::True),
            Some(b'f') => scalar(text.to_owned(), ScalarKind::False),
            Some(b'n') => scalar(text.to_owned(), ScalarKind::Null),
            _ => scalar(text.to_owned(), ScalarKind::Number),
        };
        Ok(Node { line, column, value })
    }

    fn map(&mut self, text: &str, offset: usize, level: usize) -> Result<Vec<(String, Node)>, SyntaxError> {
        let Entries(raw) = self.parse(text, offset)?;
        let mut map = MapBuilder::default();
        for (key, value) in raw {
            let node = self.node(value, level + 1)?;
            self.repeated.extend(map.insert(key, node));
        }
        Ok(map.into_entries())
    }

    fn parse<'de, T: Deserialize<'de>>(&self, text: &'de str, offset: usize) -> Result<T, SyntaxError> {
        serde_json::from_str(text).map_err(|error| self.error(&error, offset))
    }

    /// The error, with its place in the whole text. `start` is where the parsed part begins.
    fn error(&self, error: &serde_json::Error, start: usize) -> SyntaxError {
        let part = &self.text[start..];
        let offset = start + Lines::new(part).offset(error.line(), error.column());
        mistake::explain(self.text, &self.lines, offset, error)
    }
}

/// The entries of an object in order, repeated keys included.
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
        let document =
            read("{\n \"b\": 1,\n \"a\": [true,\n null],\n \"b\": \"x\\ny\"\n}\n trailing").unwrap();
        let Value::Map(entries) = document.root.value else { panic!() };
        assert_eq!(
            entries.iter().map(|(key, node)| (key.as_str(), node.line)).collect::<Vec<_>>(),
            [("b", 5), ("a", 3)]
        );
        let Value::Scalar(scalar) = &entries[0].1.value else { panic!() };
        assert_eq!((scalar.text.as_str(), scalar.kind), ("x\ny", ScalarKind::Text));
        let Value::List(items) = &entries[1].1.value else { panic!() };
        assert!(items[1].is_null() && items[1].line == 4);
        assert_eq!(document.repeated, [Repeated { key: "b".to_owned(), lost: 2, kept: 5 }]);
        assert_eq!(document.unread, Some(7));
    }

    #[test]
    fn s6_a_deep_nest_is_an_error() {
        let levels = 200_000;
        let error = read(&format!("{}{}", "[".repeat(levels), "]".repeat(levels))).unwrap_err();
        assert!(error.reason.contains("nested"), "{}", error.reason);
    }
}
