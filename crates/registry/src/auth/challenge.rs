//! The `WWW-Authenticate` header. Spec: RFC 9110, section 11.6.1.

use http::HeaderMap;

use crate::http::notice::quoted_text;

/// One way to log in that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
        /// The scope that a token must allow.
        scope: Option<String>,
        /// Why the token that was sent is not enough, if one was sent.
        error: Option<String>,
    },
}

/// All challenges that we understand, in the server's order.
pub(crate) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all(http::header::WWW_AUTHENTICATE);
    // Beyond ASCII there may only be a text for people, such as a Basic realm's name.
    values.iter().flat_map(|value| parse(&String::from_utf8_lossy(value.as_bytes()))).collect()
}

/// The first challenge that asks for a token.
pub(crate) fn bearer(offered: &[Challenge]) -> Option<&Challenge> {
    offered.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }))
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
        "bearer" => Some(Challenge::Bearer {
            realm: get("realm").filter(|realm| !realm.is_empty())?,
            service: get("service"),
            scope: get("scope"),
            error: get("error"),
        }),
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
        // A stray `=` belongs to nothing.
        self.rest = self.rest.trim_start_matches([' ', '\t', ',', '=']);
        let end = self.rest.find([' ', '\t', ',', '=']).unwrap_or(self.rest.len());
        if end == 0 {
            return None;
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
        let (value, rest) = quoted_text(quoted);
        self.rest = rest;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::WWW_AUTHENTICATE};
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>, error: Option<&str>) -> Challenge {
        let [service, scope, error] = [service, scope, error].map(|text| text.map(str::to_owned));
        Challenge::Bearer { realm: realm.to_owned(), service, scope, error }
    }

    fn plain(realm: &str) -> Challenge {
        bearer(realm, None, None, None)
    }

    #[test]
    fn c71_challenges_of_every_shape() {
        let harbor = r#"Bearer realm="https://h:32080/service/token",service="harbor-registry",scope="repository:a/b:pull,push""#;
        let scope = Some("repository:a/b:pull,push");
        let expected = bearer("https://h:32080/service/token", Some("harbor-registry"), scope, None);
        assert_eq!(parse(harbor), [expected]);
        assert_eq!(parse(r#"Basic realm="harbor""#), [Challenge::Basic]);
        assert_eq!(parse("BASIC"), [Challenge::Basic]);
        assert_eq!(parse("bearer REALM=https://r/t"), [plain("https://r/t")]);
        assert_eq!(
            parse(r#"Negotiate, Bearer realm = "a\"b, c" , service="s", Basic"#),
            [bearer("a\"b, c", Some("s"), None, None), Challenge::Basic]
        );
        assert_eq!(
            parse(r#"Bearer realm="r",error="insufficient_scope",unknown=1"#),
            [bearer("r", None, None, Some("insufficient_scope"))]
        );
        assert_eq!(parse(r#"Bearer realm="r",service="""#), [bearer("r", Some(""), None, None)]);
        for nothing in
            ["", " , ,", "=", "====", "Bearer", "Bearer service=x", r#"Bearer realm="""#, "Digest qop=auth"]
        {
            assert_eq!(parse(nothing), [], "{nothing}");
        }
    }

    #[test]
    fn c71_tokens_of_other_schemes_are_skipped() {
        for negotiate in ["Negotiate dG9rZW4=", "Negotiate dG9rZW4==", "NTLM TlRMTVNT", "Negotiate a+/b-._~="]
        {
            let text = format!(r#"{negotiate}, Bearer realm="r",Basic realm="x""#);
            assert_eq!(parse(&text), [plain("r"), Challenge::Basic], "{negotiate}");
        }
    }

    #[test]
    fn c71_several_headers_and_texts_beyond_ascii() {
        let mut headers = HeaderMap::new();
        for value in [&b""[..], b"Basic realm=\"Gr\xc3\xbc\xc3\x9fe\"", b"Bearer realm=\"r\"", b"Negotiate"] {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(value).unwrap());
        }
        assert_eq!(challenges(&headers), [Challenge::Basic, plain("r")]);
        assert_eq!(challenges(&HeaderMap::new()), []);
    }

    fn quoted(text: &str) -> String {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }

    fn written(challenge: &Challenge, gap: &str) -> String {
        let Challenge::Bearer { realm, service, scope, error } = challenge else {
            return "bAsIc realm=\"x, y\"".to_owned();
        };
        let optional = [("Service", service), ("scope", scope), ("ERROR", error)];
        let optional = optional.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?)));
        let parts = std::iter::once(("realm", realm)).chain(optional);
        let parts: Vec<_> = parts.map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        format!("BEARER {}", parts.join(gap))
    }

    fn any_challenge() -> impl Strategy<Value = Challenge> {
        let text = || "[ -~]{1,12}";
        let maybe = || proptest::option::of(text());
        let bearer = (text(), maybe(), maybe(), maybe())
            .prop_map(|(realm, service, scope, error)| Challenge::Bearer { realm, service, scope, error });
        prop_oneof![Just(Challenge::Basic), bearer]
    }

    proptest! {
        #[test]
        fn parsing_ends_and_never_panics(text in "\\PC{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn c71_what_was_written_is_read(
            offered in proptest::collection::vec(any_challenge(), 0..4),
            gap in "(,|, | , )",
            one_header in any::<bool>(),
        ) {
            let texts: Vec<_> = offered.iter().map(|challenge| written(challenge, &gap)).collect();
            let texts = if one_header { vec![texts.join(&gap)] } else { texts };
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(WWW_AUTHENTICATE, text.parse().unwrap());
            }
            prop_assert_eq!(challenges(&headers), offered);
        }
    }
}
