//! Uploads: end-4, end-5, end-6, end-11, end-13 and end-14.

use std::sync::atomic::Ordering;

use bytes::BytesMut;
use http::{Method, StatusCode};

use super::{Asked, method_not_allowed};
use crate::answer::Answer;
use crate::server::{Mounts, Shared};
use crate::store::{Upload, digest_like};

impl Shared {
    pub(super) fn start_upload(&self, asked: &Asked, repository: &str) -> Answer {
        if asked.head.method != Method::POST {
            return method_not_allowed();
        }
        if let (Some(digest), Some(from)) = (asked.parameter("mount"), asked.parameter("from"))
            && self.mounts == Mounts::Accepted
            && self.may_pull(asked, &from)
            && let Some(bytes) = self.store.blob(&from, &digest)
        {
            self.store.content().repository(repository).blobs.insert(digest.clone(), bytes);
            return created(repository, &digest);
        }
        let id = format!("session-{}", self.numbers.fetch_add(1, Ordering::Relaxed));
        let upload = Upload { repository: repository.to_owned(), bytes: BytesMut::new() };
        self.store.content().uploads.insert(id.clone(), upload);
        self.session(asked, StatusCode::ACCEPTED, repository, &id, 0)
    }

    pub(super) fn upload(&self, asked: &Asked, repository: &str, id: &str) -> Answer {
        let received = {
            let content = self.store.content();
            content
                .uploads
                .get(id)
                .filter(|upload| upload.repository == repository)
                .map(|upload| upload.bytes.len())
        };
        let Some(received) = received else {
            return Answer::error(
                StatusCode::NOT_FOUND,
                "BLOB_UPLOAD_UNKNOWN",
                "blob upload unknown to registry",
            );
        };
        match asked.head.method {
            Method::GET => self.session(asked, StatusCode::NO_CONTENT, repository, id, received),
            Method::PATCH => self.append(asked, repository, id, received),
            Method::PUT => self.close(asked, repository, id),
            Method::DELETE => {
                self.store.content().uploads.remove(id);
                Answer::new(StatusCode::NO_CONTENT)
            }
            _ => method_not_allowed(),
        }
    }

    fn append(&self, asked: &Asked, repository: &str, id: &str, received: usize) -> Answer {
        let first =
            asked.header("content-range").and_then(|range| range.split('-').next()?.parse::<usize>().ok());
        if first.is_some_and(|first| first != received) {
            return self.session(asked, StatusCode::RANGE_NOT_SATISFIABLE, repository, id, received);
        }
        let received = self.take(asked, id);
        self.session(asked, StatusCode::ACCEPTED, repository, id, received)
    }

    fn close(&self, asked: &Asked, repository: &str, id: &str) -> Answer {
        let Some(digest) = asked.parameter("digest") else {
            return Answer::error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", "digest parameter missing");
        };
        self.take(asked, id);
        if !asked.complete {
            return Answer::error(StatusCode::BAD_REQUEST, "SIZE_INVALID", "the body ended early");
        }
        let mut content = self.store.content();
        let Some(upload) = content.uploads.remove(id) else { return method_not_allowed() };
        if digest_like(&digest, &upload.bytes) != digest {
            let message = "provided digest did not match uploaded content";
            return Answer::error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message);
        }
        content.repository(repository).blobs.insert(digest.clone(), upload.bytes.freeze());
        created(repository, &digest)
    }

    /// Keeps what came, also of a body that broke off: the client may go on from there.
    fn take(&self, asked: &Asked, id: &str) -> usize {
        let mut content = self.store.content();
        let Some(upload) = content.uploads.get_mut(id) else { return 0 };
        upload.bytes.extend_from_slice(&asked.body);
        upload.bytes.len()
    }

    fn session(
        &self,
        asked: &Asked,
        status: StatusCode,
        repository: &str,
        id: &str,
        received: usize,
    ) -> Answer {
        let path = format!("/v2/{repository}/blobs/uploads/{id}?_state=opaque%3D%3D{received}");
        let host = asked.header("host").unwrap_or_default();
        let location = if self.relative_locations { path } else { format!("http://{host}{path}") };
        Answer::new(status)
            .header("location", location)
            .header("range", format!("0-{}", received.saturating_sub(1)))
            .header("docker-upload-uuid", id)
    }
}

fn created(repository: &str, digest: &str) -> Answer {
    Answer::new(StatusCode::CREATED)
        .header("location", format!("/v2/{repository}/blobs/{digest}"))
        .header("docker-content-digest", digest)
}
