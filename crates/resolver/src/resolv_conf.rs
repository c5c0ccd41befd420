//! DNS servers and options: `resolv.conf` (<https://man7.org/linux/man-pages/man5/resolv.conf.5.html>).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

/// The most servers that are used; further ones are ignored.
const SERVERS: usize = 3;

/// The file's settings. Invalid ones are ignored, as in glibc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResolvConf {
    /// The servers, in order.
    pub(crate) servers: Vec<SocketAddr>,
    /// Whether the file names a server.
    pub(crate) names_server: bool,
    /// The domains with which names are completed.
    pub(crate) search: Vec<String>,
    /// A name with this many dots is looked up as it is before it is completed.
    pub(crate) ndots: usize,
    /// How long to wait for a server's answer.
    pub(crate) timeout: Duration,
    /// How often all servers are asked.
    pub(crate) attempts: usize,
    /// The transport of questions.
    pub(crate) carrier: Carrier,
    /// The address families to look up.
    pub(crate) families: Families,
}

/// The transport of questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// By UDP; by TCP if the answer is too long for that.
    UdpFirst,
    /// Only by TCP (`options use-vc`).
    Tcp,
}

/// The address families to look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Families {
    /// IPv6 and IPv4.
    Both,
    /// Only IPv4 (`options no-aaaa`).
    V4,
}

impl ResolvConf {
    /// Parses the file's text. A machine in the domain `domain` completes names with it, unless the file says otherwise. All
    /// servers listen on `port`.
    pub(crate) fn read(text: &str, domain: Option<&str>, port: u16) -> Self {
        let mut conf = Self {
            servers: Vec::new(),
            names_server: true,
            search: domain.map(str::to_owned).into_iter().collect(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            carrier: Carrier::UdpFirst,
            families: Families::Both,
        };
        for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => conf.servers.extend(words.next().and_then(|word| server(word, port))),
                // The last one counts.
                Some("search") => conf.search = words.map(str::to_owned).collect(),
                Some("domain") => conf.search = words.take(1).map(str::to_owned).collect(),
                Some("options") => words.for_each(|word| conf.set(word)),
                _ => {}
            }
        }
        conf.servers.truncate(SERVERS);
        if conf.servers.is_empty() {
            conf.names_server = false;
            conf.servers.push((Ipv4Addr::LOCALHOST, port).into());
        }
        conf
    }

    fn set(&mut self, option: &str) {
        let (name, value) = option.split_once(':').unwrap_or((option, ""));
        let most = |most: usize| value.parse::<usize>().ok().map(|value| value.min(most));
        match name {
            "ndots" => self.ndots = most(15).unwrap_or(self.ndots),
            "timeout" => {
                let seconds = most(30).map(|seconds| Duration::from_secs(seconds.max(1) as u64));
                self.timeout = seconds.unwrap_or(self.timeout);
            }
            "attempts" => self.attempts = most(5).unwrap_or(self.attempts).max(1),
            "use-vc" => self.carrier = Carrier::Tcp,
            "no-aaaa" => self.families = Families::V4,
            _ => {}
        }
    }
}

/// Parses an address; a link-local one has the link's name or number after it: `fe80::1%eth0`.
fn server(word: &str, port: u16) -> Option<SocketAddr> {
    let Some((address, link)) = word.split_once('%') else {
        return word.parse::<IpAddr>().ok().map(|address| (address, port).into());
    };
    let number = link.parse().ok().or_else(|| {
        let number = std::fs::read_to_string(format!("/sys/class/net/{link}/ifindex")).ok()?;
        number.trim().parse().ok()
    })?;
    Some(SocketAddrV6::new(address.parse().ok()?, port, 0, number).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ResolvConf {
        ResolvConf::read(text, Some("here.lan"), 53)
    }

    #[test]
    fn what_kubernetes_writes() {
        let conf = read(
            "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
        );
        assert_eq!(conf.servers, ["10.96.0.10:53".parse().unwrap()]);
        assert_eq!(conf.search, ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]);
        assert_eq!(conf.ndots, 5);
    }

    #[test]
    fn comments_unknown_options_and_wrong_values_are_passed_over() {
        let conf = read(
            "# nameserver 1.1.1.1\n;search x\nnameserver not-an-address\nnameserver ::1 # here\nsortlist 10.0.0.0\n\
             options edns0 trust-ad ndots:many timeout:0 attempts:99 what:ever\n",
        );
        assert_eq!(conf.servers, ["[::1]:53".parse().unwrap()]);
        assert_eq!((conf.ndots, conf.timeout, conf.attempts), (1, Duration::from_secs(1), 5));
        assert_eq!(conf.search, ["here.lan"]);
    }

    #[test]
    fn the_last_of_search_and_domain_counts_and_three_servers_do() {
        assert_eq!(read("search a b\ndomain c.lan\n").search, ["c.lan"]);
        assert_eq!(read("domain c.lan\nsearch a b\n").search, ["a", "b"]);
        assert!(read("search\n").search.is_empty());
        let servers = [1, 2, 3, 4, 5].map(|number| format!("nameserver 10.0.0.{number}\n"));
        assert_eq!(read(&servers.concat()).servers.len(), 3);
    }

    #[test]
    fn without_servers_this_machine_is_asked() {
        for text in ["", "search a\n"] {
            let conf = read(text);
            assert_eq!(conf.servers, ["127.0.0.1:53".parse().unwrap()]);
            assert!(!conf.names_server);
        }
    }

    #[test]
    fn options_that_change_what_is_sent() {
        let conf = read("options use-vc no-aaaa\n");
        assert_eq!((conf.carrier, conf.families), (Carrier::Tcp, Families::V4));
    }

    #[test]
    fn a_link_may_stand_behind_an_address() {
        assert_eq!(read("nameserver fe80::1%3\n").servers, ["[fe80::1%3]:53".parse().unwrap()]);
        assert!(!read("nameserver fe80::1%no-such-link\n").names_server);
    }
}
