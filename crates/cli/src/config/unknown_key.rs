//! Unknown keys. The Go tool ignored them, so they cause warnings; most are misspellings.

use std::path::Path;

use super::document::{Format, Node};
use crate::nearest::nearest;

/// A warning for each unknown key of a map; `of` names the map.
pub(super) fn warnings(
    file: &Path,
    format: Format,
    of: &str,
    fields: &[(String, Node)],
    known: &[&str],
) -> Vec<String> {
    let is_known = |key: &str| known.iter().any(|known| is(format, key, known));
    let unknown = fields.iter().filter(|(key, _)| !is_known(key));
    let warning = |(key, node): &(String, Node)| {
        let place = format!("{}:{}", file.display(), node.line);
        format!("{place}: `{key}` in {of} means nothing and is ignored: {}", meant(key, known))
    };
    unknown.map(warning).collect()
}

/// An unknown key that most likely means `wanted`, which is missing.
pub(super) fn slip_for<'a>(
    format: Format,
    fields: &'a [(String, Node)],
    known: &[&str],
    wanted: &str,
) -> Option<&'a (String, Node)> {
    // To the Go tool, a file with this key in another case has no rules. This stays so.
    let is_there = fields.iter().any(|(key, _)| key.eq_ignore_ascii_case(wanted));
    let mut unknown = fields.iter().filter(|(key, _)| !known.iter().any(|known| is(format, key, known)));
    unknown.find(|(key, _)| !is_there && nearest(key, known) == Some(wanted))
}

/// Go's JSON decoder ignores the case of keys, its YAML decoder does not.
pub(super) fn is(format: Format, key: &str, known: &str) -> bool {
    if format == Format::Json { key.eq_ignore_ascii_case(known) } else { key == known }
}

fn meant(key: &str, known: &[&str]) -> String {
    match nearest(key, known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("known are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["username", "password", "plainHttp"];

    fn told(format: Format, json: &str) -> Vec<String> {
        let node = crate::config::json::read(json).unwrap().root;
        let crate::config::document::Value::Map(fields) = node.value else { panic!("a map") };
        warnings(Path::new("c.json"), format, "the auth entry `r.io`", &fields, &KNOWN)
    }

    #[test]
    fn a_slip_is_named_with_what_was_meant() {
        let told = told(Format::Json, "{\"username\": \"u\",\n\"pasword\": \"p\", \"plainHtpp\": true}");
        let place = "c.json:2: `pasword` in the auth entry `r.io` means nothing and is ignored";
        assert_eq!(told[0], format!("{place}: did you mean `password`?"));
        assert!(told[1].ends_with("did you mean `plainHttp`?") && told.len() == 2);
    }

    #[test]
    fn a_slip_for_what_is_needed_is_found_only_where_that_is_missing() {
        let slip = |json: &str| {
            let node = crate::config::json::read(json).unwrap().root;
            let crate::config::document::Value::Map(fields) = node.value else { panic!("a map") };
            let known = ["auth", "images"];
            slip_for(Format::Json, &fields, &known, "images").map(|(key, _)| key.clone())
        };
        assert_eq!(slip(r#"{"auth": {}, "image": {}}"#).as_deref(), Some("image"));
        assert_eq!(slip(r#"{"image": {}, "IMAGES": {}}"#), None);
        assert_eq!(slip(r#"{"comment": "x"}"#), None);
    }

    #[test]
    fn what_is_far_from_all_gets_the_list_and_case_counts_as_it_does_when_reading() {
        assert!(
            told(Format::Json, r#"{"comment": 1}"#)[0].ends_with("known are username, password, plainHttp")
        );
        assert!(told(Format::Json, r#"{"USERNAME": "u"}"#).is_empty());
        assert!(told(Format::Yaml, r#"{"Username": "u"}"#)[0].ends_with("did you mean `username`?"));
    }
}
