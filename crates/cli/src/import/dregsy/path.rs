//! `from` and `to` of a mapping: paths, or regexes over them.
//!
//! A regex in `from` is anchored, and matches the path without its first `/`. A regex in `to` is searched in the path with it, and the
//! match is replaced. For one repository the replacement is done here; for many, only the common form is converted: a literal beginning
//! that `from` has, too, and a group up to the end.

use regex::Regex;

use super::super::fields::Written;
use super::super::note::Notes;
use super::super::pattern::anchored_once;
use super::super::place::{self, checked};
use super::super::rule::{Patterns, Rule};

const REGEX: &str = "regex:";

/// The rule of a mapping, without its tags; the error says why there is none.
pub(super) fn rule(
    source: &str,
    target: &str,
    from: Written<'_>,
    to: Option<Written<'_>>,
    notes: &mut Notes,
) -> Result<Rule, String> {
    let to = to.map(|to| to.text);
    let Some(pattern) = from.text.strip_prefix(REGEX) else {
        let path = from.text.trim_start_matches('/');
        let to = match to {
            None => path.to_owned(),
            Some(to) => match to.strip_prefix(REGEX) {
                Some(rewrite) => rewritten(path, rewrite)?,
                None => to.trim_start_matches('/').to_owned(),
            },
        };
        return Ok(Rule { from: checked(source, path)?, to: vec![checked(target, &to)?], ..Rule::default() });
    };
    if place::is_docker_hub(source) {
        notes.changed(from.line, format!("`{}`", from.text), place::NO_LIST_AT_HUB);
    }
    let repositories = Patterns { include: vec![anchored_once(pattern)?], exclude: Vec::new() };
    match to.map(|to| (to, to.strip_prefix(REGEX))) {
        Some((_, Some(rewrite))) => {
            many_rewritten(source, target, pattern, rewrite, repositories, from.line, notes)
        }
        other => {
            let prefix = other.map(|(to, _)| to.trim_matches('/')).filter(|to| !to.is_empty());
            let to = prefix.map_or_else(|| target.to_owned(), |prefix| format!("{target}/{prefix}"));
            place::prefix(&to)?;
            let (from, to) = (format!("{source}/**"), vec![format!("{to}/{{path}}")]);
            Ok(Rule { from, to, repositories, ..Rule::default() })
        }
    }
}

/// `REGEX,REPLACEMENT`: the first comma ends the regex.
fn parts(rewrite: &str) -> Result<(&str, &str), String> {
    let parts = rewrite.split_once(',');
    parts.ok_or_else(|| format!("`{REGEX}{rewrite}` has no comma between the regex and what replaces it"))
}

/// The target path of one repository.
fn rewritten(path: &str, rewrite: &str) -> Result<String, String> {
    let (pattern, replacement) = parts(rewrite)?;
    let regex = Regex::new(pattern).map_err(|_| format!("`{pattern}` is no regex here"))?;
    let whole = format!("/{path}");
    let rewritten = regex.replace_all(&whole, replacement);
    let path = rewritten.strip_prefix('/');
    path.map(str::to_owned).ok_or_else(|| {
        format!("`{REGEX}{rewrite}` makes `{rewritten}` of `{whole}`, which does not begin with `/`")
    })
}

fn many_rewritten(
    source: &str,
    target: &str,
    from: &str,
    rewrite: &str,
    repositories: Patterns,
    line: usize,
    notes: &mut Notes,
) -> Result<Rule, String> {
    let (pattern, replacement) = parts(rewrite)?;
    let (pattern, replacement) = match (
        pattern.strip_prefix("^/").or_else(|| pattern.strip_prefix('/')),
        replacement.strip_prefix('/'),
    ) {
        (Some(pattern), Some(replacement)) => (pattern, replacement),
        (None, None) => (pattern, replacement),
        _ => return Err(by_hand(rewrite)),
    };
    let (literal, tail) = literal_front(pattern);
    let begins_alike = literal_front(from.strip_prefix('^').unwrap_or(from)).0.starts_with(literal);
    let is_whole = matches!(tail, "(.*)" | "(.*)$" | "(.+)" | "(.+)$");
    if literal.is_empty()
        || !begins_alike
        || !is_whole
        || !is_plain_replacement(replacement)
        || has_alternatives(from)
    {
        return Err(by_hand(rewrite));
    }
    let why =
        "a repository that the regex of `to` does not fit keeps its name with dregsy; here it is not copied";
    notes.changed(line, format!("`{REGEX}{rewrite}`"), why);
    let from = format!("{source}/({literal}{})/", tail.trim_end_matches('$'));
    Ok(Rule { from, to: vec![format!("{target}/{replacement}")], repositories, ..Rule::default() })
}

fn by_hand(rewrite: &str) -> String {
    format!(
        "`{REGEX}{rewrite}` cannot be carried over for many repositories: write a rule by hand, as in `from: HOST/(acme/(.*))/`, `to: HOST/mirror/$1`"
    )
}

/// The literal beginning of a regex.
fn literal_front(pattern: &str) -> (&str, &str) {
    let is_literal = |character: char| character.is_ascii_alphanumeric() || "/_-".contains(character);
    pattern.split_at(pattern.find(|character: char| !is_literal(character)).unwrap_or(pattern.len()))
}

/// Whether the regex has a `|`: then its beginning need not be common to all paths.
fn has_alternatives(pattern: &str) -> bool {
    pattern.contains('|')
}

/// Whether a replacement is a path with a separate `$1`: Go takes the longest possible name after a `$`.
fn is_plain_replacement(text: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/._-".contains(&byte);
    let mut pieces = text.split("$1");
    let is_path = |piece: &str| piece.bytes().all(may_stand);
    let first = pieces.next().is_some_and(is_path);
    let stands_alone =
        |piece: &str| !piece.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
    first && !text.is_empty() && pieces.all(|piece| is_path(piece) && stands_alone(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(from: &str, to: Option<&str>) -> Result<(String, String, Vec<String>), String> {
        let written = |text| Written { text, line: 1 };
        let rule = rule("a.io", "b.io", written(from), to.map(written), &mut Notes::default())?;
        Ok((rule.from, rule.to.concat(), rule.repositories.include))
    }

    #[test]
    fn one_repository_is_worked_out() {
        for (from, to, goes) in [
            ("test/image", None, "b.io/test/image"),
            ("/test/image", Some("/archive/image"), "b.io/archive/image"),
            ("test/image", Some("regex:test/(.*),mirror/$1"), "b.io/mirror/image"),
            ("test/image", Some("regex:^/test/,/m/"), "b.io/m/image"),
            ("test/image", Some("regex:nothing,x"), "b.io/test/image"),
            ("a/a", Some("regex:a,b"), "b.io/b/b"),
        ] {
            let (made_from, made_to, _) = made(from, to).unwrap();
            assert_eq!(
                (made_from.as_str(), made_to.as_str()),
                (format!("a.io/{}", from.trim_start_matches('/')).as_str(), goes),
                "{from} {to:?}"
            );
        }
        for (from, to) in [
            ("A/b", None),
            ("a/b", Some("regex:.*,c")),
            ("a/b", Some("regex:a")),
            ("a/b:v1", None),
            ("a", Some("regex:(,x")),
        ] {
            assert!(made(from, to).is_err(), "{from} {to:?}");
        }
    }

    #[test]
    fn many_repositories_keep_their_regex() {
        let anchored = |pattern: &str| vec![format!("/^{pattern}$/")];
        let made = |from, to| made(from, to).unwrap();
        assert_eq!(
            made("regex:acme/.*", None),
            ("a.io/**".into(), "b.io/{path}".into(), anchored("acme/.*"))
        );
        assert_eq!(
            made("regex:acme/.*", Some("m")),
            ("a.io/**".into(), "b.io/m/{path}".into(), anchored("acme/.*"))
        );
        assert_eq!(
            made("regex:acme/.*", Some("regex:acme/(.*),mirror/$1")),
            ("a.io/(acme/(.*))/".into(), "b.io/mirror/$1".into(), anchored("acme/.*"))
        );
        assert_eq!(
            made("regex:acme/.*", Some("regex:^/acme/(.+)$,/mirror/$1")),
            ("a.io/(acme/(.+))/".into(), "b.io/mirror/$1".into(), anchored("acme/.*"))
        );
    }

    #[test]
    fn rewrites_that_could_mean_something_else_are_left_out() {
        for (from, to) in [
            ("regex:.*", "regex:acme/(.*),mirror/$1"),
            ("regex:acme/.*", "regex:.*/(.*),/mirror/$1"),
            ("regex:acme/.*", "regex:/acme/(.*),mirror/$1"),
            ("regex:acme/.*|b", "regex:acme/(.*),mirror/$1"),
            ("regex:acme/.*", "regex:acme/(.*),mirror/$1x"),
            ("regex:acme/.*", "regex:acme/(.*)-(.*),mirror/$1"),
            ("regex:acme/.*", "regex:acme,mirror"),
            ("regex:acme/.*", "regex:acme/(.*),mirror/${1}"),
            ("regex:(", "m"),
        ] {
            assert!(made(from, Some(to)).is_err(), "{from} {to}");
        }
    }
}
