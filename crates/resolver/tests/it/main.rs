//! The resolver against DNS servers of the testkit, by UDP and TCP on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::IpAddr;
use std::time::Duration;

use resolver::{Files, Resolver, Unresolved};
use testkit::{DnsAnswer, DnsServer};

/// A resolver with its own files.
struct Bench {
    folder: tempfile::TempDir,
    resolver: Resolver,
}

impl Bench {
    fn new(port: u16, hosts: &str, resolv_conf: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let files = Files { hosts: file("hosts"), resolv_conf: file("resolv.conf") };
        std::fs::write(&files.hosts, hosts).unwrap();
        std::fs::write(&files.resolv_conf, resolv_conf).unwrap();
        let resolver = Resolver::reading(files, port);
        Self { folder, resolver }
    }

    async fn lookup(&self, name: &str) -> Result<Vec<String>, Unresolved> {
        let mut found: Vec<_> = self.resolver.lookup(name).await?.iter().map(IpAddr::to_string).collect();
        found.sort();
        Ok(found)
    }
}

const CONF: &str = "nameserver 127.0.0.1\n";

fn addresses(list: &[&str]) -> DnsAnswer {
    DnsAnswer::Addresses(list.iter().map(|one| one.parse().unwrap()).collect())
}

#[tokio::test]
async fn both_families_are_asked_for() {
    let server = DnsServer::start("127.0.0.1:0").unwrap();
    server.answer("harbor.lan", addresses(&["10.0.0.1", "fd00::1", "10.0.0.2"]));
    server.answer("six.lan", addresses(&["fd00::6"]));
    let bench = Bench::new(server.port(), "", CONF);
    assert_eq!(bench.lookup("harbor.lan").await.unwrap(), ["10.0.0.1", "10.0.0.2", "fd00::1"]);
    assert_eq!(bench.lookup("SIX.lan.").await.unwrap(), ["fd00::6"]);
    assert_eq!(bench.lookup("192.0.2.1").await.unwrap(), ["192.0.2.1"]);
    assert_eq!(server.asked().len(), 4, "{:?}", server.asked());
}

#[tokio::test]
async fn the_hosts_file_is_enough_for_both_families_and_counts_at_once() {
    let server = DnsServer::start("127.0.0.1:0").unwrap();
    let bench = Bench::new(server.port(), "10.9.9.9 harbor.lan\n", CONF);
    assert_eq!(bench.lookup("harbor.lan").await.unwrap(), ["10.9.9.9"]);
    assert_eq!(bench.lookup("localhost").await.unwrap(), ["127.0.0.1", "::1"]);
    assert!(server.asked().is_empty(), "behind an air gap nobody would answer");
    std::fs::write(bench.folder.path().join("hosts"), "10.8.8.8 harbor.lan\n").unwrap();
    assert_eq!(bench.lookup("harbor.lan").await.unwrap(), ["10.8.8.8"]);
}

#[tokio::test]
async fn names_are_completed_in_the_order_that_ndots_says() {
    let server = DnsServer::start("127.0.0.1:0").unwrap();
    server.answer("harbor.apps.svc.cluster.local", addresses(&["10.0.0.1"]));
    let conf = format!("{CONF}search default.svc.cluster.local svc.cluster.local\noptions ndots:5\n");
    let bench = Bench::new(server.port(), "", &conf);
    assert_eq!(bench.lookup("harbor.apps").await.unwrap(), ["10.0.0.1"]);
    let mut asked = server.asked();
    asked.dedup();
    let names: Vec<_> = asked.iter().map(|question| question.name.as_str()).collect();
    let expected = ["harbor.apps.default.svc.cluster.local", "harbor.apps.svc.cluster.local"];
    assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 2);
    assert!(names.starts_with(&expected[..1]) && names.contains(&expected[1]), "{names:?}");
}

#[tokio::test]
async fn what_is_too_long_for_udp_comes_by_tcp() {
    let server = DnsServer::start("127.0.0.1:0").unwrap();
    let many: Vec<_> = (1..=100).map(|number| IpAddr::from([10, 0, 1, number])).collect();
    server.answer("many.lan", DnsAnswer::Addresses(many));
    let bench = Bench::new(server.port(), "", CONF);
    assert_eq!(bench.lookup("many.lan").await.unwrap().len(), 100);
    assert!(server.asked().iter().any(|question| question.by_tcp));
}

#[tokio::test]
async fn tcp_alone_where_it_is_wanted_and_ipv4_alone() {
    let server = DnsServer::start("127.0.0.1:0").unwrap();
    server.answer("harbor.lan", addresses(&["10.0.0.1", "fd00::1"]));
    let bench = Bench::new(server.port(), "", &format!("{CONF}options use-vc no-aaaa\n"));
    assert_eq!(bench.lookup("harbor.lan").await.unwrap(), ["10.0.0.1"]);
    assert!(server.asked().iter().all(|question| question.by_tcp));
}

#[tokio::test]
async fn the_next_server_is_asked_where_one_fails_or_is_silent_and_that_one_last_from_then_on() {
    let first = DnsServer::start("127.0.0.1:0").unwrap();
    let second = DnsServer::start(&format!("127.0.0.2:{}", first.port())).unwrap();
    first.answer("silent.lan", DnsAnswer::Nothing);
    first.answer("harbor.lan", DnsAnswer::Code(2));
    for name in ["harbor.lan", "silent.lan"] {
        second.answer(name, addresses(&["10.0.0.1"]));
    }
    let conf = "nameserver 127.0.0.1\nnameserver 127.0.0.2\noptions timeout:1\n";
    let bench = Bench::new(first.port(), "", conf);
    assert_eq!(bench.lookup("harbor.lan").await.unwrap(), ["10.0.0.1"]);
    assert_eq!(bench.lookup("silent.lan").await.unwrap(), ["10.0.0.1"]);
    let before = first.asked().len();
    assert_eq!(bench.lookup("harbor.lan").await.unwrap(), ["10.0.0.1"]);
    assert_eq!(first.asked().len(), before, "it was silent");
}

#[tokio::test]
async fn one_family_that_is_swallowed_does_not_take_the_other_with_it() {
    let server = DnsServer::start("127.0.0.1:0").unwrap();
    server.answer("harbor.lan", DnsAnswer::OnlyV4("10.0.0.1".parse().unwrap()));
    let bench = Bench::new(server.port(), "", &format!("{CONF}options timeout:30\n"));
    let found = tokio::time::timeout(Duration::from_secs(20), bench.lookup("harbor.lan")).await;
    assert_eq!(found.unwrap().unwrap(), ["10.0.0.1"]);
}

#[tokio::test]
async fn a_name_without_address_says_why() {
    let server = DnsServer::start("127.0.0.1:0").unwrap();
    server.answer("mail.lan", addresses(&[]));
    server.answer("broken.lan", DnsAnswer::Code(5));
    let port = server.port();
    let bench = Bench::new(port, "", &format!("{CONF}options timeout:1 attempts:1\n"));
    let why = async |bench: &Bench, name| bench.lookup(name).await.unwrap_err().to_string();
    assert_eq!(why(&bench, "gone.lan").await, "the DNS server 127.0.0.1 knows no such name");
    assert_eq!(
        why(&bench, "mail.lan").await,
        "the DNS server 127.0.0.1 knows the name, but no address of it"
    );
    assert_eq!(why(&bench, "broken.lan").await, "the DNS server 127.0.0.1 answers REFUSED");
    assert_eq!(why(&bench, "a..b").await, "it is no name of a host");
    let missing = Bench::new(port, "", "");
    drop(server);
    assert_eq!(why(&bench, "gone.lan").await, "the DNS server 127.0.0.1 does not answer");
    std::fs::remove_file(missing.folder.path().join("resolv.conf")).unwrap();
    let words = why(&missing, "gone.lan").await;
    assert!(words.ends_with("resolv.conf names no DNS server, and none answers on this machine"), "{words}");
}
