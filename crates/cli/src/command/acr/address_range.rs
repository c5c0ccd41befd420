//! Address ranges for a whitelist. A range too wide to protect anything is refused. Pure.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The shortest prefix that an entry may have, and the full length, for IPv4 and IPv6.
const SHORTEST: [(u8, u8); 2] = [(32, 8), (128, 32)];

/// A CIDR block, such as `203.0.113.0/24`, with no bits set behind its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AddressRange {
    first: IpAddr,
    prefix: u8,
}

impl AddressRange {
    /// An entry as the API lists it, however wide; `None` if it is not a CIDR block.
    pub(crate) fn listed(text: &str) -> Option<Self> {
        let (address, prefix) = split(text.trim())?;
        Some(Self { first: masked(address, prefix), prefix })
    }

    /// Whether this range contains every address of `other`.
    pub(crate) fn contains(self, other: Self) -> bool {
        let same_kind = self.first.is_ipv4() == other.first.is_ipv4();
        same_kind && self.prefix <= other.prefix && masked(other.first, self.prefix) == self.first
    }

    /// Whether no client on the Internet has such an address, so that an entry for this range would let no client in.
    pub(crate) fn is_private(self) -> bool {
        match self.first {
            IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
            IpAddr::V6(address) => {
                address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
            }
        }
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Splits address and prefix length; a bare address gets the full length.
fn split(text: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = match text.split_once('/') {
        None => (text.parse().ok()?, None),
        Some((address, prefix)) => {
            let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
            (address.parse().ok()?, Some(prefix.parse().ok().filter(|_| is_number)?))
        }
    };
    let whole = bits(address);
    let prefix = prefix.unwrap_or(whole);
    (prefix <= whole).then_some((address, prefix))
}

/// The address with all bits after the first `prefix` bits cleared.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let behind = u32::from(bits(address) - prefix);
    match address {
        IpAddr::V4(address) => {
            let kept = u32::MAX.checked_shl(behind).unwrap_or(0);
            IpAddr::V4((address.to_bits() & kept).into())
        }
        IpAddr::V6(address) => {
            let kept = u128::MAX.checked_shl(behind).unwrap_or(0);
            IpAddr::V6((address.to_bits() & kept).into())
        }
    }
}

impl FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((address, prefix)) = split(text) else {
            return Err("write an address or a range: 203.0.113.7/32 or 203.0.113.0/24".to_owned());
        };
        let range = Self { first: masked(address, prefix), prefix };
        let shortest = SHORTEST.iter().find(|(whole, _)| *whole == bits(address)).map_or(0, |found| found.1);
        if prefix < shortest {
            return Err(format!(
                "this would open the registry to the world, or much of it: /{shortest} is the widest; write the address that this machine is seen under, such as 203.0.113.7/32"
            ));
        }
        if range.first != address {
            let whole = bits(address);
            return Err(format!("write {range} for the range, or {address}/{whole} for the address"));
        }
        Ok(range)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        text.parse::<AddressRange>().map(|range| range.to_string())
    }

    #[test]
    fn addresses_and_ranges() {
        for (text, shown) in [
            ("203.0.113.7", "203.0.113.7/32"),
            ("203.0.113.0/24", "203.0.113.0/24"),
            ("11.0.0.0/8", "11.0.0.0/8"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn never_the_world() {
        for text in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/7", "8000::/1", "2001::/31"] {
            assert!(read(text).unwrap_err().contains("open the registry to the world"), "{text}");
        }
    }

    #[test]
    fn slips_say_what_to_write() {
        assert_eq!(
            read("203.0.113.7/24").unwrap_err(),
            "write 203.0.113.0/24 for the range, or 203.0.113.7/32 for the address"
        );
        for text in [
            "",
            "here",
            "203.0.113/24",
            "203.0.113.7/33",
            "203.0.113.7/",
            "203.0.113.7/+8",
            "1.2.3.4/a",
            "1.2.3.4/24/1",
            "0.0.0.0/256",
        ] {
            assert!(read(text).unwrap_err().contains("203.0.113.0/24"), "{text}");
        }
    }

    #[test]
    fn what_lets_what_in() {
        let range = |text| AddressRange::listed(text).unwrap();
        assert!(range("203.0.113.0/24").contains(range("203.0.113.7")));
        assert!(range("0.0.0.0/0").contains(range("203.0.113.7/32")));
        assert!(!range("203.0.113.7/32").contains(range("203.0.113.0/24")));
        assert!(!range("203.0.112.0/24").contains(range("203.0.113.7")));
        assert!(!range("::/0").contains(range("203.0.113.7")));
        // Listed entries may have bits set behind the prefix, or be malformed.
        assert!(range("203.0.113.9/24").contains(range("203.0.113.7")));
        assert!(AddressRange::listed("nonsense").is_none());
        assert!(range("192.168.1.0/24").is_private() && !range("203.0.113.7").is_private());
    }
}
