//! Cases of the reference grammar; the larger table of the Go tool's cases is in the CLI crate.

use proptest::prelude::*;

use super::*;

fn printed(text: &str) -> String {
    text.parse::<Reference>().map_or_else(|error| format!("{error:?}"), |reference| reference.to_string())
}

#[test]
fn short_names_are_docker_hubs() {
    assert_eq!(printed("nginx"), "docker.io/library/nginx");
    assert_eq!(printed("user/app:v1"), "docker.io/user/app:v1");
    assert_eq!(printed("index.docker.io/nginx"), "docker.io/library/nginx");
    assert_eq!("docker.io/a/b".parse::<Reference>().unwrap().registry.api_host(), "registry-1.docker.io");
}

#[test]
fn hosts_are_known_by_dot_port_localhost_or_upper_case() {
    assert_eq!(printed("harbor.host:32080/library/nginx"), "harbor.host:32080/library/nginx");
    assert_eq!(printed("rvm:5000/addon-resizer:1.8.3"), "rvm:5000/addon-resizer:1.8.3");
    assert_eq!(printed("localhost/lib/nginx:v1"), "localhost/lib/nginx:v1");
    assert_eq!(printed("Quay.io/coreos/p:v1"), "quay.io/coreos/p:v1");
    assert_eq!(printed("Docker.io/nginx"), "docker.io/library/nginx");
    assert_eq!(printed("myreg/ns/app:v1"), "docker.io/myreg/ns/app:v1");
}

#[test]
fn a_place_is_one_however_its_host_is_written() {
    for same in ["r.cn/a/x", "r.cn:443/a/x", "r.cn:80/a/x", "R.cn/a/x", "R.CN:443/a/x"] {
        assert_eq!(as_place(same), "r.cn/a/x", "{same}");
    }
    for itself in ["r.cn:5000/a/x", "r.cn:4430/a", "r.cn:8080/a:80", "[::1]/a"] {
        assert_eq!(as_place(itself), itself);
    }
    assert_eq!(as_place("R.cn:443"), "r.cn");
}

#[test]
fn tag_and_digest_may_stand_together() {
    let digest = Digest::sha256(b"x");
    let reference: Reference = format!("r.io/a/b:v1@{digest}").parse().unwrap();
    assert_eq!(reference.tag.as_ref().map(Tag::as_str), Some("v1"));
    assert_eq!(reference.digest, Some(digest));
}

#[test]
fn each_slip_is_named() {
    let error = |text: &str| text.parse::<Reference>().unwrap_err();
    assert_eq!(error(""), ReferenceError::Empty);
    assert!(matches!(error("r.io/a/b:v1 "), ReferenceError::Blank { .. }));
    assert!(matches!(error("https://r.io/a/b"), ReferenceError::Scheme { .. }));
    assert!(matches!(error("r.io/NS/p"), ReferenceError::UpperCase { .. }));
    assert!(matches!(error("r.io/a//b"), ReferenceError::Component { .. }));
    assert!(matches!(error("r.io/a/"), ReferenceError::Component { .. }));
    assert!(matches!(error("/r.io/a"), ReferenceError::Component { .. }));
    assert!(matches!(error("hub.docker.com/_/mysql"), ReferenceError::Component { .. }));
    assert!(matches!(error("r.io/a/b:-v1"), ReferenceError::Tag { .. }));
    assert!(matches!(error("r.io/a/b:"), ReferenceError::Tag { .. }));
    assert!(matches!(error("r.io/a/b:v1:v2"), ReferenceError::Component { .. }));
    assert!(matches!(error("r.io/a/b@sha256:abcd"), ReferenceError::Digest(_)));
    assert!(matches!(error("[::1:5000/ns/p:v1"), ReferenceError::Host { .. }));
    assert!(matches!(error("[::x]:5000/ns/p:v1"), ReferenceError::Host { .. }));
    assert!(matches!(error("::1:5000/ns/p:v1"), ReferenceError::Host { .. }));
    assert!(matches!(error("r.io:0x/ns/p:v1"), ReferenceError::Host { .. }));
    assert!(matches!(error(&"a".repeat(64)), ReferenceError::ImageId { .. }));
    assert!(matches!(error(&format!("r.io/{}", "a".repeat(256))), ReferenceError::TooLong { .. }));
}

#[test]
fn c02_a_long_name_is_worth_a_warning_and_no_error() {
    let long = |count: usize| format!("r.io/{}", "a".repeat(count)).parse::<Reference>().unwrap();
    assert!(!long(250).is_longer_than_advised());
    assert!(long(251).is_longer_than_advised());
}

#[test]
fn c01_components_follow_the_grammar() {
    for good in ["a", "a.b", "a_b", "a__b", "a-b", "a---b", "0a9"] {
        assert!(is_component(good), "{good}");
    }
    for bad in ["", ".a", "a.", "a..b", "a___b", "a._b", "-a", "a-", "a_-b", "é", "A"] {
        assert!(!is_component(bad), "{bad}");
    }
}

fn valid_reference() -> impl Strategy<Value = String> {
    let host = "[a-z][a-z0-9]{0,5}\\.[a-z]{2,4}(:[1-9][0-9]{1,3})?";
    let path = "[a-z0-9]{1,5}([._-][a-z0-9]{1,4})?(/[a-z0-9]{1,5}(__|-{1,3})[a-z0-9]{1,4}){0,3}";
    let tag = proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}");
    let digest = proptest::option::of(any::<[u8; 8]>());
    (host, path, tag, digest).prop_map(|(host, path, tag, digest)| {
        let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        let digest = digest.map(|bytes| format!("@{}", Digest::sha256(&bytes))).unwrap_or_default();
        format!("{host}/{path}{tag}{digest}")
    })
}

/// The grammar as the specification writes it, to compare with.
fn matches_path(text: &str) -> bool {
    let component = |text: &str| {
        let mut rest = text.as_bytes();
        let word = |rest: &mut &[u8]| {
            let end = rest.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9'));
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            *rest = after;
            !word.is_empty()
        };
        if !word(&mut rest) {
            return false;
        }
        while !rest.is_empty() {
            let dashes = rest.iter().take_while(|byte| **byte == b'-').count();
            let separator = match rest {
                [b'-', ..] => dashes,
                [b'_', b'_', ..] => 2,
                [b'.' | b'_', ..] => 1,
                _ => return false,
            };
            rest = &rest[separator..];
            if !word(&mut rest) {
                return false;
            }
        }
        true
    };
    text.split('/').all(component)
}

fn matches_tag(text: &str) -> bool {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut characters = text.chars();
    characters.next().is_some_and(is_word)
        && characters.clone().count() <= 127
        && characters.all(|character| is_word(character) || ".-".contains(character))
}

proptest! {
    #[test]
    fn c01_names_and_tags_are_those_of_the_specification(
        name in "[a-bA0/._-]{0,12}", tag in "[aB1._-]{0,3}[a-z.é:-]{0,130}",
    ) {
        prop_assert_eq!(name.parse::<RepositoryName>().is_ok(), matches_path(&name), "{}", name);
        prop_assert_eq!(tag.parse::<Tag>().is_ok(), matches_tag(&tag), "{}", tag);
    }

    #[test]
    fn print_of_parse_is_the_text(text in valid_reference()) {
        prop_assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
    }

    #[test]
    fn hosts_that_capital_letters_alone_tell_stay_hosts(text in "[A-C]{1,2}/[a-c]{1,3}") {
        prop_assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
    }

    #[test]
    fn what_parses_once_parses_to_itself_again(text in "[a-zA-Z0-9:/@._ -]{0,40}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
        }
    }

    #[test]
    fn parsing_never_panics(text in "\\PC{0,60}") {
        let _ = text.parse::<Reference>();
    }
}

#[test]
fn c85_hosts_may_be_ipv6_addresses() {
    let reference: Reference = "[fd00::1]:5000/ns/p:v1".parse().unwrap();
    assert_eq!((reference.registry.as_str(), reference.registry.host_name()), ("[fd00::1]:5000", "fd00::1"));
    assert_eq!(reference.to_string(), "[fd00::1]:5000/ns/p:v1");
    let without_port: Reference = "[::1]/ns/p".parse().unwrap();
    assert_eq!((without_port.registry.host_name(), without_port.tag), ("::1", None));
}
