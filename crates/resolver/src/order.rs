//! Decides which address is tried first.

use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Sorts addresses: reachable ones first, among them those in the same kind of network as our source address (RFC 6724, rules 1
/// and 5), among those IPv6. The HTTP client tries both families, the first one 300 ms earlier.
pub(crate) fn sort(addresses: &mut [IpAddr]) {
    addresses.sort_by_key(|address| rank(*address, source(*address)));
}

/// The source address that this machine would use. No packet is sent.
fn source(to: IpAddr) -> Option<IpAddr> {
    let any: SocketAddr = match to {
        IpAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        IpAddr::V6(_) => ([0; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any).ok()?;
    // The port does not matter.
    socket.connect((to, 443)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn rank(to: IpAddr, from: Option<IpAddr>) -> (bool, bool, bool) {
    let is_local = |address: IpAddr| matches!(address, IpAddr::V6(address) if address.is_unique_local());
    let leaves_its_kind = from.is_some_and(|from| is_local(from) != is_local(to));
    (from.is_none(), leaves_its_kind, to.is_ipv4())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_without_a_way_come_last_and_ipv6_first() {
        let of =
            |to: &str, from: Option<&str>| rank(to.parse().unwrap(), from.map(|one| one.parse().unwrap()));
        let (v6, v4) = ("2606:4700::1", "1.1.1.1");
        assert!(of(v6, Some("2a00::1")) < of(v4, Some("10.0.0.1")));
        assert!(of(v6, None) > of(v4, Some("10.0.0.1")), "no IPv6 here");
        assert!(of(v6, Some("fd00::1")) > of(v4, Some("10.0.0.1")), "IPv6 only among containers");
        assert!(of("fd00::2", Some("fd00::1")) < of(v4, Some("10.0.0.1")));
    }

    #[test]
    fn this_machine_is_reached_from_itself() {
        assert_eq!(source("127.0.0.1".parse().unwrap()), Some("127.0.0.1".parse().unwrap()));
    }
}
