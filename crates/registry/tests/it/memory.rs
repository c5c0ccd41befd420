//! Memory use of lists: measured in a process of its own, because other tests use memory, too.

use std::io::{BufWriter, Read as _, Write as _};
use std::process::Command;

use registry::{Access, Registry, Security, Settings, Transport};

use crate::small_server::serve;

const MIB: u64 = 1 << 20;

/// The most resident memory of this process so far, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
}

/// Runs an ignored test of this file alone; returns the bytes that it reports.
fn measured(name: &str) -> u64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("memory::{name}"), "--ignored", "--nocapture"]);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().find_map(|line| line.strip_prefix("bytes: "));
    told.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

/// A registry that answers 200 to everything, and a list of tags with one page of `count` elements, which is never in memory as
/// a whole.
fn registry_of(count: usize, element: fn(usize) -> String) -> Registry {
    let host = serve("127.0.0.1", move |mut client| {
        let mut request = [0; 8192];
        let length = client.read(&mut request)?;
        let is_list = String::from_utf8_lossy(&request[..length]).contains("/tags/list");
        client
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n")?;
        if !is_list {
            return client.write_all(b"{}");
        }
        client.write_all(b"{\"tags\":[\"first\"")?;
        let mut client = BufWriter::with_capacity(60_000, client);
        for number in 0..count {
            write!(client, ",{}", element(number))?;
        }
        client.write_all(b"]}")?;
        client.flush()
    });
    let settings = Settings { security: Security::INSECURE, ..Settings::new(host.parse().unwrap()) };
    Registry::new(settings, Transport::new("test", &[]).unwrap())
}

/// Reads all tags; returns the number of tags, and of invalid names.
async fn listed(registry: &Registry) -> (usize, usize) {
    let mut pages = registry.repository(&"a/app".parse().unwrap(), Access::Pull).tags();
    let (mut tags, mut invalid) = (0, 0);
    while let Some(page) = pages.next().await.unwrap() {
        tags += page.tags.len();
        invalid += page.invalid.len();
    }
    (tags, invalid)
}

/// Reports to the process that started this test.
#[expect(clippy::print_stdout)]
async fn measure(count: usize, element: fn(usize) -> String, expected: (usize, usize)) {
    let registry = registry_of(count, element);
    registry.host_client().await.unwrap();
    let before = peak();
    assert_eq!(listed(&registry).await, expected);
    println!("\nbytes: {}", peak() - before);
}

#[test]
fn p15_law_a_page_of_60_mb_of_empty_names_takes_less_than_8_mib() {
    let bytes = measured("a_page_of_empty_names");
    assert!(bytes < 8 * MIB, "{} KiB", bytes >> 10);
}

#[test]
fn p15_law_a_page_of_a_million_names_takes_less_than_192_bytes_a_name() {
    let bytes = measured("a_page_of_a_million_names");
    assert!(bytes < 192 * 1_000_000, "{} KiB", bytes >> 10);
}

#[tokio::test]
#[ignore = "p15_law_a_page_of_60_mb_of_empty_names_takes_less_than_8_mib runs it"]
async fn a_page_of_empty_names() {
    measure(20_000_000, |_| "\"\"".to_owned(), (1, 1)).await;
}

#[tokio::test]
#[ignore = "p15_law_a_page_of_a_million_names_takes_less_than_192_bytes_a_name runs it"]
async fn a_page_of_a_million_names() {
    measure(999_990, |number| format!("\"v1.{number:06}-release\""), (999_991, 0)).await;
}
