//! Errors in settings, each with its place, the value, and the expected value.

use crate::config::config_file::ConfigFile;
use crate::config::document::{Node, Scalar, ScalarKind, Value};
use crate::config::error::ConfigError;
use crate::config::syntax_error::Place;
use crate::nearest::nearest;

/// The length up to which an error repeats the value.
const LONGEST_SHOWN: usize = 60;

/// All errors of a file, so that users can fix them in one go.
pub(crate) struct Slips<'a> {
    file: &'a ConfigFile,
    /// The keys that lead to the current value.
    path: Vec<String>,
    /// Whether the current value is an item of a list.
    in_list: bool,
    errors: Vec<ConfigError>,
}

/// Other programs' words for the sides of a rule.
const OTHERS_SAY: [(&str, &str); 4] =
    [("source", "from"), ("src", "from"), ("target", "to"), ("destination", "to")];

/// The key that another program's word corresponds to, even if a key of ours is spelt similarly.
fn meant_by<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let (_, ours) = OTHERS_SAY.iter().find(|(theirs, _)| *theirs == key)?;
    known.iter().copied().find(|known| known == ours)
}

impl<'a> Slips<'a> {
    pub(crate) fn new(file: &'a ConfigFile) -> Self {
        Self { file, path: Vec::new(), in_list: false, errors: Vec::new() }
    }

    /// The number of errors so far.
    pub(crate) fn count(&self) -> usize {
        self.errors.len()
    }

    pub(crate) fn into_errors(self) -> Vec<ConfigError> {
        self.errors
    }

    /// Parses the value of a key.
    pub(crate) fn below<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_owned());
        let in_list = std::mem::take(&mut self.in_list);
        let value = read(self);
        self.in_list = in_list;
        self.path.pop();
        value
    }

    /// Parses an item of a list.
    pub(crate) fn item<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let in_list = std::mem::replace(&mut self.in_list, true);
        let value = read(self);
        self.in_list = in_list;
        value
    }

    /// The entries of a map. Unknown and missing keys are errors.
    pub(crate) fn map<'n>(
        &mut self,
        node: &'n Node,
        known: &[&str],
        required: &[&str],
    ) -> Option<&'n [(String, Node)]> {
        let Value::Map(fields) = &node.value else {
            self.expected(node, &format!("a map with some of {}", known.join(", ")));
            return None;
        };
        let mut meant = Vec::new();
        for (key, value) in fields.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            let of = self.path_text().map_or_else(String::new, |path| format!(" in `{path}`"));
            let near = meant_by(key, known).or_else(|| nearest(key, known));
            meant.extend(near);
            let help = match near {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("known are {}", known.join(", ")),
            };
            let place = self.file.place_of_key(key, value);
            self.push(format!("`{key}`{of} means nothing"), place, Some(&help));
        }
        // A misspelt key is not reported as missing.
        let is_there = |key: &&&str| meant.contains(*key) || fields.iter().any(|(name, _)| name == *key);
        for key in required.iter().filter(|key| !is_there(key)) {
            let what = self.path_text().map_or_else(|| "the rule".to_owned(), |path| format!("`{path}`"));
            self.push(format!("{what} has no `{key}`"), node.place(), None);
        }
        Some(fields)
    }

    /// Reports that another value is expected.
    pub(crate) fn expected(&mut self, node: &Node, what: &str) {
        let problem = format!("must be {what}, not {}", described(node));
        let help = match &node.value {
            Value::Scalar(Scalar { is_tagged: true, .. }) => {
                Some("without quotes, `!` begins a tag in YAML: put the text in quotes".to_owned())
            }
            Value::Scalar(scalar) if what.starts_with("a text") && scalar.kind != ScalarKind::Null => {
                Some(format!("put it in quotes: \"{}\"", scalar.text))
            }
            Value::Scalar(scalar) if what.starts_with("a list") && scalar.kind == ScalarKind::Text => {
                Some(format!("put it in brackets: [\"{}\"]", scalar.text))
            }
            _ => None,
        };
        self.wrong(node.place(), &problem, help.as_deref());
    }

    /// Reports an unusable value: `problem` follows the key in the message.
    pub(crate) fn wrong(&mut self, place: Place, problem: &str, help: Option<&str>) {
        let path = self.path_text().unwrap_or_else(|| "the rule".to_owned());
        let subject = match (self.in_list, self.path.is_empty()) {
            (true, _) => format!("each of `{path}`"),
            (false, true) => path,
            (false, false) => format!("`{path}`"),
        };
        self.push(format!("{subject} {problem}"), place, help);
    }

    /// Reports an error in its own words.
    pub(crate) fn push(&mut self, problem: String, place: Place, help: Option<&str>) {
        let error = self.file.error_at(problem, place);
        self.errors.push(match help {
            Some(help) => error.help(help),
            None => error,
        });
    }

    fn path_text(&self) -> Option<String> {
        (!self.path.is_empty()).then(|| self.path.join("."))
    }
}

/// The value, for messages.
fn described(node: &Node) -> String {
    match &node.value {
        Value::Scalar(Scalar { kind: ScalarKind::Text, text, .. }) if text.is_empty() => {
            "an empty text".to_owned()
        }
        Value::Scalar(Scalar { kind: ScalarKind::Text, text, .. }) if text.len() <= LONGEST_SHOWN => {
            format!("`{text}`")
        }
        _ => node.describe(),
    }
}
