//! Go's templates, in the forms that regsync's files use: `{{env "NAME"}}` and `{{file "PATH"}}`.

use super::super::login::Secret;

/// A text that may be a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Template<'a> {
    Plain(&'a str),
    /// The whole text is an environment variable.
    Env(&'a str),
    /// The whole text is the content of a file.
    File(&'a str),
    /// Any other template, evaluated when regsync starts.
    Other,
}

impl<'a> Template<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        if !text.contains("{{") {
            return Self::Plain(text);
        }
        let inner = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        let Some(inner) = inner.filter(|inner| !inner.contains(['{', '}'])) else { return Self::Other };
        // `{{-` and `-}}` trim surrounding blanks, of which there are none.
        let inner = inner.strip_prefix("- ").unwrap_or(inner);
        let inner = inner.strip_suffix(" -").unwrap_or(inner).trim();
        let Some((function, argument)) = inner.split_once([' ', '\t']) else { return Self::Other };
        match (function, quoted(argument.trim())) {
            ("env", Some(name)) => Self::Env(name),
            ("file", Some(path)) => Self::File(path),
            _ => Self::Other,
        }
    }

    /// Where a user or password is stored; `None` if our keys cannot express it.
    pub(super) fn secret(self) -> Option<Secret> {
        match self {
            Self::Plain(text) => Some(Secret::Literal(text.to_owned())),
            Self::Env(name) => Some(Secret::Env(name.to_owned())),
            Self::File(path) => Some(Secret::File(path.to_owned())),
            Self::Other => None,
        }
    }
}

/// The text between Go's quotes, if it has no escapes.
fn quoted(text: &str) -> Option<&str> {
    let inner = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    let inner = inner('"').filter(|inner| !inner.contains('\\')).or_else(|| inner('`'))?;
    (!inner.is_empty() && !inner.contains(['"', '`'])).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_one_variable_or_one_file_is_known() {
        for (text, template) in [
            ("bob", Template::Plain("bob")),
            ("{{env \"HUB_USER\"}}", Template::Env("HUB_USER")),
            ("{{ env `HUB_USER` }}", Template::Env("HUB_USER")),
            ("{{- file \"/run/p\" -}}", Template::File("/run/p")),
            ("{{env \"A\"}}-{{env \"B\"}}", Template::Other),
            ("x{{env \"A\"}}", Template::Other),
            ("{{.Sync.Source}}", Template::Other),
            ("{{env}}", Template::Other),
            ("{{env \"\"}}", Template::Other),
            ("{{env \"a\\\"b\"}}", Template::Other),
            ("{{", Template::Other),
        ] {
            assert_eq!(Template::of(text), template, "{text}");
        }
    }
}
