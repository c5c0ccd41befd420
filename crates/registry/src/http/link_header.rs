//! The `Link` header with the next page of a list. Spec: RFC 8288.

use std::fmt::Write as _;

use http::HeaderMap;

/// The target of the first link whose relation is `next`, as it was written (often relative).
///
/// Bytes beyond ASCII, which headers should not have, are percent-encoded as in a URL: a list must
/// not end early because a name in a link has some.
pub(crate) fn next(headers: &HeaderMap) -> Option<String> {
    headers.get_all(http::header::LINK).iter().find_map(|value| next_in(&ascii(value.as_bytes())))
}

fn ascii(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            0..=0x7f => text.push(char::from(*byte)),
            other => {
                let _ = write!(text, "%{other:02X}");
            }
        }
    }
    text
}

pub(crate) fn next_in(mut rest: &str) -> Option<String> {
    while let Some(start) = rest.find('<') {
        let (target, after) = rest[start + 1..].split_once('>')?;
        let end = end_of_parameters(after);
        if after[..end].split(';').any(is_next) {
            return Some(target.to_owned());
        }
        rest = &after[end..];
    }
    None
}

/// Links are separated by commas, but quoted parameters may contain some.
fn end_of_parameters(text: &str) -> usize {
    let mut quoted = false;
    for (index, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => return index,
            _ => {}
        }
    }
    text.len()
}

fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn next_of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(http::header::LINK, HeaderValue::from_str(value).unwrap());
        }
        next(&headers)
    }

    #[test]
    fn c16_every_way_to_write_the_next_link() {
        let expected = Some("/v2/a/tags/list?last=b&n=2".to_owned());
        for value in [
            r#"</v2/a/tags/list?last=b&n=2>; rel="next""#,
            "</v2/a/tags/list?last=b&n=2>;rel=next",
            r#"</v2/a/tags/list?last=b&n=2>; title="a, b"; REL="last NEXT""#,
            r#"</x>; rel="prev" , </v2/a/tags/list?last=b&n=2>; rel="next""#,
        ] {
            assert_eq!(next_of(&[value]), expected, "{value}");
        }
        assert_eq!(next_of(&["</x>; rel=prev", "</v2/a/tags/list?last=b&n=2>; rel=next"]), expected);
    }

    #[test]
    fn p13_bytes_beyond_ascii_do_not_end_a_list() {
        let next_of = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.append(http::header::LINK, HeaderValue::from_bytes(value).unwrap());
            next(&headers)
        };
        let expected = |last: &str| Some(format!("/v2/a/tags/list?last={last}"));
        assert_eq!(next_of("</v2/a/tags/list?last=é>; rel=next".as_bytes()), expected("%C3%A9"));
        assert_eq!(next_of(b"</v2/a/tags/list?last=\xe9>; rel=next"), expected("%E9"));
        assert_eq!(next_of(b"</v2/a/tags/list?last=b>; title=\"\xff\"; rel=next"), expected("b"));
    }

    #[test]
    fn other_links_lead_nowhere() {
        assert_eq!(next_of(&[]), None);
        assert_eq!(next_of(&["</x>"]), None);
        assert_eq!(next_of(&["</x>; rel=prev"]), None);
        assert_eq!(next_of(&["</x; rel=next"]), None);
        assert_eq!(next_of(&[r#"</x>; title="rel=next""#]), None);
    }

    proptest! {
        #[test]
        fn c16_a_link_is_read_as_it_was_written(
            target in "[a-z0-9/?&=.%:_-]{0,30}",
            before in proptest::option::of("<[a-z,;/]{0,8}>; rel=prev; title=\"[a-z,;=]{0,8}\" ?, ?"),
            rel in prop_oneof![Just("rel=next"), Just("rel=\"next\""), Just("REL = \"last  NEXT\"")],
            after in proptest::option::of("; x=\"[a-z,<>;]{0,6}\""),
        ) {
            let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
            let text = format!("{before}<{target}>{after};{rel}");
            prop_assert_eq!(next_of(&[&text]), Some(target), "{}", text);
        }

        #[test]
        fn parsing_never_panics(text in "[ -~]{0,80}") {
            let _ = next_of(&[&text]);
        }
    }
}
