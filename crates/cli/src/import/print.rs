//! Prints a config as YAML that all parsers read alike: a text that could be read as another type is quoted.

use std::fmt::Write as _;

use oci::foreign_text::is_plain;

use super::tree::Tree;

/// Rows that do not fit in this width have one item on each line.
const WIDTH: usize = 110;

/// Words that are not texts, ignoring case: YAML 1.1's booleans and nulls.
const NO_TEXTS: [&str; 10] = ["y", "yes", "true", "on", "n", "no", "false", "off", "null", "~"];

/// The document, with comments above it.
pub(super) fn document(comments: &[String], root: &Tree) -> String {
    let mut printed = String::new();
    for comment in comments {
        // A line end would end the comment.
        let line: String = comment.chars().map(|each| if is_plain(each) { each } else { ' ' }).collect();
        let _ = writeln!(printed, "# {line}");
    }
    below(&mut printed, root, 0);
    printed
}

/// A value on separate lines.
fn below(printed: &mut String, tree: &Tree, indent: usize) {
    match tree {
        Tree::Map(entries) => {
            for (key, value) in entries {
                entry(printed, key, value, indent);
            }
        }
        Tree::Named(entries) => {
            for (key, value) in entries {
                entry(printed, key, value, indent);
            }
        }
        Tree::Items(items) | Tree::Row(items) => {
            for item in items {
                let mut of_item = String::new();
                below(&mut of_item, item, indent + 2);
                let _ = write!(printed, "{:indent$}- {}", "", of_item.trim_start());
            }
        }
        Tree::Text(_) | Tree::Word(_) => {
            let _ = writeln!(printed, "{:indent$}{}", "", inline(tree));
        }
    }
}

fn entry(printed: &mut String, key: &str, value: &Tree, indent: usize) {
    let key = scalar(key);
    let _ = write!(printed, "{:indent$}{key}:", "");
    let line = inline(value);
    let is_nested = match value {
        Tree::Map(entries) => !entries.is_empty(),
        Tree::Named(entries) => !entries.is_empty(),
        Tree::Items(items) => !items.is_empty(),
        Tree::Row(items) => !items.is_empty() && indent + key.len() + line.len() > WIDTH,
        Tree::Text(_) | Tree::Word(_) => false,
    };
    if is_nested {
        printed.push('\n');
        below(printed, value, indent + 2);
    } else {
        let _ = writeln!(printed, " {line}");
    }
}

/// A value on one line.
fn inline(tree: &Tree) -> String {
    let list = |items: &[Tree]| format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "));
    match tree {
        Tree::Text(text) => scalar(text),
        Tree::Word(word) => word.clone(),
        Tree::Row(items) | Tree::Items(items) => list(items),
        Tree::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}: {}", inline(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Tree::Named(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}: {}", scalar(key), inline(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A text, quoted if necessary.
fn scalar(text: &str) -> String {
    if needs_no_quotes(text) {
        text.to_owned()
    } else if text.chars().all(is_plain) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        in_double_quotes(text)
    }
}

fn needs_no_quotes(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let is_number_like = (first.is_ascii_digit() || first == '.') && !text.contains('/');
    (first.is_ascii_alphanumeric() || "/.$".contains(first))
        && !is_number_like
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./:@+$*-".contains(&byte))
        && !text.ends_with(':')
        && !NO_TEXTS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn in_double_quotes(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                let _ = write!(quoted, "\\{character}");
            }
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            plain if is_plain(plain) => quoted.push(plain),
            other => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(other));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Node, ScalarKind, Value, yaml};

    fn printed(tree: &Tree) -> String {
        document(&[], tree)
    }

    /// Reads the printed tree back; words become texts.
    fn read(node: &Node) -> Tree {
        match &node.value {
            Value::Scalar(scalar) if scalar.kind == ScalarKind::Text => Tree::text(&scalar.text),
            Value::Scalar(scalar) => Tree::Word(scalar.text.clone()),
            Value::List(items) if items.iter().any(|item| matches!(item.value, Value::Map(_))) => {
                Tree::Items(items.iter().map(read).collect())
            }
            Value::List(items) => Tree::Row(items.iter().map(read).collect()),
            Value::Map(entries) => {
                Tree::Named(entries.iter().map(|(key, node)| (key.clone(), read(node))).collect())
            }
        }
    }

    #[test]
    fn what_looks_like_something_else_is_quoted() {
        for (text, as_printed) in [
            ("quay.io/coreos/etcd:v3.5.0", "quay.io/coreos/etcd:v3.5.0"),
            ("harbor.example.com:32080", "harbor.example.com:32080"),
            ("10.0.0.5:5000/a", "10.0.0.5:5000/a"),
            ("robot$library+mirror", "robot$library+mirror"),
            ("1.25", "'1.25'"),
            ("0x1F", "'0x1F'"),
            ("Yes", "'Yes'"),
            ("", "''"),
            ("*-rc*", "'*-rc*'"),
            ("/^v\\d+.*$/", "'/^v\\d+.*$/'"),
            ("it's", "'it''s'"),
            ("a: b", "'a: b'"),
            ("a #b", "'a #b'"),
            ("a:", "'a:'"),
            ("!abc", "'!abc'"),
            ("{env}", "'{env}'"),
            ("a\nb: c\u{202e}", "\"a\\nb: c\\U0000202e\""),
        ] {
            assert_eq!(scalar(text), as_printed, "{text:?}");
        }
    }

    #[test]
    fn long_rows_and_maps_stand_below() {
        let row = Tree::row((0..40).map(|index| format!("v{index}")));
        let tree = Tree::Map(vec![(
            "sync",
            Tree::Items(vec![Tree::Map(vec![
                ("from", Tree::text("a/b")),
                ("tags", Tree::Map(vec![("include", row), ("exclude", Tree::row(["x"]))])),
            ])]),
        )]);
        let text = printed(&tree);
        assert!(
            text.starts_with("sync:\n  - from: a/b\n    tags:\n      include:\n        - v0\n"),
            "{text}"
        );
        assert!(text.ends_with("        - v39\n      exclude: [x]\n"), "{text}");
    }

    #[test]
    fn a_comment_stays_one() {
        let text = document(&["a\nsync: []\u{2028}x".to_owned()], &Tree::Map(Vec::new()));
        assert_eq!(text, "# a sync: [] x\n");
    }

    fn any_tree() -> impl Strategy<Value = Tree> {
        let text = prop_oneof![any::<String>(), "[ -~]{0,8}", "[a-z0-9.:/*#&!|>'\"%@`{}\\[\\],?~-]{1,6}"];
        let leaf = prop_oneof![
            text.clone().prop_map(Tree::Text),
            proptest::collection::vec(text.clone().prop_map(Tree::Text), 1..4).prop_map(Tree::Row),
        ];
        let named = proptest::collection::btree_map(text, leaf, 1..4);
        named.prop_map(|entries| Tree::Named(entries.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_as_it_was(
            maps in proptest::collection::vec(any_tree(), 1..4),
            key in "[a-z]{1,4}",
        ) {
            // YAML 1.1 parsers treat `<<` as a merge, quoted or not.
            let is_merge = |tree: &Tree| matches!(tree, Tree::Named(entries) if entries.iter().any(|(key, _)| key == "<<"));
            prop_assume!(!maps.iter().any(is_merge));
            let tree = Tree::Named(vec![(key, Tree::Items(maps))]);
            let text = printed(&tree);
            prop_assert!(text.lines().all(|line| line.chars().all(is_plain)), "{}", text);
            let document = yaml::read(&text).map_err(|error| TestCaseError::fail(format!("{error:?}\n{text}")))?;
            prop_assert_eq!(read(&document.root), tree, "{}", text);
        }
    }
}
