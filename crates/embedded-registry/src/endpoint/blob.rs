//! Blobs: end-2 and end-10, with ranges.

use http::{Method, StatusCode};

use super::{Asked, method_not_allowed};
use crate::answer::Answer;
use crate::server::Shared;

impl Shared {
    pub(super) fn blob(&self, asked: &Asked, repository: &str, digest: &str) -> Answer {
        let Some(bytes) = self.store.blob(repository, digest) else {
            return Answer::error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry");
        };
        let answer = |status| {
            Answer::new(status)
                .header("content-type", "application/octet-stream")
                .header("docker-content-digest", digest)
        };
        match asked.head.method {
            Method::HEAD => Answer { length: Some(bytes.len()), ..answer(StatusCode::OK) },
            Method::GET => match asked.header("range").and_then(first_byte) {
                None => answer(StatusCode::OK).body(bytes),
                Some(first) if first < bytes.len() => {
                    let range = format!("bytes {first}-{}/{}", bytes.len() - 1, bytes.len());
                    answer(StatusCode::PARTIAL_CONTENT)
                        .header("content-range", range)
                        .body(bytes.slice(first..))
                }
                Some(_) => answer(StatusCode::RANGE_NOT_SATISFIABLE)
                    .header("content-range", format!("bytes */{}", bytes.len())),
            },
            Method::DELETE => {
                self.store.remove_blob(repository, digest);
                Answer::new(StatusCode::ACCEPTED)
            }
            _ => method_not_allowed(),
        }
    }
}

/// Of `bytes=7-`: the only form that goes on with a broken download.
fn first_byte(range: &str) -> Option<usize> {
    range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}
