//! Looks up names in `/etc/hosts`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of a name in the file, in the file's order. The lines are scanned each time, because an index of a very
/// long file (lists against advertisements) would take much memory.
pub(crate) fn find(text: &str, name: &str) -> Vec<IpAddr> {
    let name = name.trim_end_matches('.');
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next() else { continue };
        if words.any(|word| word.trim_end_matches('.').eq_ignore_ascii_case(name))
            && let Ok(address) = address.split('%').next().unwrap_or_default().parse()
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// The addresses of `localhost` and names below it if the file has none (RFC 6761).
pub(crate) fn loopback(name: &str) -> Option<Vec<IpAddr>> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_here = name == "localhost" || name.ends_with(".localhost");
    is_here.then(|| vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "127.0.0.1 localhost\n# 10.0.0.9 harbor.lan\n10.0.0.1\tHarbor.lan harbor # the old one\n\
                        fd00::1 harbor.lan\n10.0.0.1 harbor.lan\nnonsense harbor.lan\n\n10.0.0.2\n";

    #[test]
    fn all_lines_with_the_name_count() {
        let addresses = |list: &[&str]| list.iter().map(|one| one.parse().unwrap()).collect::<Vec<IpAddr>>();
        assert_eq!(find(TEXT, "harbor.LAN."), addresses(&["10.0.0.1", "fd00::1"]));
        assert_eq!(find(TEXT, "harbor"), addresses(&["10.0.0.1"]));
        assert!(find(TEXT, "arbor.lan").is_empty());
        assert!(find(TEXT, "old").is_empty());
        assert!(find(TEXT, "10.0.0.2").is_empty());
    }

    #[test]
    fn localhost_is_here() {
        assert!(loopback("LocalHost.").is_some() && loopback("a.localhost").is_some());
        assert!(loopback("localhost.lan").is_none() && loopback("mylocalhost").is_none());
    }
}
