//! `$NAME` and `${NAME}` in config values, expanded exactly as by Go's `os.ExpandEnv`.

/// Returns the value of an environment variable.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The only place that reads the environment for the config.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A text after expansion, and the names without a value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    pub(crate) undefined: Vec<String>,
}

/// Replaces all variables; undefined ones become empty. There is no escape: `$$` is a variable, too.
pub(crate) fn expand(text: &str, lookup: Lookup<'_>) -> Expanded {
    let mut expanded = Expanded { text: String::with_capacity(text.len()), undefined: Vec::new() };
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        expanded.text.push_str(&rest[..dollar]);
        let (name, length) = name(&rest[dollar + 1..]);
        match name {
            // A lone `$` stays; `${}` and an unclosed `${` are removed.
            None if length == 0 => expanded.text.push('$'),
            None => {}
            Some(name) => match lookup(name) {
                Some(value) => expanded.text.push_str(&value),
                None => expanded.undefined.push(name.to_owned()),
            },
        }
        rest = &rest[dollar + 1 + length..];
    }
    expanded.text.push_str(rest);
    expanded
}

/// The name at the beginning of `text`, and its length in bytes with the braces.
fn name(text: &str) -> (Option<&str>, usize) {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match text.as_bytes() {
        [b'{', rest @ ..] => match rest.iter().position(|byte| *byte == b'}') {
            Some(0) => (None, 2),
            Some(end) => (Some(&text[1..=end]), end + 2),
            None => (None, 1),
        },
        // The shell's special parameters have names of one character.
        [b'*' | b'#' | b'$' | b'@' | b'!' | b'?' | b'-' | b'0'..=b'9', ..] => (Some(&text[..1]), 1),
        bytes => match bytes.iter().take_while(|byte| is_word(**byte)).count() {
            0 => (None, 0),
            length => (Some(&text[..length]), length),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b19_as_go_expands() {
        let lookup = |name: &str| (name == "A").then(|| "x$A".to_owned());
        for (text, expected) in [
            ("$A", "x$A"),
            ("${A}b", "x$Ab"),
            ("$Ab", ""),
            ("a$", "a$"),
            ("a$ b", "a$ b"),
            ("$$A", "A"),
            ("$1$*$#$@$!$?$-", ""),
            ("${}a", "a"),
            ("${A", "A"),
            ("${A:-b}", ""),
            ("é$A", "éx$A"),
        ] {
            assert_eq!(expand(text, &lookup).text, expected, "{text}");
        }
        assert_eq!(expand("$B ${C}", &lookup).undefined, ["B", "C"]);
    }
}
