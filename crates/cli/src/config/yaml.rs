//! Parses YAML into a tree with lines: the first document, with anchors and merges, and scalars as in YAML 1.1 and Go's yaml.v2.

mod mistake;

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::document::{Document, MapBuilder, Node, Repeated, Scalar, ScalarKind, Value};
use super::syntax_error::{Place, SyntaxError};

/// Aliases multiply: a few lines can expand to billions of nodes.
const MOST_NODES: usize = 1_000_000;

/// Deeper than any config, and safe for the stack.
const MOST_LEVELS: usize = 100;

/// Parses the first document of `text`.
pub(crate) fn read(text: &str) -> Result<Document, SyntaxError> {
    // Go's parser accepts tabs behind colons, as libyaml does; ours rejects most of them.
    let text = mistake::without_tabs_behind_colons(text);
    Reader::new(&text).document().map_err(|error| mistake::explain(&text, error))
}

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    place: Place,
    level: usize,
    repeated: Vec<Repeated>,
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let place = Place { line: 1, column: 1 };
        let (anchors, nodes, level, repeated) = Default::default();
        Self { events: Parser::new_from_str(text), anchors, nodes, place, level, repeated }
    }

    fn document(mut self) -> Result<Document, SyntaxError> {
        let root = loop {
            match self.next()? {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd => return Err(self.error("the file is empty")),
                event => break self.node(event)?,
            }
        };
        while !matches!(self.next()?, Event::DocumentEnd | Event::StreamEnd) {}
        let unread = self.second_document();
        Ok(Document { root, repeated: self.repeated, unread })
    }

    /// The place of a second document, if it is not empty.
    fn second_document(&mut self) -> Option<usize> {
        loop {
            match self.next() {
                Ok(Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing) => {}
                Ok(Event::StreamEnd) => return None,
                Ok(Event::Scalar(text, ..)) if text.is_empty() => {}
                Ok(_) | Err(_) => return Some(self.place.line),
            }
        }
    }

    fn error(&self, reason: impl Into<String>) -> SyntaxError {
        SyntaxError::new(self.place, reason)
    }

    fn next(&mut self) -> Result<Event<'a>, SyntaxError> {
        match self.events.next() {
            Some(Ok((event, span))) => {
                self.place = place(&span.start);
                Ok(event)
            }
            Some(Err(error)) => {
                self.place = place(error.marker());
                Err(self.error(error.info()))
            }
            None => Ok(Event::StreamEnd),
        }
    }

    fn node(&mut self, event: Event<'a>) -> Result<Node, SyntaxError> {
        let Place { line, column } = self.place;
        self.count(1)?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, Value::Scalar(scalar(text, style, tag.as_deref())))
            }
            Event::SequenceStart(anchor, _) => (anchor, Value::List(self.below(Self::list)?)),
            Event::MappingStart(anchor, _) => (anchor, Value::Map(self.below(Self::map)?)),
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).cloned();
                let target = target.ok_or_else(|| self.error("an alias refers to itself"))?;
                self.count(size(&target))?;
                return Ok(Node { line, column, value: target.value });
            }
            _ => return Err(self.error("a value is missing")),
        };
        let node = Node { line, column, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// Parses a value one level deeper.
    fn below<T>(&mut self, read: fn(&mut Self) -> Result<T, SyntaxError>) -> Result<T, SyntaxError> {
        self.level += 1;
        if self.level > MOST_LEVELS {
            return Err(self.error(format!("maps and lists are nested more than {MOST_LEVELS} levels deep")));
        }
        let below = read(self);
        self.level -= 1;
        below
    }

    fn list(&mut self) -> Result<Vec<Node>, SyntaxError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(items),
                event => items.push(self.node(event)?),
            }
        }
    }

    fn map(&mut self) -> Result<Vec<(String, Node)>, SyntaxError> {
        let (mut map, mut merged) = (MapBuilder::default(), Vec::new());
        loop {
            let key = match self.next()? {
                Event::MappingEnd => break,
                event => self.node(event)?,
            };
            let (key, Value::Scalar(key_scalar)) = (key.place(), key.value) else {
                return Err(self.error("a key must be a text"));
            };
            let event = self.next()?;
            let value = self.node(event)?;
            if key_scalar.text == "<<" {
                merged.push(value);
                continue;
            }
            // An empty value has no line of its own; a list or map has its key's place.
            let is_here = value.line == key.line || (value.line > key.line && is_scalar(&value.value));
            let Place { line, column } = if is_here { value.place() } else { key };
            let repeated = map.insert(key_scalar.text, Node { line, column, ..value });
            self.repeated.extend(repeated);
        }
        for value in merged {
            merge(&mut map, value).map_err(|reason| self.error(reason))?;
        }
        Ok(map.into_entries())
    }

    fn count(&mut self, nodes: usize) -> Result<(), SyntaxError> {
        self.nodes += nodes;
        if self.nodes > MOST_NODES {
            return Err(self.error(format!("more than {MOST_NODES} values")));
        }
        Ok(())
    }
}

/// `<<`: adds the keys of the merged maps that are missing.
fn merge(map: &mut MapBuilder, value: Node) -> Result<(), &'static str> {
    match value.value {
        Value::Map(merged) => {
            for (key, node) in merged {
                if !map.contains(&key) {
                    map.insert(key, node);
                }
            }
            Ok(())
        }
        Value::List(maps) => maps.into_iter().try_for_each(|item| merge(map, item)),
        Value::Scalar(_) => Err("`<<` needs a map"),
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Scalar(_))
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 1,
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|(_, node)| size(node)).sum::<usize>(),
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Scalar {
    let is_text = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
    let kind = if is_text { ScalarKind::Text } else { plain_kind(&text) };
    // YAML's own tags, such as `!!str`, are fine.
    let is_tagged = tag.is_some_and(|tag| tag.handle == "!");
    Scalar { text: text.into_owned(), kind, is_tagged }
}

/// YAML 1.1's implicit types.
fn plain_kind(text: &str) -> ScalarKind {
    let any_case = |word: &str| {
        let capital = format!("{}{}", word[..1].to_uppercase(), &word[1..]);
        text == word || text == word.to_uppercase() || text == capital
    };
    if text.is_empty() || text == "~" || any_case("null") {
        ScalarKind::Null
    } else if ["y", "yes", "true", "on"].into_iter().any(any_case) {
        ScalarKind::True
    } else if ["n", "no", "false", "off"].into_iter().any(any_case) {
        ScalarKind::False
    } else if is_number(text) {
        ScalarKind::Number
    } else {
        ScalarKind::Text
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']).replace('_', "");
    let is_prefixed = |prefix: &str, radix| {
        digits.strip_prefix(prefix).is_some_and(|rest| i128::from_str_radix(rest, radix).is_ok())
    };
    let starts_like_one = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    is_prefixed("0x", 16)
        || is_prefixed("0b", 2)
        || is_prefixed("0o", 8)
        || matches!(digits.to_ascii_lowercase().as_str(), ".inf" | ".nan")
        || (starts_like_one && digits.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<(String, Node)> {
        match read(text).unwrap().root.value {
            Value::Map(entries) => entries,
            other => panic!("{other:?}"),
        }
    }

    fn scalars(text: &str) -> Vec<(String, String, ScalarKind)> {
        let scalar = |(key, node): (String, Node)| match node.value {
            Value::Scalar(scalar) => (key, scalar.text, scalar.kind),
            other => panic!("{other:?}"),
        };
        entries(text).into_iter().map(scalar).collect()
    }

    #[test]
    fn keys_with_colons_commas_and_patterns_need_no_quotes() {
        let read = entries("quay.io/a/b:v1.0,v2.0: quay.io/c/d\nquay.io/a/b:/a+/: quay.io/c/e\n");
        assert_eq!(read[0].0, "quay.io/a/b:v1.0,v2.0");
        assert_eq!(read[1].0, "quay.io/a/b:/a+/");
        assert_eq!((read[0].1.line, read[1].1.line), (1, 2));
    }

    #[test]
    fn scalars_keep_their_text_and_get_yaml_1_1_types() {
        use ScalarKind::{False, Null, Number, Text, True};
        let read =
            scalars("a: 0456\nb: yes\nc: 'true'\nd: ~\ne: 1e5\nf: Off\ng: v1.0\nh:\ni: 0x1F\nj: 1.2.3\n");
        let kinds: Vec<_> = read.iter().map(|(_, _, kind)| *kind).collect();
        assert_eq!(kinds, [Number, True, Text, Null, Number, False, Text, Null, Number, Text]);
        assert_eq!(read[0].1, "0456");
    }

    #[test]
    fn the_last_of_repeated_keys_and_only_the_first_document_count() {
        assert_eq!(
            scalars("a: 1\na: 2\n---\na: 3\n"),
            [("a".to_owned(), "2".to_owned(), ScalarKind::Number)]
        );
    }

    #[test]
    fn anchors_aliases_and_merges() {
        let read = entries("base: &b {u: x, p: y}\nother:\n  <<: *b\n  p: z\n");
        let Value::Map(other) = &read[1].1.value else { panic!() };
        let other: Vec<_> = other.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(other, ["p", "u"]);
    }

    #[test]
    fn alias_bombs_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}", level - 1);
            let line = format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", "));
            text.push_str(&line);
        }
        assert!(super::read(&text).unwrap_err().reason.contains("more than"));
    }

    #[test]
    fn broken_yaml_names_its_line() {
        assert_eq!(super::read("a: 1\nb: [1,\nc: 2\n").unwrap_err().place.line, 3);
        assert!(super::read("").is_err());
    }

    #[test]
    fn c20_what_is_not_read_is_known() {
        let document = super::read("# c\na: 1\nb: {x: 1}\na: 2\nb: {x: 1}\n---\n# c\nc: 3\n").unwrap();
        assert_eq!(document.repeated, [Repeated { key: "a".to_owned(), lost: 2, kept: 4 }]);
        assert_eq!(document.unread, Some(8));
        assert_eq!(super::read("a: 1\n---\n").unwrap().unread, None);
        assert_eq!(super::read("a: 1\n...\n").unwrap().unread, None);
    }

    #[test]
    fn c22_a_tag_before_a_text_is_seen() {
        let tagged = |text: &str| match entries(text).remove(0).1.value {
            Value::Scalar(scalar) => (scalar.text, scalar.is_tagged),
            other => panic!("{other:?}"),
        };
        assert_eq!(tagged("p: !abc\n"), (String::new(), true));
        assert_eq!(tagged("p: !abc def\n"), ("def".to_owned(), true));
        assert_eq!(tagged("p: !!str 0456\n"), ("0456".to_owned(), false));
    }

    #[test]
    fn s6_a_deep_nest_is_an_error() {
        for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
            assert!(super::read(&text).is_err());
        }
    }
}
