//! One connection to a null registry.

use std::io::{self, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::content::Blob;
use super::message::{Head, write_head};
use super::shared::Shared;

/// The buffer size for reads from the socket, in bytes.
const READ: usize = 256 << 10;
/// Names on a page, if the request has no limit.
const PAGE: usize = 1000;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// One client.
struct Connection<'a> {
    shared: &'a Shared,
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    /// Uploads may use one connection or several, so the session's URL has the number of received bytes.
    head: Head,
}

pub(super) fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(READ, stream.try_clone()?);
    while let Some(head) = Head::read(&mut reader)? {
        shared.requests.fetch_add(1, Ordering::Relaxed);
        let stream = stream.try_clone()?;
        let mut connection = Connection { shared, stream, reader, head };
        connection.answer()?;
        reader = connection.reader;
    }
    Ok(())
}

impl Connection<'_> {
    fn answer(&mut self) -> io::Result<()> {
        let path = self.head.path.clone();
        let path = path.trim_start_matches("/v2").trim_matches('/');
        if path == "_catalog" {
            return self.catalog();
        }
        if let Some(repository) = path.strip_suffix("/tags/list") {
            return self.tags(repository);
        }
        if let Some((repository, reference)) = path.rsplit_once("/manifests/") {
            return self.manifest(repository, reference);
        }
        if let Some((repository, upload)) = path.rsplit_once("/blobs/uploads") {
            return self.upload(repository, upload.trim_matches('/'));
        }
        if let Some((repository, digest)) = path.rsplit_once("/blobs/") {
            return self.blob(repository, digest);
        }
        if path.contains("/referrers/") {
            let list = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
            return self.text(200, &list.to_string(), &[("content-type", INDEX.to_owned())]);
        }
        self.text(if path.is_empty() { 200 } else { 404 }, "{}", &[])
    }

    fn text(&mut self, status: u16, body: &str, headers: &[(&str, String)]) -> io::Result<()> {
        self.bytes(status, body.as_bytes(), headers)
    }

    fn bytes(&mut self, status: u16, body: &[u8], headers: &[(&str, String)]) -> io::Result<()> {
        write_head(&mut self.stream, status, body.len() as u64, headers)?;
        if self.head.method == "HEAD" {
            return Ok(());
        }
        self.shared.bytes_given.fetch_add(body.len() as u64, Ordering::Relaxed);
        self.stream.write_all(body)
    }

    /// The parameters of a page: the name to start after, and the number of names.
    fn page(&self) -> (String, usize) {
        let most = self.head.parameter("n").and_then(|most| most.parse().ok()).unwrap_or(PAGE);
        (self.head.parameter("last").unwrap_or_default(), most)
    }

    fn catalog(&mut self) -> io::Result<()> {
        let (last, most) = self.page();
        let (body, next) = {
            let content = self.shared.content();
            let (names, has_more) = content.names(&last, most);
            (json!({"repositories": names}), names.last().filter(|_| has_more).map(|name| (*name).to_owned()))
        };
        self.list(&body, next)
    }

    fn tags(&mut self, repository: &str) -> io::Result<()> {
        let (last, most) = self.page();
        let listed = {
            let content = self.shared.content();
            content.tags(repository, &last, most).map(|(tags, has_more)| {
                let next = tags.last().filter(|_| has_more).map(|tag| (*tag).to_owned());
                (json!({"name": repository, "tags": tags}), next)
            })
        };
        match listed {
            Some((body, next)) => self.list(&body, next),
            None => self.text(404, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#, &[]),
        }
    }

    fn list(&mut self, body: &serde_json::Value, next: Option<String>) -> io::Result<()> {
        let (path, (_, most)) = (self.head.path.clone(), self.page());
        let link = next.map(|last| ("link", format!("<{path}?n={most}&last={last}>; rel=\"next\"")));
        let headers = [Some(("content-type", "application/json".to_owned())), link];
        self.text(200, &body.to_string(), &headers.into_iter().flatten().collect::<Vec<_>>())
    }

    fn manifest(&mut self, repository: &str, reference: &str) -> io::Result<()> {
        if self.head.method == "PUT" {
            let mut bytes = Vec::new();
            self.head.body(&mut self.reader, Some(&mut bytes))?;
            let digest = self.shared.content().put_manifest(repository, reference, bytes.into());
            let location = format!("/v2/{repository}/manifests/{digest}");
            return self.text(
                201,
                "",
                &[("location", location), ("docker-content-digest", digest.to_string())],
            );
        }
        let found = self.shared.content().manifest(repository, reference);
        match found {
            Some((digest, bytes)) => {
                let headers =
                    [("content-type", MANIFEST.to_owned()), ("docker-content-digest", digest.to_string())];
                self.bytes(200, &bytes, &headers)
            }
            None => self.text(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#, &[]),
        }
    }

    fn blob(&mut self, repository: &str, digest: &str) -> io::Result<()> {
        let blob = self.shared.content().blob(repository, digest);
        let is_head = self.head.method == "HEAD";
        match blob {
            Some(Blob { size, .. }) if is_head => write_head(&mut self.stream, 200, size, &[]),
            Some(Blob { piece: Some(piece), size }) => self.give(&piece, size),
            _ => self.text(404, r#"{"errors":[{"code":"BLOB_UNKNOWN"}]}"#, &[]),
        }
    }

    /// Sends the blob, or the requested range of it.
    fn give(&mut self, piece: &[u8], size: u64) -> io::Result<()> {
        let range = self.head.header("range").and_then(|range| range.strip_prefix("bytes="));
        let range = range.and_then(|range| range.split_once('-')).and_then(|(first, last)| {
            let (first, last) = (first.parse::<u64>().ok()?, last.parse().unwrap_or(u64::MAX));
            Some((first, last.min(size.checked_sub(1)?))).filter(|(first, last)| first <= last)
        });
        let (mut at, end) = range.map_or((0, size), |(first, last)| (first, last + 1));
        match range {
            Some((first, last)) => {
                let range = [("content-range", format!("bytes {first}-{last}/{size}"))];
                write_head(&mut self.stream, 206, end - at, &range)?;
            }
            None => write_head(&mut self.stream, 200, size, &[])?,
        }
        self.shared.bytes_given.fetch_add(end - at, Ordering::Relaxed);
        while at < end {
            let begin = usize::try_from(at % piece.len() as u64).unwrap_or(0);
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(piece.len() - begin);
            self.stream.write_all(&piece[begin..begin + length])?;
            at += length as u64;
        }
        Ok(())
    }

    /// Handles an upload session, whose URL has the number of bytes received so far.
    fn upload(&mut self, repository: &str, so_far: &str) -> io::Result<()> {
        let before: u64 = so_far.parse().unwrap_or(0);
        match self.head.method.as_str() {
            "POST" => {
                self.head.body(&mut self.reader, None)?;
                let mounted = self.head.parameter("mount").zip(self.head.parameter("from"));
                let found = mounted
                    .and_then(|(digest, from)| Some((self.shared.content().blob(&from, &digest)?, digest)));
                if let Some((blob, digest)) = found {
                    self.shared.content().put_blob(repository, &digest, blob);
                    return self.text(201, "", &[("location", format!("/v2/{repository}/blobs/{digest}"))]);
                }
                self.session(repository, 202, 0)
            }
            "PATCH" | "PUT" => {
                let taken = self.head.body(&mut self.reader, None)?;
                self.shared.bytes_taken.fetch_add(taken, Ordering::Relaxed);
                match self.head.parameter("digest") {
                    Some(digest) if self.head.method == "PUT" => {
                        let blob = Blob { piece: None, size: before + taken };
                        self.shared.content().put_blob(repository, &digest, blob);
                        let location = format!("/v2/{repository}/blobs/{digest}");
                        self.text(201, "", &[("location", location), ("docker-content-digest", digest)])
                    }
                    _ => self.session(repository, 202, before + taken),
                }
            }
            "GET" => self.session(repository, 204, before),
            _ => self.text(204, "", &[]),
        }
    }

    fn session(&mut self, repository: &str, status: u16, so_far: u64) -> io::Result<()> {
        let location = format!("/v2/{repository}/blobs/uploads/{so_far}");
        let range = format!("0-{}", so_far.saturating_sub(1));
        self.text(
            status,
            "",
            &[("location", location), ("range", range), ("docker-upload-uuid", "one".to_owned())],
        )
    }
}
