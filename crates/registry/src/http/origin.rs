//! Decides which addresses belong to the same server: no other file decides this.
//!
//! A login belongs to an origin (scheme, host and port; RFC 6454). Some rules are wider, because servers behind proxies
//! state wrong addresses of themselves; each has a name here, and the table in the tests shows the differences.

use url::Url;

/// Whether a login for one may be sent to the other, and whether both count as the same party: only with the
/// same scheme, host and port.
pub(crate) fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && is_same_host(one, other)
        && one.port_or_known_default() == other.port_or_known_default()
}

/// `host:port` of an address: the key of limits, pauses and connections.
pub(crate) fn host_and_port(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// Whether both have the same host, whatever the scheme and port.
pub(crate) fn is_same_host(one: &Url, other: &Url) -> bool {
    one.host_str().is_some() && one.host_str() == other.host_str()
}

/// Whether a redirect keeps the login: at the same origin, or at the same host from plain HTTP to
/// TLS, to which a server in front may redirect.
pub(crate) fn keeps_login(from: &Url, to: &Url) -> bool {
    is_same_origin(from, to) || (is_same_host(from, to) && (from.scheme(), to.scheme()) == ("http", "https"))
}

/// A named address of the host that was asked, with the scheme and port by which we reached it. Behind a proxy that ends TLS, or
/// drops the port of the host (nginx's `$host`), registries name wrong ones. `None` for another host.
pub(crate) fn as_reached(asked: &Url, mut named: Url) -> Option<Url> {
    if !is_same_host(asked, &named) || !matches!(named.scheme(), "http" | "https") {
        return None;
    }
    // Both fail only for URLs without a host.
    let _ = named.set_scheme(asked.scheme());
    let _ = named.set_port(asked.port());
    Some(named)
}

/// Turns plain HTTP into TLS for the host and port that we reached by TLS: a server behind a proxy that ends TLS does
/// not know of it.
pub(crate) fn upgrade(reached: &Url, to: &mut Url) {
    let is_same_port =
        to.port() == reached.port() || to.port_or_known_default() == reached.port_or_known_default();
    if (reached.scheme(), to.scheme()) == ("https", "http") && is_same_host(to, reached) && is_same_port {
        // It fails only for schemes other than those of HTTP.
        let _ = to.set_scheme("https");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c27_the_login_stays_at_its_origin() {
        let asked: Url = "https://r.io:8443/v2/".parse().unwrap();
        let plain: Url = "http://r.io:5000/v2/".parse().unwrap();
        // Same origin, same host, and whether a login stays, for `asked` and then for `plain`.
        for (to, from_tls, from_plain) in [
            ("https://r.io:8443/token", [true, true, true], [false, true, true]),
            ("https://R.io:8443/token", [true, true, true], [false, true, true]),
            ("http://r.io:8443/token", [false, true, false], [false, true, false]),
            ("https://r.io/token", [false, true, false], [false, true, true]),
            ("http://r.io:5000/token", [false, true, false], [true, true, true]),
            ("http://r.io/token", [false, true, false], [false, true, false]),
            ("https://s.io:8443/token", [false, false, false], [false, false, false]),
            ("https://r.io.evil.io:8443/", [false, false, false], [false, false, false]),
            ("https://r.io.:8443/", [false, false, false], [false, false, false]),
            ("mailto:a@r.io", [false, false, false], [false, false, false]),
        ] {
            let to = to.parse().unwrap();
            let rules = |from| [is_same_origin(from, &to), is_same_host(from, &to), keeps_login(from, &to)];
            assert_eq!((rules(&asked), rules(&plain)), (from_tls, from_plain), "{to}");
        }
        let default_port = |text: &str| text.parse::<Url>().unwrap();
        assert!(is_same_origin(&default_port("https://r.io/a"), &default_port("https://r.io:443/b")));
        assert!(!is_same_host(&default_port("data:a"), &default_port("data:b")), "nowhere is no host");
    }

    #[test]
    fn s1_addresses_of_the_host_that_was_asked_keep_its_scheme_and_port() {
        let asked: Url = "https://r.io:8443/v2/a".parse().unwrap();
        for (named, expected) in [
            ("https://r.io/v2/a/1?s", Some("https://r.io:8443/v2/a/1?s")),
            ("http://r.io:5000/v2/a/1", Some("https://r.io:8443/v2/a/1")),
            ("https://s.io:8443/v2/a/1", None),
            ("ftp://r.io/v2/a/1", None),
        ] {
            let reached = as_reached(&asked, named.parse().unwrap());
            assert_eq!(reached.map(String::from).as_deref(), expected, "{named}");
        }
    }
}
