//! Reads YAML into a tree with lines: the first document, with anchors and merges, and scalars as YAML 1.1
//! and Go's yaml.v2 take them.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::document::{Node, Scalar, ScalarKind, Value, insert};
use super::json::SyntaxError;

/// Aliases multiply: a few lines can ask for billions of nodes.
const MOST_NODES: usize = 1_000_000;

/// Reads the first document of `text`.
pub(crate) fn read(text: &str) -> Result<Node, SyntaxError> {
    let mut reader =
        Reader { events: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, line: 1 };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd => return Err((1, "the file is empty".to_owned())),
            event => return reader.node(event),
        }
    }
}

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    line: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, SyntaxError> {
        match self.events.next() {
            Some(Ok((event, span))) => {
                self.line = span.start.line();
                Ok(event)
            }
            Some(Err(error)) => Err((error.marker().line(), error.info().to_owned())),
            None => Ok(Event::StreamEnd),
        }
    }

    fn node(&mut self, event: Event<'a>) -> Result<Node, SyntaxError> {
        let line = self.line;
        self.count(1)?;
        let (anchor, value) = match event {
            Event::Scalar(text, style, anchor, _) => {
                (anchor, Value::Scalar(scalar(text.into_owned(), style)))
            }
            Event::SequenceStart(anchor, _) => (anchor, Value::List(self.list()?)),
            Event::MappingStart(anchor, _) => (anchor, Value::Map(self.map()?)),
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).cloned();
                let target = target.ok_or((line, "an alias refers to itself".to_owned()))?;
                self.count(size(&target))?;
                return Ok(Node { line, value: target.value });
            }
            _ => return Err((line, "a value is missing".to_owned())),
        };
        let node = Node { line, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
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
        let (mut entries, mut merged) = (Vec::new(), Vec::new());
        loop {
            let key = match self.next()? {
                Event::MappingEnd => break,
                event => self.node(event)?,
            };
            let Value::Scalar(key_scalar) = key.value else {
                return Err((key.line, "a key must be a text".to_owned()));
            };
            let event = self.next()?;
            let mut value = self.node(event)?;
            if key_scalar.text == "<<" {
                merged.push(value);
                continue;
            }
            // An empty value has no line of its own.
            value.line = value.line.max(key.line);
            insert(&mut entries, key_scalar.text, value);
        }
        for value in merged {
            merge(&mut entries, value)?;
        }
        Ok(entries)
    }

    fn count(&mut self, nodes: usize) -> Result<(), SyntaxError> {
        self.nodes += nodes;
        if self.nodes > MOST_NODES {
            return Err((self.line, format!("more than {MOST_NODES} values")));
        }
        Ok(())
    }
}

/// `<<`: keys of the merged maps that are not there yet.
fn merge(entries: &mut Vec<(String, Node)>, value: Node) -> Result<(), SyntaxError> {
    match value.value {
        Value::Map(merged) => {
            for (key, node) in merged {
                if !entries.iter().any(|(existing, _)| *existing == key) {
                    entries.push((key, node));
                }
            }
            Ok(())
        }
        Value::List(maps) => maps.into_iter().try_for_each(|map| merge(entries, map)),
        Value::Scalar(_) => Err((value.line, "`<<` needs a map".to_owned())),
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 1,
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|(_, node)| size(node)).sum::<usize>(),
    }
}

fn scalar(text: String, style: ScalarStyle) -> Scalar {
    let kind = if style == ScalarStyle::Plain { plain_kind(&text) } else { ScalarKind::Text };
    Scalar { text, kind }
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
        match read(text).unwrap().value {
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
        assert!(super::read(&text).unwrap_err().1.contains("more than"));
    }

    #[test]
    fn broken_yaml_names_its_line() {
        assert_eq!(super::read("a: 1\nb: [1,\nc: 2\n").unwrap_err().0, 3);
        assert!(super::read("").is_err());
    }
}
