//! Decides which part of the network an address belongs to, and between which parts a redirect is allowed.
//!
//! A hostile registry could redirect a client inside a company to internal servers that the registry
//! itself cannot reach. Cloud machines answer with their own credentials at such addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// A part of the network, as redirects distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// The Internet.
    Public,
    /// Networks of companies and clouds; Alibaba's storage inside a VPC is at 100.64.0.0/10.
    Private,
    /// This machine.
    Loopback,
    /// Link-local, metadata services, and addresses that are no hosts.
    Reserved,
}

/// Services outside of the link-local range that give a cloud machine's credentials to any process on it:
/// Alibaba, Azure; AWS, Google.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

impl Network {
    /// The part of an address. `IpAddr::is_global` is not stable yet.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    /// The part of a URL's host, if that is an address: names are checked when they are resolved.
    pub(crate) fn of_literal(url: &Url) -> Option<Self> {
        match url.host()? {
            Host::Ipv4(address) => Some(Self::of(address.into())),
            Host::Ipv6(address) => Some(Self::of(address.into())),
            Host::Domain(_) => None,
        }
    }

    /// Whether a registry in this part may redirect us to that one.
    pub(crate) fn may_send_to(self, there: Self) -> bool {
        match there {
            Self::Public => true,
            Self::Private => self != Self::Public,
            Self::Loopback | Self::Reserved => self == there,
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [first, second, third, _] = address.octets();
        if METADATA_V4.contains(&address)
            || address.is_link_local()
            || address.is_documentation()
            || first == 0
            || first >= 224
            || (first == 192 && second == 0 && third == 0)
        {
            Self::Reserved
        } else if address.is_loopback() {
            Self::Loopback
        } else if address.is_private()
            || (first == 100 && (64..128).contains(&second))
            || (first == 198 && (18..20).contains(&second))
        {
            Self::Private
        } else {
            Self::Public
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let [first, second, third, fourth, fifth, sixth, high, low] = address.segments();
        let is_nat64 = [first, second, third, fourth, fifth, sixth] == [0x64, 0xff9b, 0, 0, 0, 0];
        if let Some(mapped) = address.to_ipv4_mapped() {
            Self::of_v4(mapped)
        } else if is_nat64 {
            // Networks without IPv4 map every IPv4 host like this.
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Self::of_v4(Ipv4Addr::new(a, b, c, d))
        } else if address.is_loopback() {
            Self::Loopback
        } else if METADATA_V6.contains(&address) {
            Self::Reserved
        } else if address.is_unique_local() {
            Self::Private
        } else if first & 0xe000 == 0x2000 && first != 0x2002 && !(first == 0x2001 && second == 0x0db8) {
            // Only 2000::/3 is allocated; 2001:db8::/32 is for documentation, 2002::/16 carries IPv4 addresses.
            Self::Public
        } else {
            Self::Reserved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network::{Loopback, Private, Public, Reserved};
    use super::*;

    #[test]
    fn c28_addresses_belong_to_networks() {
        for (network, addresses) in [
            (
                Public,
                "1.1.1.1 8.8.8.8 100.128.0.1 172.32.0.1 2606:4700::1111 ::ffff:1.1.1.1 64:ff9b::808:808",
            ),
            (Private, "10.1.2.3 172.16.0.1 192.168.0.1 100.118.28.45 198.18.0.1 fc00::1 ::ffff:10.0.0.1"),
            (Private, "64:ff9b::a00:1"),
            (Loopback, "127.0.0.1 127.8.8.8 ::1 ::ffff:127.0.0.1"),
            (Reserved, "169.254.169.254 100.100.100.200 168.63.129.16 fd00:ec2::254 fd20:ce::254 fe80::1"),
            (
                Reserved,
                "0.0.0.0 :: 224.0.0.1 255.255.255.255 192.0.2.1 192.0.0.192 2001:db8::1 2002:7f00:1::",
            ),
            (Reserved, "::ffff:169.254.169.254 64:ff9b::a9fe:a9fe"),
        ] {
            for address in addresses.split(' ') {
                assert_eq!(Network::of(address.parse().unwrap()), network, "{address}");
            }
        }
    }

    #[test]
    fn c28_redirects_never_lead_further_inside_than_the_registry_is() {
        for (from, to) in [
            (Public, vec![Public]),
            (Private, vec![Public, Private]),
            (Loopback, vec![Public, Private, Loopback]),
            (Reserved, vec![Public, Private, Reserved]),
        ] {
            for network in [Public, Private, Loopback, Reserved] {
                assert_eq!(from.may_send_to(network), to.contains(&network), "{from:?} to {network:?}");
            }
        }
    }

    #[test]
    fn only_addresses_are_judged_before_they_are_resolved() {
        let literal = |url: &str| Network::of_literal(&url.parse().unwrap());
        assert_eq!(literal("https://[::1]:5000/a"), Some(Loopback));
        // The URL parser understands browsers' spellings of 127.0.0.1.
        assert_eq!(literal("http://0x7f.1/a"), Some(Loopback));
        assert_eq!(literal("https://localhost/a"), None);
    }
}
