//! The `WWW-Authenticate` header. Spec: RFC 9110, section 11.6.1.

use http::HeaderMap;

/// One way to log in that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
        /// Why the token that was sent is not enough, if one was sent.
        error: Option<String>,
    },
}

/// All challenges that we understand, in the server's order.
pub(crate) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all(http::header::WWW_AUTHENTICATE);
    values.iter().filter_map(|value| value.to_str().ok()).flat_map(parse).collect()
}

pub(crate) fn parse(text: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut scanner = Scanner { rest: text };
    let mut current: Option<(String, Vec<(String, String)>)> = None;
    while let Some(word) = scanner.word() {
        if let Some(value) = scanner.value() {
            if let Some((_, parameters)) = &mut current {
                parameters.push((word.to_ascii_lowercase(), value));
            }
        } else {
            found.extend(current.take().and_then(understand));
            current = Some((word, Vec::new()));
        }
    }
    found.extend(current.and_then(understand));
    found
}

fn understand((scheme, parameters): (String, Vec<(String, String)>)) -> Option<Challenge> {
    let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => Some(Challenge::Basic),
        "bearer" => {
            Some(Challenge::Bearer { realm: get("realm")?, service: get("service"), error: get("error") })
        }
        _ => None,
    }
}

/// Walks over `scheme name=value, name="quoted value", scheme ...` in whatever spacing.
struct Scanner<'a> {
    rest: &'a str,
}

impl Scanner<'_> {
    /// The next scheme or parameter name.
    fn word(&mut self) -> Option<String> {
        self.rest = self.rest.trim_start_matches([' ', '\t', ',']);
        let end = self.rest.find([' ', '\t', ',', '=']).unwrap_or(self.rest.len());
        if end == 0 {
            // A stray `=` would otherwise be looked at for ever.
            self.rest = self.rest.get(1..).unwrap_or_default();
            return if self.rest.is_empty() { None } else { self.word() };
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(word.to_owned())
    }

    /// The value, if the word before was a parameter's name.
    fn value(&mut self) -> Option<String> {
        let rest = self.rest.trim_start().strip_prefix('=')?.trim_start();
        let Some(quoted) = rest.strip_prefix('"') else {
            let end = rest.find([' ', '\t', ',']).unwrap_or(rest.len());
            let (value, rest) = rest.split_at(end);
            self.rest = rest;
            return Some(value.to_owned());
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &quoted[index + 1..];
                    return Some(value);
                }
                '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
                other => value.push(other),
            }
        }
        self.rest = "";
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Challenge {
        Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned), error: None }
    }

    #[test]
    fn c71_challenges_of_every_shape() {
        let harbor = r#"Bearer realm="https://h:32080/service/token",service="harbor-registry",scope="repository:a/b:pull,push""#;
        assert_eq!(parse(harbor), [bearer("https://h:32080/service/token", Some("harbor-registry"))]);
        assert_eq!(parse(r#"Basic realm="harbor""#), [Challenge::Basic]);
        assert_eq!(parse("bearer REALM=https://r/t"), [bearer("https://r/t", None)]);
        assert_eq!(
            parse(r#"Negotiate, Bearer realm = "a\"b, c" , service="s", Basic"#),
            [bearer("a\"b, c", Some("s")), Challenge::Basic]
        );
        assert_eq!(parse(r#"Negotiate dG9rZW4=, Basic realm="x""#), [Challenge::Basic]);
        assert_eq!(
            parse(r#"Bearer realm="r",error="insufficient_scope""#),
            [Challenge::Bearer {
                realm: "r".to_owned(),
                service: None,
                error: Some("insufficient_scope".to_owned())
            }]
        );
        assert_eq!(parse(""), []);
        assert_eq!(parse("Bearer service=x"), []);
    }

    proptest! {
        #[test]
        fn parsing_ends_and_never_panics(text in "\\PC{0,80}") {
            let _ = parse(&text);
        }
    }
}
