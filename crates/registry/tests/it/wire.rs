//! The exact bytes on the wire, and answers that no registry would give.

use oci::MediaType;
use registry::{Access, Repository};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::bench::{client, tag};

const BODY: &str = r#"{"manifests":[]}"#;

/// An answer without body, of a kind that only a proxy in front of a registry gives.
const NO_PAGE: &str = "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-type: text/html\r\n\r\n";

/// Answers `count` requests after their heads, and returns these heads.
async fn serve(answer: fn(&str) -> String, count: usize) -> (Repository, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        let mut heads = Vec::new();
        while heads.len() < count {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                // A byte that is no text belongs to TLS, which the client tries first.
                let Ok(byte @ 1..=127) = stream.read_u8().await else { break };
                head.push(byte);
            }
            let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
            stream.write_all(answer(&head).as_bytes()).await.unwrap();
            if head.ends_with("\r\n\r\n") {
                heads.push(head);
            }
        }
        heads
    });
    (client(&host, None).repository(&"a/app".parse().unwrap(), Access::Pull), server)
}

fn index(head: &str) -> String {
    let body = if head.starts_with("head") { "" } else { BODY };
    format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {}; charset=utf-8\r\ncontent-length: {}\r\n\r\n{body}",
        MediaType::OCI_INDEX,
        BODY.len()
    )
}

fn methods(heads: &[String]) -> Vec<&str> {
    heads.iter().skip(1).filter_map(|head| head.split(' ').next()).collect()
}

#[tokio::test]
async fn c08_head_and_get_ask_for_all_types_in_one_line_schema_1_last() {
    // Ping, HEAD, and GET because the HEAD had no digest.
    let (repository, server) = serve(index, 3).await;
    assert!(repository.resolve(&tag("v1")).await.unwrap().is_some());
    let heads = server.await.unwrap();
    assert_eq!(methods(&heads), ["head", "get"]);
    let accept = "accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
        application/vnd.oci.artifact.manifest.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
        application/vnd.docker.distribution.manifest.v2+json, \
        application/vnd.docker.distribution.manifest.v1+prettyjws, \
        application/vnd.docker.distribution.manifest.v1+json";
    for head in &heads[1..] {
        let lines: Vec<_> = head.lines().filter(|line| line.starts_with("accept:")).collect();
        assert_eq!(lines, [accept]);
    }
}

#[tokio::test]
async fn c22_a_404_to_head_that_is_not_the_registrys_is_doubted_once() {
    // A proxy that does not know HEAD.
    let answer = |head: &str| if head.starts_with("head") { NO_PAGE.to_owned() } else { index(head) };
    let (repository, server) = serve(answer, 4).await;
    for _ in 0..2 {
        assert!(repository.resolve(&tag("v1")).await.unwrap().is_some());
    }
    assert_eq!(methods(&server.await.unwrap()), ["head", "get", "get"]);

    // A registry whose 404 only looks odd.
    let answer = |head: &str| if head.contains("/manifests/") { NO_PAGE.to_owned() } else { index(head) };
    let (repository, server) = serve(answer, 4).await;
    for _ in 0..2 {
        assert_eq!(repository.resolve(&tag("v1")).await.unwrap(), None);
    }
    assert_eq!(methods(&server.await.unwrap()), ["head", "get", "head"]);
}
