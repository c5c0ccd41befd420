use super::*;

fn follow(method: &Method, status: u16, from: &str, location: &str) -> Result<Option<String>, Error> {
    follow_with(LeavingTls::Refused, (method, status), from, location)
}

fn follow_with(
    leaving_tls: LeavingTls,
    (method, status): (&Method, u16),
    from: &str,
    location: &str,
) -> Result<Option<String>, Error> {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::LOCATION, location.parse().unwrap());
    let status = StatusCode::from_u16(status).unwrap();
    let to = target((method, &Url::parse(from).unwrap()), (status, &headers), leaving_tls)?;
    Ok(to.map(String::from))
}

#[test]
fn c28_a_redirect_never_leaves_tls() {
    let get = |from, location| follow(&Method::GET, 307, from, location).map(Option::unwrap);
    assert_eq!(get("https://r.io/v2/a", "/b").unwrap(), "https://r.io/b");
    assert_eq!(get("http://r.io/v2/a", "https://s.io/b").unwrap(), "https://s.io/b");
    assert!(get("https://r.io/v2/a", "http://s.io/b").is_err());
    assert!(get("https://r.io/v2/a", "file:///etc/passwd").is_err());
}

#[test]
fn p25_it_leaves_tls_where_the_entry_allows_plain_http() {
    let get = |location| {
        let asked = (&Method::GET, 307);
        follow_with(LeavingTls::Allowed, asked, "https://r.io/v2/a", location).map(Option::unwrap)
    };
    assert_eq!(get("http://s.io:9000/b").unwrap(), "http://s.io:9000/b");
    assert_eq!(get("http://r.io:9000/b").unwrap(), "http://r.io:9000/b");
    assert!(get("ftp://s.io/b").is_err());
}

#[test]
fn p6_plain_http_where_tls_was_reached_is_tls() {
    let get = |from, location| follow(&Method::GET, 307, from, location).map(Option::unwrap);
    assert_eq!(get("https://r.io/v2/a", "http://r.io/b?c").unwrap(), "https://r.io/b?c");
    assert_eq!(get("https://r.io:8443/v2/a", "http://r.io:8443/b").unwrap(), "https://r.io:8443/b");
    assert_eq!(get("https://r.io/v2/a", "http://r.io:443/b").unwrap(), "https://r.io/b");
    for elsewhere in ["http://r.io/b", "http://r.io:8080/b", "http://s.io:8443/b"] {
        assert!(get("https://r.io:8443/v2/a", elsewhere).is_err(), "{elsewhere}");
    }
}

#[test]
fn c27_c29_reads_follow_all_redirects_and_writes_those_that_keep_them_writes() {
    for status in [301, 302, 303, 307, 308] {
        for method in [Method::GET, Method::HEAD] {
            assert!(follow(&method, status, "https://r.io/a", "/b").unwrap().is_some());
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let followed = follow(&method, status, "https://r.io/a", "/b");
            assert_eq!(followed.is_ok(), matches!(status, 307 | 308), "{method} {status}");
        }
    }
    for status in [200, 202, 300, 304, 401, 416] {
        assert!(follow(&Method::GET, status, "https://r.io/a", "/b").unwrap().is_none());
    }
}

#[test]
fn c30_an_error_hides_the_signature() {
    let error = follow(&Method::GET, 307, "https://r.io/a", "http://s.io/b?X-Amz-Signature=abc").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("abc"), "{error:?}");
}

/// Whether each rule follows a redirect with `status` that answers `method`: `None` if it does, else the reason.
#[test]
fn s1_p5_p6_p25_each_rule_leads_as_far_as_it_says_and_no_further() {
    use NotFollowed::{LeavesHttp, LeavesTls, OtherRequest, OtherServer};

    let home = Url::parse("https://r.io/").unwrap();
    let registry = |leaving_tls| Rule::Registry { home: &home, named_by: Party::Registry, leaving_tls };
    let rules = [
        registry(LeavingTls::Refused),
        registry(LeavingTls::Allowed),
        Rule::TokenServer,
        Rule::Author,
        Rule::SameServer,
    ];
    let (yes, get, post) = (None, Method::GET, Method::POST);
    for (method, status, from, to, not_followed) in [
        (&get, 307, "https://r.io/a", "https://r.io/b", [yes; 5]),
        (&get, 302, "https://r.io/a", "https://r.io:443/b", [yes; 5]),
        (
            &get,
            302,
            "https://r.io/a",
            "https://s.io/b",
            [yes, yes, Some(OtherServer), yes, Some(OtherServer)],
        ),
        (
            &get,
            302,
            "https://r.io/a",
            "https://r.io:444/b",
            [yes, yes, Some(OtherServer), yes, Some(OtherServer)],
        ),
        (
            &get,
            302,
            "https://r.io/a",
            "https://r.io.evil.io/",
            [yes, yes, Some(OtherServer), yes, Some(OtherServer)],
        ),
        // From plain HTTP to TLS at the same host keeps the login; from TLS to plain HTTP is followed only if the entry allows it.
        (&get, 302, "http://r.io/a", "https://r.io/b", [yes, yes, Some(OtherServer), yes, yes]),
        (&get, 302, "http://r.io/a", "http://r.io/b", [yes; 5]),
        (
            &get,
            302,
            "https://r.io/a",
            "http://s.io/b",
            [Some(LeavesTls), yes, Some(LeavesTls), Some(LeavesTls), Some(LeavesTls)],
        ),
        (
            &get,
            302,
            "https://r.io/a",
            "http://r.io:8080/b",
            [Some(LeavesTls), yes, Some(LeavesTls), Some(LeavesTls), Some(LeavesTls)],
        ),
        // A server behind a proxy that ends TLS does not know of it.
        (&get, 302, "https://r.io/a", "http://r.io/b", [yes; 5]),
        (&get, 302, "https://r.io/a", "ftp://r.io/b", [Some(LeavesHttp); 5]),
        // Writes keep their method, or are not redirected.
        (&post, 307, "https://r.io/a", "https://r.io/b", [yes, yes, yes, yes, Some(OtherRequest)]),
        (&post, 302, "https://r.io/a", "https://r.io/b", [Some(OtherRequest); 5]),
    ] {
        for (rule, why) in rules.into_iter().zip(not_followed) {
            let from = Url::parse(from).unwrap();
            let next = next(rule, (method, &from), status, to);
            let found = match next {
                Ok(to) => to.map(|_| None).expect("it is a redirect"),
                Err(Error::Protocol { problem: Problem::Redirect { why, .. }, .. }) => Some(why),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(found, why, "{rule:?}: {method} {from} {status} to {to}");
        }
    }
}

#[test]
fn p5_the_first_request_stays_with_the_api_of_its_host() {
    let ping = |from: &str, to: &str| {
        next(Rule::Ping, (&Method::GET, &Url::parse(from).unwrap()), 307, to).unwrap().map(String::from)
    };
    assert_eq!(ping("http://r.io/v2/", "https://r.io/v2/").unwrap(), "https://r.io/v2/");
    assert_eq!(ping("https://r.io/v2/", "http://r.io/v2").unwrap(), "https://r.io/v2");
    for elsewhere in ["https://s.io/v2/", "https://r.io:8443/login?to=/v2/", "/login"] {
        assert_eq!(ping("http://r.io/v2/", elsewhere), None, "{elsewhere}");
    }
    assert_eq!(ping("https://r.io/v2/", "http://r.io:8080/v2/"), None, "it leaves TLS");
}

fn next(rule: Rule<'_>, asked: (&Method, &Url), status: u16, to: &str) -> Result<Option<Url>, Error> {
    let headers = HeaderMap::from_iter([(http::header::LOCATION, to.parse().unwrap())]);
    rule.next(asked, (StatusCode::from_u16(status).unwrap(), &headers))
}

#[test]
fn a_redirect_is_an_answer_where_none_is_followed() {
    let url = Url::parse("https://r.io/a").unwrap();
    assert_eq!(next(Rule::Nowhere, (&Method::GET, &url), 302, "/b").unwrap(), None);
}
