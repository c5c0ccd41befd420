//! Converts other tools' patterns to ours: `/regex/`, searched in the text, or a glob for the whole text.

use regex::Regex;
use sync::regex_problem;

/// A regex of a tool that adds `^` and `$` without a group: `v1|v2` matches what begins with `v1` or ends with `v2`, and the result does
/// the same.
pub(super) fn anchored(pattern: &str) -> Result<String, String> {
    found(&format!("^{pattern}$"))
}

/// Like `anchored`, for a tool that adds each anchor only if it is missing.
pub(super) fn anchored_once(pattern: &str) -> Result<String, String> {
    let front = if pattern.starts_with('^') { "" } else { "^" };
    let back = if pattern.ends_with('$') { "" } else { "$" };
    found(&format!("{front}{pattern}{back}"))
}

/// A regex that is searched in the text.
pub(super) fn found(pattern: &str) -> Result<String, String> {
    match Regex::new(pattern) {
        Ok(_) => Ok(format!("/{pattern}/")),
        Err(error) => Err(format!("`{pattern}` is no regex here: {}", regex_problem(&error.to_string()))),
    }
}

/// Whether each `**` is a whole path component, as in Harbor's globs.
pub(super) fn is_plain_path(glob: &str) -> bool {
    glob.split('/').all(|part| {
        let may_stand =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-*".contains(&byte);
        part == "**" || (!part.is_empty() && part.bytes().all(may_stand) && !part.contains("**"))
    })
}

/// The literal components at the beginning of a path glob, and whether they are the whole glob.
pub(super) fn literal_front(glob: &str) -> (Vec<&str>, bool) {
    let is_literal = |part: &&str| !part.contains(['*', '?', '[', ']', '{', '}', '\\', '^']);
    let front: Vec<&str> = glob.split('/').take_while(is_literal).collect();
    let is_whole = front.len() == glob.split('/').count();
    (front, is_whole)
}

/// A glob for tags, in which `**` means the same as `*`.
pub(super) fn tag_glob(glob: &str) -> String {
    let mut single = glob.to_owned();
    while single.contains("**") {
        single = single.replace("**", "*");
    }
    single
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_stay_ungrouped_as_their_tools_have_them() {
        assert_eq!(anchored("v1|v2").as_deref(), Ok("/^v1|v2$/"));
        assert_eq!(anchored_once("^a.*").as_deref(), Ok("/^a.*$/"));
        assert_eq!(anchored_once(r"a\$").as_deref(), Ok(r"/^a\$/"));
        assert!(anchored("a)|(?:b").is_err() && found("(?!x)").is_err());
    }

    #[test]
    fn globs_of_paths() {
        assert!(is_plain_path("library/**") && is_plain_path("a/b-*/c") && !is_plain_path("a/{b,c}"));
        assert!(!is_plain_path("a/**b") && !is_plain_path("a//b") && !is_plain_path(""));
        assert_eq!(literal_front("library/a/x*"), (vec!["library", "a"], false));
        assert_eq!(literal_front("library/a"), (vec!["library", "a"], true));
        assert_eq!(tag_glob("v8.11***"), "v8.11*");
    }
}
