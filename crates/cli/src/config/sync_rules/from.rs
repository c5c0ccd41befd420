//! The meaning of a rule's `from`.

use sync::RepositoryPattern;

use crate::config::image_text::{
    ImageText, ImageTextError, PatternText, SourceText, Which, is_registry, parse, parse_source,
};

/// Why a text is not a source.
pub(crate) struct SourceSlip {
    pub(crate) problem: String,
    pub(crate) help: Option<&'static str>,
}

const REGEX_HELP: &str = "write HOST/(regex)/ over the whole path, as in `quay.io/(team/(.+))/`: $1 in `to` is then the first group inside";

/// Parses a source: in the form of a key of `images`, or a regular expression for the whole path.
pub(crate) fn parse_from(text: &str) -> Result<SourceText, SourceSlip> {
    match text.split_once('/') {
        Some((host, behind)) if behind.starts_with('(') => of_regex(text, host, behind),
        _ => parse_source(text).map_err(|error| {
            let help = match error {
                ImageTextError::Exclusion { .. } => {
                    Some("what is left out stands in `repositories` or `tags`, as `exclude`")
                }
                ImageTextError::Reserved { .. } => {
                    Some("name a registry, as in `registry.example.com/team/app`")
                }
                _ => None,
            };
            SourceSlip { problem: format!("the source cannot be used: {error}"), help }
        }),
    }
}

/// The outer slashes and parentheses are delimiters: the last `)/` ends the expression.
fn of_regex(text: &str, host: &str, behind: &str) -> Result<SourceText, SourceSlip> {
    let slip = |problem: String| SourceSlip { problem, help: Some(REGEX_HELP) };
    let Some((regex, rest)) = behind[1..].rsplit_once(")/") else {
        return Err(slip(format!(
            "`{text}` begins a regular expression with `(` and does not end it with `)/`"
        )));
    };
    if !rest.is_empty() {
        return Err(SourceSlip {
            problem: format!("`{rest}` stands behind the regular expression in `{text}`"),
            help: Some("write which tags are meant in `tags`"),
        });
    }
    if !is_registry(host) {
        return Err(slip(format!("`{text}` names no registry before the regular expression")));
    }
    let pattern = RepositoryPattern::regex(regex).map_err(|error| slip(error.to_string()))?;
    let ImageText { registry, .. } = parse(&format!("{host}/any"))
        .map_err(|error| slip(format!("the registry of `{text}` cannot be used: {error}")))?;
    Ok(SourceText::Many(PatternText { registry, pattern, which: Which::Unsaid }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match parse_from(text) {
            Ok(SourceText::One(one)) => format!("one {}/{}", one.registry, one.repository),
            Ok(SourceText::Many(many)) => format!("many {} {}", many.registry, many.pattern),
            Err(slip) => slip.problem,
        }
    }

    #[test]
    fn a_source_is_a_key_of_images_or_a_regular_expression() {
        assert_eq!(read("quay.io/coreos/etcd:v3"), "one quay.io/coreos/etcd");
        assert_eq!(read("harbor.io:32080/library/**"), "many harbor.io:32080 library/**");
        assert_eq!(read("harbor.io/(library/(.+))/"), "many harbor.io (library/(.+))/");
        assert_eq!(read("harbor.io/(a(b)/c)/"), "many harbor.io (a(b)/c)/", "the last `)/` ends it");
    }

    #[test]
    fn what_is_no_regular_expression_is_told() {
        for (text, told) in [
            ("harbor.io/(library/.+)", "does not end it with `)/`"),
            ("harbor.io/(library/.+)/:v1", "`:v1` stands behind the regular expression"),
            ("harbor.io/(library/(.+)/", "unclosed group"),
            ("harbor.io/(a(?!b))/", "look-around"),
            ("library/(.+)/", "names no registry"),
            ("!quay.io/a", "no rule takes away"),
        ] {
            assert!(read(text).contains(told), "{text}: {}", read(text));
        }
    }
}
